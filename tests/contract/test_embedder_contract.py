"""What holds for every embedder, hand-made or real, and what the default model finds."""

from __future__ import annotations

import socket
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
from typer.testing import CliRunner

from examples_db.embed import Embedder, SentenceEmbedder
from examples_db.store import SqliteStore, seed
from nlq.types import Example, LinkedValue
from tests.contract.test_example_store import above, count
from tests.fakes.embedder import HashEmbedder

NAME = "sentence-transformers/all-MiniLM-L6-v2"


@pytest.fixture(scope="module")
def sentences() -> SentenceEmbedder:
    return SentenceEmbedder.load(NAME)


@pytest.fixture(params=["hash", "sentences"])
def embedder(request: pytest.FixtureRequest) -> Embedder:
    chosen: Embedder = HashEmbedder() if request.param == "hash" else request.getfixturevalue("sentences")
    return chosen


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
