"""What settings name is what a translator is made of."""

from __future__ import annotations

import io
import threading
from pathlib import Path

import pytest
from rich.console import Console

from nlq import bootstrap
from nlq.bootstrap import open_translator
from nlq.errors import ConfigError
from nlq.settings import Settings, load_settings
from tests.fakes.sampler import ScriptedSampler
from tests.fakes.store import FakeStore

CONSOLE = Console(file=io.StringIO())


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    recorded = tmp_path / "recorded.jsonl"
    recorded.touch()
    (tmp_path / "config.json").write_text("{}")  # an embedder's folder is looked into when a text is embedded
    return load_settings(
        home=tmp_path,
        es_url="http://127.0.0.1:9",
        sampler="replay",
        replay_file=recorded,
        embedder=str(tmp_path),
        shot_groups=2,
    )


def test_an_ensemble_is_loaded_model_by_model_with_its_weights(settings: Settings) -> None:
    several = settings.model_copy(update={"ensemble": (("a", 3.0), ("b", 1.0))})
    with open_translator(several, console=CONSOLE, examples=FakeStore()) as translator:
        weights = [weight for _, weight in translator.samplers]
        loaded = {id(sampler) for sampler, _ in translator.samplers}

    assert weights == [3.0, 1.0]
    assert len(loaded) == 2
    assert translator.sampler is translator.samplers[0][0]
    assert translator.diversity.shot_groups == 2


def test_a_given_sampler_is_asked_alone_whatever_the_settings_name(settings: Settings) -> None:
    several = settings.model_copy(update={"ensemble": (("a", 3.0), ("b", 1.0))})
    given = ScriptedSampler(["{}"])
    with open_translator(several, console=CONSOLE, sampler=given, examples=FakeStore()) as translator:
        pass

    assert translator.sampler is given
    assert translator.samplers == ()
    assert not given.closed


def test_a_replay_without_a_file_names_the_setting(settings: Settings) -> None:
    lacking = settings.model_copy(update={"replay_file": None})

    with pytest.raises(ConfigError, match="NLQ_REPLAY_FILE"), open_translator(lacking, examples=FakeStore()):
        pass


class _EmbedsLong(FakeStore):
    """Its examples are embedded until it is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = threading.Event()
        self.ended_by_closing: bool | None = None

    def warm(self) -> None:
        self.ended_by_closing = self.closed.wait(30)

    def close(self) -> None:
        self.closed.set()


def test_whoever_leaves_does_not_wait_until_all_examples_are_embedded(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = _EmbedsLong()
    monkeypatch.setattr(bootstrap, "open_store", lambda *_, **__: store)
    with open_translator(settings, sampler=ScriptedSampler(["{}"])):
        pass

    assert store.ended_by_closing
