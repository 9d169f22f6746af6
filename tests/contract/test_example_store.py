"""What holds for every example store and every embedder, hand-made or real."""

from __future__ import annotations

import socket
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
from typer.testing import CliRunner

from examples_db.embed import Embedder, SentenceEmbedder
from examples_db.store import SqliteStore, seed
from nlq.errors import StoreError
from nlq.ports import ExampleStore
from nlq.types import Example, LinkedValue
from tests.fakes.embedder import HashEmbedder
from tests.fakes.store import FakeStore

NAME = "sentence-transformers/all-MiniLM-L6-v2"


@pytest.fixture(scope="module")
def sentences() -> SentenceEmbedder:
    return SentenceEmbedder.load(NAME)


@pytest.fixture(params=["hash", "sentences"])
def embedder(request: pytest.FixtureRequest) -> Embedder:
    chosen: Embedder = HashEmbedder() if request.param == "hash" else request.getfixturevalue("sentences")
    return chosen


@pytest.fixture(params=["fake", "sqlite", "sqlite with sentences"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FakeStore | SqliteStore]:
    if request.param == "fake":
        yield FakeStore()
        return
    embedder = HashEmbedder() if request.param == "sqlite" else request.getfixturevalue("sentences")
    opened = SqliteStore.open(tmp_path / "examples.db", embedder)
    yield opened
    opened.close()


def count(question: str, index: str) -> Example:
    return Example(question, {"query": {"match_all": {}}, "size": 0}, index, ("a:keyword",))


def above(question: str, index: str, number: int) -> Example:
    return Example(question, {"query": {"range": {"total": {"gt": number}}}}, index, ("total:double",))


SOME = (
    count("How many orders are there?", "orders"),
    above("orders above 50", "orders", 50),
    count("How many tickets are open?", "tickets"),
    Example("who wrote 'Emma'", {"query": {"term": {"title": "Emma"}}, "_source": ["author"]}, "books"),
)


def test_it_is_an_example_store(store: FakeStore | SqliteStore) -> None:
    port: ExampleStore = store

    assert port.all() == ()
    assert port.nearest("anything", 3) == ()


def test_all_gives_back_what_was_added_in_order(store: ExampleStore) -> None:
    store.add(SOME[:2])
    store.add(SOME[2:])

    assert store.all() == SOME


def test_add_counts_only_what_is_new(store: ExampleStore) -> None:
    other_index = count("How many orders are there?", "shop")

    assert store.add(SOME) == 4
    assert store.add([*SOME, other_index, other_index]) == 1
    assert len(store.all()) == 5


def test_an_equal_question_is_nearest(store: ExampleStore) -> None:
    store.add(SOME)
    store.warm()

    assert [store.nearest(e.question, 1)[0] for e in SOME] == list(SOME)


def test_numbers_and_quoted_values_do_not_matter(store: ExampleStore) -> None:
    store.add(SOME)

    assert store.nearest("orders above 7,000", 1) == (SOME[1],)
    assert store.nearest('who wrote "Moby Dick"', 1) == (SOME[3],)


def test_linked_values_do_not_matter(store: FakeStore | SqliteStore) -> None:
    store.add([*SOME, Example("films by Tim Burton", {"query": {"term": {"director": "Tim Burton"}}}, "films")])

    found = store.nearest("films by Jane Campion", 1, values=[LinkedValue("Jane Campion", "director", "Jane Campion")])

    assert found[0].index == "films"


@pytest.mark.parametrize(("k", "expected"), [(-1, 0), (0, 0), (1, 1), (3, 3), (4, 4), (100, 4)])
def test_at_most_k_are_found(store: ExampleStore, k: int, expected: int) -> None:
    store.add(SOME)

    assert len(store.nearest("How many orders?", k)) == expected


def test_an_index_can_be_left_out(store: ExampleStore) -> None:
    store.add(SOME)

    found = store.nearest("How many orders are there?", 10, exclude_index="orders")

    assert {e.index for e in found} == {"tickets", "books"}


def test_of_equal_patterns_with_equal_queries_the_oldest_is_found(store: ExampleStore) -> None:
    store.add([above("orders above 50", "orders", 50), above("orders above 70", "orders", 70), SOME[0]])

    found = store.nearest("orders above 60", 3)

    assert [e.question for e in found] == ["orders above 50", "How many orders are there?"]


def test_equal_patterns_with_different_queries_are_both_found(store: ExampleStore) -> None:
    below = Example("orders above 50", {"query": {"range": {"price": {"gt": 50}}}}, "sales")
    store.add([above("orders above 50", "orders", 50), below])

    assert len(store.nearest("orders above 60", 3)) == 2


@pytest.mark.parametrize(
    "question", ["", "   ", "\x00\x07", "half \ud800", "كم عدد الطلبات؟", "有多少订单", "o" * 100_000, '"; DROP TABLE']
)
def test_any_question_finds_something(store: ExampleStore, question: str) -> None:
    store.add(SOME)

    assert len(store.nearest(question, 2)) == 2


def test_a_closed_store_refuses(store: ExampleStore) -> None:
    store.add(SOME)
    store.close()

    with pytest.raises(StoreError, match="is closed"):
        store.nearest("orders", 1)
    with pytest.raises(StoreError, match="is closed"):
        store.add(SOME)
    with pytest.raises(StoreError, match="is closed"):
        store.all()


def test_vectors_are_float32_rows_of_length_one(embedder: Embedder) -> None:
    vectors = embedder.encode(["orders above [number]", "x", "注文"])

    assert vectors.dtype == np.float32
    assert vectors.shape == (3, embedder.dimension)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(3), abs=1e-4)


