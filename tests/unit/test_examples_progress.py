"""How far embedding is, on a console."""

from __future__ import annotations

import io
import threading
from pathlib import Path

import pytest
from rich.console import Console
from rich.errors import LiveError

from examples_db.progress import EmbeddingBar, counted
from examples_db.retrieve import Ranking
from examples_db.searching import Sizes
from examples_db.store import SqliteStore
from nlq.bootstrap import open_store
from nlq.settings import load_settings
from nlq.types import Example
from tests.fakes.embedder import HashEmbedder


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=100)


def shown(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_bar_is_drawn_until_all_are_done_and_gives_the_cursor_back(console: Console) -> None:
    bar = EmbeddingBar(console)
    bar(10, 30)
    hidden = shown(console)
    bar(30, 30)

    assert "\x1b[?25l" in hidden
    assert "\x1b[?25h" not in hidden
    assert shown(console).endswith("\x1b[?25h")
    assert "embedding examples" in shown(console)
    assert "30/30" in shown(console)


def test_no_bar_is_drawn_where_the_first_batch_is_all(console: Console) -> None:
    EmbeddingBar(console)(30, 30)

    assert shown(console) == ""


def test_a_bar_comes_again_when_more_is_to_do(console: Console) -> None:
    bar = EmbeddingBar(console)
    for done in (10, 30, 20, 30):
        bar(done, 30)

    assert shown(console).count("\x1b[?25h") == 2


def test_a_bar_stands_beside_what_the_console_shows_already(console: Console) -> None:
    bar = EmbeddingBar(console)
    with console.status("reading the index"):
        bar(10, 30)
        bar(30, 30)

    assert "reading the index" in shown(console)
    assert "30/30" in shown(console)


def test_on_a_console_that_shows_one_thing_at_a_time_there_is_no_bar(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> None:
        raise LiveError("Only one live display may be active at once")

    monkeypatch.setattr(console, "set_live", refuse)
    bar = EmbeddingBar(console)
    bar(10, 30)
    bar(30, 30)

    assert "embedding" not in shown(console)


def test_work_that_fails_is_told_as_ended() -> None:
    told: list[tuple[int, int]] = []

    with pytest.raises(OSError, match="disk"), counted(30, lambda done, of: told.append((done, of))) as add:
        add(10)
        raise OSError("disk")

    assert told == [(10, 30), (10, 10)]


def test_a_store_that_is_closed_while_it_embeds_leaves_no_bar(tmp_path: Path, console: Console) -> None:
    path, sizes = tmp_path / "examples.db", Sizes(inline_most=10, batch=8)
    old = SqliteStore.open(path, HashEmbedder(name="old"), sizes=sizes)
    old.add(Example(f"question {n}", {"size": n}, "i") for n in "abcdefghijklmnopqrstuvwxyz")
    old.embed()
    old.close()
    bar, drawn = EmbeddingBar(console), threading.Event()

    def tell(done: int, total: int) -> None:
        bar(done, total)
        drawn.set()
        store._search._stop.wait(30)

    store = SqliteStore.open(
        path, HashEmbedder(name="new"), ranking=Ranking(floor=-1), sizes=sizes, earlier=lambda _: None, on_progress=tell
    )
    store.warm()
    drawn.wait(30)
    store.close()

    assert "\x1b[?25l" in shown(console)
    assert shown(console).endswith("\x1b[?25h")


def test_the_store_of_the_settings_draws_on_the_console_it_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, console: Console
) -> None:
    monkeypatch.setenv("NLQ_EXAMPLES_DB", str(tmp_path / "examples.db"))
    store = open_store(load_settings(), embedder=HashEmbedder(), console=console)  # type: ignore[arg-type]
    assert isinstance(store, SqliteStore)
    store.add(Example(f"question {n}", {"size": n}, "i") for n in range(2 * Sizes().inline_most))
    store.warm()
    store.wait()
    store.close()

    assert "embedding examples" in shown(console)
