"""Other ways to find examples, to be compared with the patterns of questions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from examples_db import found
from examples_db.patterns import PatternEmbedder
from examples_db.retrieve import Mode, Ranking
from examples_db.store import SqliteStore
from nlq.bootstrap import open_store
from nlq.errors import StoreError
from nlq.settings import load_settings
from nlq.types import Example, State
from tests.fakes.embedder import HashEmbedder

FILMS = "films of Greta Gerwig after 1995"
SOME = (
    Example("songs by Nina Simone after 1961", {"query": {"term": {"artist": "Nina Simone"}}}, "songs"),
    Example("films of Greta Gerwig", {"query": {"term": {"director": "Greta Gerwig"}}}, "films"),
    Example("how many tickets are open", {"size": 0}, "tickets", ("open:boolean",)),
)

Opener = Callable[..., SqliteStore]


@pytest.fixture
def open_(tmp_path: Path) -> Iterator[Opener]:
    opened = []

    def opener(mode: Mode, *, name: str = "examples.db", embedder: HashEmbedder | None = None) -> SqliteStore:
        patterns = PatternEmbedder(embedder or HashEmbedder())
        ranking = Ranking(mode=mode, floor=-1, kinds=0)
        opened.append(SqliteStore.open(tmp_path / name, patterns, ranking=ranking))
        return opened[-1]

    yield opener
    for store in opened:
        store.close()


def asked(store: SqliteStore, question: str, k: int = 3, *, exclude_index: str | None = None) -> list[str]:
    return [e.index for e in store.nearest(question, k, exclude_index=exclude_index)]


def test_plain_is_near_by_the_words_that_patterns_mask(open_: Opener) -> None:
    store = open_("plain")
    store.add(SOME)

    assert asked(store, FILMS, 1) == ["films"]
    assert asked(store, FILMS, exclude_index="fil*") == ["songs", "tickets"]
    assert store.scored(SOME[2].question, 1)[0][0] == pytest.approx(1)


def test_plain_embeds_every_question_once_as_it_is(open_: Opener) -> None:
    embedder = HashEmbedder()
    store = open_("plain", embedder=embedder)
    store.add(SOME)
    store.warm()
    embedder.encoded.clear()

    store.nearest(FILMS, 2)
    store.add([Example("who paid", {}, "bills")])
    store.nearest(FILMS, 2)

    assert embedder.encoded == [FILMS, "who paid", FILMS]


def test_chance_is_the_same_for_a_question_whatever_the_store_and_fair_among_questions(open_: Opener) -> None:
    store, other = open_("random"), open_("random", name="other.db")
    store.add(SOME)
    other.add(reversed(SOME))
    questions = [f"question {chr(97 + n % 26)}{n}" for n in range(90)]

    drawn = [asked(store, question) for question in questions]

    assert drawn == [asked(other, question) for question in questions]
    assert all(len(indices) == 3 for indices in drawn)
    assert min(Counter(indices[0] for indices in drawn).values()) > 15


def test_chance_needs_no_embedder_and_respects_no_floor(open_: Opener) -> None:
    embedder = HashEmbedder()
    store = open_("random", embedder=embedder)
    store.ranking = Ranking(mode="random", floor=0.9, kinds=1, relevance=0.5)
    store.add(SOME)
    store.warm()

    assert len(store.nearest("anything", 3, fields=["a:boolean"])) == 3
    assert embedder.encoded == []


@pytest.mark.parametrize("mode", ["plain", "random"])
def test_other_ways_show_no_stale_example_and_take_any_question(open_: Opener, mode: Mode) -> None:
    store = open_(mode)
    assert asked(store, "anything") == []
    store.add(SOME[:2], state=State.STALE)
    store.add(SOME[2:])

    assert asked(store, "half \ud800") == ["tickets"]


@pytest.mark.parametrize("mode", ["plain", "random"])
def test_other_ways_refuse_a_large_store(open_: Opener, mode: Mode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(found, "MOST", 2)
    store = open_(mode)
    store.add(SOME)

    with pytest.raises(StoreError, match=f"NLQ_RETRIEVAL={mode} .* at most 2 .* 3: set NLQ_RETRIEVAL=masked"):
        store.nearest("anything", 1)


def test_the_settings_say_how_examples_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NLQ_EXAMPLES_DB", str(tmp_path / "examples.db"))
    default = open_store(load_settings())
    for name, value in {"": "plain", "_FLOOR": "-0.5", "_KINDS": "0.2", "_RELEVANCE": "0.7"}.items():
        monkeypatch.setenv(f"NLQ_RETRIEVAL{name}", value)
    chosen = open_store(load_settings())
    default.close()
    chosen.close()

    assert default.ranking == Ranking()
    assert chosen.ranking == Ranking(mode="plain", floor=-0.5, kinds=0.2, relevance=0.7)
