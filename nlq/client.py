"""nlq from Python: a connection that is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from nlq.errors import ConfigError
from nlq.run_body import Ran, run_body
from nlq.translator import AskOptions, Event, Translator
from nlq.types import Answer, Body, IndexInfo, IndexSchema, Question


class Client:
    """Asks through ``translator``. ``index`` is an index, alias or data stream, a pattern (logs-*), or several of these
    with commas between. Every method may be called from several threads."""

    def __init__(self, translator: Translator) -> None:
        self.translator = translator

    def ask(
        self,
        index: str,
        question: str,
        options: AskOptions | None = None,
        *,
        on_event: Callable[[Event], None] | None = None,
    ) -> Answer:
        """The answer, its query already run. Raises what ``Translator.translate`` raises."""
        return self.translator.translate(Question(question, index), options or AskOptions(), on_event=on_event)

    def run(self, index: str, body: Body, *, max_results: int | None = None) -> Ran:
        """What a search body finds, checked as a model's are. Raises what ``run_body`` raises."""
        return run_body(self.translator, index, body, max_results=max_results)

    def indexes(self) -> Sequence[IndexInfo]:
        """What can be asked, by name."""
        return self.translator.engine.indexes()

    def schema(self, index: str) -> IndexSchema:
        """The fields of an index."""
        return self.translator.engine.schema(index)


@contextmanager
def connect(url: str | None = None, **settings: object) -> Iterator[Client]:
    """A client of the cluster at ``url`` (default: NLQ_ES_URL, else the embedded node), its model loaded; closed at the
    end. Downloads what is missing, with progress on standard error.

    ``settings`` are those of the command line without their prefix (es_api_key, model, sampler, n, …) and go before
    the environment. Raises ConfigError where one of them is wrong or a part is not there.
    """
    from nlq.bootstrap import open_translator
    from nlq.settings import Settings, load_settings

    if unknown := settings.keys() - Settings.model_fields.keys():
        raise ConfigError(f"connect() knows no setting {min(unknown)!r}; docs/settings.md lists them.")
    if url is not None:
        settings["es_url"] = url
    with open_translator(load_settings(**settings)) as translator:
        yield Client(translator)
