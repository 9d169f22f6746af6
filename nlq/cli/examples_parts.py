"""What the commands of ``nlq examples`` share: the store, who checks, filters, and text from outside on a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from nlq.errors import InputError
from nlq.settings import load_settings
from nlq.types import Body, ExampleFilter, Record, State

if TYPE_CHECKING:
    from examples_db.elastic_store import ElasticStore
    from examples_db.store import SqliteStore
    from nlq.curation import Curator

Id = Annotated[str, typer.Argument(metavar="ID", help="As `nlq examples list` shows it.")]
OfIndex = Annotated[str | None, typer.Option("--index", help="Only examples of this index.")]
FromSource = Annotated[
    str | None, typer.Option("--source", help="Only from here: hand, user-approved, teacher, self, seed, import.")
]
InState = Annotated[State | None, typer.Option("--state", help="Only those in this state.")]
WithTag = Annotated[str | None, typer.Option("--tag", help="Only those with this tag.")]
WithText = Annotated[str | None, typer.Option("--text", help="Only those whose question holds these words.")]


def wanted(
    index: str | None, source: str | None, state: State | None, *, tag: str | None, text: str | None
) -> ExampleFilter:
    return ExampleFilter(index=index, source=source, state=state, tag=tag, text=text)


@contextmanager
def open_examples() -> Iterator[SqliteStore | ElasticStore]:
    """The store that the settings name."""
    from nlq.bootstrap import open_store

    with closing(open_store(load_settings())) as store:
        yield store


@contextmanager
def open_curator(*, check: bool = True) -> Iterator[Curator]:
    """Checks against the engine that the settings name; with ``check`` False against none."""
    from nlq.bootstrap import load_embedder, open_engine, open_store
    from nlq.curation import Curator

    settings = load_settings()
    with ExitStack() as parts:
        engine = parts.enter_context(open_engine(settings)) if check else None
        embedder = load_embedder(settings)
        yield Curator(
            engine,
            parts.enter_context(closing(open_store(settings, embedder=embedder))),
            embedder,
            timeout=settings.es_timeout,
            max_results=settings.max_results,
            max_question_chars=settings.max_question_chars,
        )


def query_of(text: str) -> Body:
    """The query that an option names; InputError where it is none."""
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise InputError(f"--query is not JSON ({exc}): put the whole body in single quotes.") from exc
    if not isinstance(found, dict):
        raise InputError('--query must be a JSON object, like {"query":{"term":{"genre":"Comedy"}}}.')
    return found


def cells(*texts: str) -> list[Text]:
    """Cells that show text from outside as it is: no markup, no terminal control characters."""
    return [Text(plain(text), overflow="fold") for text in texts]


def plain(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)


def say(what: Table | Text | str, *, console: Console | None = None) -> None:
    """Text is not wrapped, so that it can be piped."""
    text = Text(what) if isinstance(what, str) else what
    (console or Console()).print(text, soft_wrap=isinstance(text, Text))


def told(record: Record) -> str:
    """A record in one line: what a command did it to."""
    return (
        f"{record.example.id}  {record.state.value}  [{plain(record.example.index)}] {plain(record.example.question)}"
    )