def test_no_text_is_no_row(embedder: Embedder) -> None:
    assert embedder.encode([]).shape == (0, embedder.dimension)


def test_a_text_has_the_same_vector_alone_and_among_others(embedder: Embedder) -> None:
    alone, among = embedder.encode(["orders"]), embedder.encode(["a much longer question about films", "orders"])

    assert among[1] == pytest.approx(alone[0], abs=1e-5)


def test_threads_share_one_embedder(embedder: Embedder) -> None:
    texts = [f"question number {n}" for n in range(16)]
    expected = embedder.encode(texts)

    with ThreadPoolExecutor(8) as pool:
        rows = list(pool.map(lambda text: embedder.encode([text])[0], texts))

    assert np.stack(rows) == pytest.approx(expected, abs=1e-5)


def test_the_default_model_loads_in_silence_and_without_a_network(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> NoReturn:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SentenceEmbedder.load(NAME).encode(["orders above 50"])

    assert capfd.readouterr() == ("", "")


def test_the_masked_twin_on_another_index_is_nearest(sentences: SentenceEmbedder, tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path / "examples.db", sentences)
    store.add(
        [
            count("How many comedies are there?", "films"),
            Example("which comedies are the longest", {"query": {"match_all": {}}, "size": 1}, "films"),
            count("How many tickets were opened per month?", "tickets"),
            above("orders above 50", "orders", 50),
            Example("who is the author of most books", {"query": {"match_all": {}}, "size": 0}, "books"),
        ]
    )
    comedies = [LinkedValue("comedies", "genre", "Comedy")]

    unlinked = store.nearest("comedies after 1995", 1, exclude_index="films")
    linked = store.nearest("comedies after 1995", 1, values=comedies)
    store.close()

    assert unlinked[0].question == linked[0].question == "orders above 50"


def test_seeds_are_found_by_their_own_words(sentences: SentenceEmbedder, tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path / "examples.db", sentences)
    seed(store)
    asked = store.all()[::15]
    found = [store.nearest(e.question, 3) for e in asked]
    store.close()

    assert sum(e in near for e, near in zip(asked, found, strict=True)) >= 0.9 * len(asked)


def test_search_prints_the_nearest_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nlq.cli.examples import app

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NLQ_HOME", str(tmp_path))
    monkeypatch.setenv("NLQ_EXAMPLES_DB", str(tmp_path / "examples.db"))
    monkeypatch.setenv("COLUMNS", "200")
    printed = CliRunner().invoke(app, ["search", "unpaid orders over 90", "-k", "2"])

    assert printed.exit_code == 0
    assert "unpaid orders over" in " ".join(printed.stdout.split())
    assert printed.stderr == ""
