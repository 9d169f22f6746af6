from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from examples_db import database
from examples_db.retrieve import Ranking
from examples_db.store import SqliteStore
from nlq.errors import InputError, StoreError
from nlq.types import Example, State
from tests.fakes.embedder import HashEmbedder

Opener = Callable[..., SqliteStore]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "examples.db"


@pytest.fixture
def open_(path: Path) -> Iterator[Opener]:
    """Opens stores on ``path`` and closes them at the end."""
    opened = []

    def opener(embedder: HashEmbedder | None = None) -> SqliteStore:
        opened.append(SqliteStore.open(path, embedder or HashEmbedder(), ranking=Ranking(floor=-1)))
        return opened[-1]

    yield opener
    for store in opened:
        store.close()


def example(question: str, index: str = "orders", **query: Any) -> Example:
    return Example(question, query or {"query": {"match_all": {}}}, index)


def test_examples_are_there_after_the_store_was_closed(open_: Opener) -> None:
    kept = Example("a", {"query": {"term": {"b": "ü"}}, "size": 0}, "i", ("b:keyword",), "mine")
    first = open_()
    first.add([kept, example("other")])
    first.close()

    found = open_().all()

    assert replace(found[0], id="") == kept
    assert list(found[0].query) == ["query", "size"]


def test_counts_do_not_wait_for_the_disk_and_all_else_does_also_after_a_count_that_failed(path: Path) -> None:
    opened = database.Database.open(path)
    normal, full = (1,), (2,)

    with opened.counting() as db:
        assert db.execute("PRAGMA synchronous").fetchone() == normal
    with pytest.raises(StoreError), opened.counting() as db:
        db.execute("no SQL")

    with opened.writing() as db:
        assert db.execute("PRAGMA synchronous").fetchone() == full
    opened.close()


def test_a_query_is_kept_in_the_spelling_that_models_are_shown(open_: Opener) -> None:
    spelled = {"size": 0, "query": {"term": {"b": {"value": "x"}}}, "aggregations": {"by b": {"terms": {"field": "b"}}}}
    store = open_()
    store.add([Example("how many per b where b is x", spelled, "i", ("b:keyword",))])

    (found,) = store.all()

    assert found.query == {"query": {"term": {"b": "x"}}, "size": 0, "aggs": {"groups": {"terms": {"field": "b"}}}}


def test_nothing_is_embedded_before_it_is_needed(open_: Opener) -> None:
    embedder = HashEmbedder()
    store = open_(embedder)
    store.add([example("orders above 50")])
    store.all()

    assert embedder.encoded == []


def test_vectors_are_kept_between_openings(open_: Opener) -> None:
    open_().add([example("orders above 50")])
    open_().warm()
    embedder = HashEmbedder()

    found = open_(embedder).nearest("comedies after 1995", 1)

    assert [e.question for e in found] == ["orders above 50"]
    assert embedder.encoded == ["comedies after [number]"]


@pytest.mark.parametrize("other", [HashEmbedder(name="another"), HashEmbedder(64)], ids=["name", "dimension"])
def test_vectors_of_another_embedder_are_made_again(open_: Opener, other: HashEmbedder) -> None:
    open_().add([example("orders above 50")])
    open_().warm()

    found = open_(other).nearest("orders above 7", 1)

    assert len(found) == 1
    assert other.encoded == ["orders above [number]", "orders above [number]"]


def test_equal_patterns_are_embedded_once(open_: Opener) -> None:
    embedder = HashEmbedder()
    store = open_(embedder)
    store.add([example("orders above 50"), example("orders above 70"), example("orders above 50", "shop")])
    store.warm()

    assert embedder.encoded == ["orders above [number]", "warm"]


def test_an_edit_embeds_the_new_pattern_only(open_: Opener) -> None:
    embedder = HashEmbedder()
    store = open_(embedder)
    store.add([example("orders above 50"), example("who paid")])
    store.warm()
    embedder.encoded.clear()
    record = store.page()[1]

    store.edit(record.example.id, example("who did not pay"), etag=record.etag)
    store.warm()

    assert embedder.encoded == ["who did not pay", "warm"]


def test_counts_and_marks_embed_nothing_and_leave_the_index_as_it_is(open_: Opener) -> None:
    embedder = HashEmbedder()
    store = open_(embedder)
    store.add([example("orders above 50"), example("who paid")])
    store.warm()
    embedder.encoded.clear()
    ids = [e.id for e in store.all()]
    statements: list[str] = []
    store._database._connection.set_trace_callback(statements.append)

    store.used(ids, won=ids)
    store.mark(ids[0], State.VERIFIED, engine="9.4.3")
    statements.clear()
    store.nearest("who paid", 2)

    assert embedder.encoded == ["who paid"]
    assert not [s for s in statements if s.startswith(("BEGIN", "INSERT", "UPDATE", "DELETE"))]


def test_vectors_of_patterns_that_no_example_has_are_deleted(open_: Opener, path: Path) -> None:
    store = open_()
    store.add([example("orders above 50"), example("orders above 70"), example("who paid")])
    store.warm()
    first, second, third = store.page()

    store.remove(first.example.id)
    kept = vectors_in(path)
    store.remove(second.example.id)
    store.edit(third.example.id, example("who did not pay"), etag=third.etag)

    assert (kept, vectors_in(path)) == (2, 0)


def vectors_in(path: Path) -> int:
    connection = sqlite3.connect(path)
    (count,) = connection.execute("SELECT count(*) FROM vector").fetchone()
    connection.close()
    return int(count)


def test_an_embedder_that_gives_other_lengths_than_it_says_is_refused(open_: Opener) -> None:
    store = open_(LyingEmbedder())
    store.add([example("who paid")])

    with pytest.raises(StoreError, match="gave no vectors of length 256: set NLQ_EMBEDDER"):
        store.nearest("who paid", 1)


class LyingEmbedder(HashEmbedder):
    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return super().encode(texts)[:, :8]


def test_names_of_fields_are_masked_where_the_ranking_says_so(path: Path) -> None:
    embedder = HashEmbedder()
    store = SqliteStore.open(path, embedder, ranking=Ranking(floor=-1, mask_fields=True))
    store.add([Example("orders by shipping date", {}, "orders", ("shippingDate:date",))])

    ((cosine, _),) = store.scored("orders by price", 1, fields=["price:double"])
    store.close()

    assert embedder.encoded == ["orders by [field]", "orders by [field]"]
    assert cosine == pytest.approx(1)


def test_what_is_further_away_than_the_floor_is_left_out(path: Path) -> None:
    store = SqliteStore.open(path, HashEmbedder(), ranking=Ranking(floor=0.6))
    store.add([example("orders above 50"), example("zzz")])

    found = store.nearest("orders above 7", 5)
    store.close()

    assert [e.question for e in found] == ["orders above 50"]


def test_what_another_store_adds_is_found_at_once(open_: Opener) -> None:
    mine, theirs = open_(), open_()
    mine.add([example("who paid")])
    mine.warm()

    theirs.add([example("orders above 50")])

    assert [e.question for e in mine.nearest("orders above 9", 1)] == ["orders above 50"]


def test_the_linked_values_of_an_example_come_from_its_query(open_: Opener) -> None:
    store = open_()
    store.add([example("films by Tim Burton", query={"term": {"director": "Tim Burton"}})])

    ((score, _),) = store.scored("films by 'Jane Campion'", 1)

    assert score == pytest.approx(1)


def test_many_equal_patterns_do_not_hide_the_others(open_: Opener) -> None:
    store = open_()
    store.add(example(f"orders above {n}", query={"range": {"total": {"gt": n}}}) for n in range(300))
    store.add([example("total of all payments")])

    found = store.nearest("orders above 1000", 2)

    assert [e.question for e in found] == ["orders above 0", "total of all payments"]


def test_threads_share_one_store(open_: Opener) -> None:
    store = open_()

    def work(thread: int) -> int:
        added = sum(store.add([example(f"question {n} of thread {thread}")]) for n in range(20))
        return added + len(store.nearest("question", 3))

    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(work, range(8)))

    assert len(store.all()) == 160
    assert all(count > 20 for count in counts)


BAD = [
    example(" "),
    example("q", index=""),
    example("half \ud800 a character"),
    example("q", size=float("nan")),
    example("q", query={1, 2}),
    example("q" * 2_000_000),
    Example("q", [], "i"),  # type: ignore[arg-type]  # what a careless caller passes
    Example("q", {}, "i", ("no kind",)),
]


@pytest.mark.parametrize("bad", BAD, ids=lambda e: repr(e)[:60])
def test_where_one_is_no_example_none_is_added(open_: Opener, bad: Example) -> None:
    store = open_()

    with pytest.raises(InputError):
        store.add([example("good"), bad])

    assert store.all() == ()


def test_a_file_that_is_no_database_is_a_clear_error(open_: Opener, path: Path) -> None:
    path.write_bytes(b"These are not the examples you are looking for. " * 100)

    with pytest.raises(StoreError, match=r"move the file away .* `nlq examples import FILE`"):
        open_()


def test_a_damaged_database_is_a_clear_error(open_: Opener, path: Path) -> None:
    store = open_()
    store.add(example(f"question number {n}", index="i" * 50) for n in range(500))
    store.close()
    content = bytearray(path.read_bytes())
    content[4096:40960] = os.urandom(40960 - 4096)
    path.write_bytes(content)

    with pytest.raises(StoreError, match="are damaged"):
        open_()


def test_another_programs_database_is_refused_and_left_as_it_is(open_: Opener, path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (a)")
    connection.commit()
    connection.close()
    before = path.read_bytes()

    with pytest.raises(StoreError, match="another program"):
        open_()
    assert path.read_bytes() == before


def test_a_large_file_is_opened_without_reading_it_through(
    open_: Opener, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_CHECKED_BYTES", 4096)
    store = open_()
    store.add(example(f"question number {n}", index="i" * 50) for n in range(500))
    store.close()
    content = bytearray(path.read_bytes())
    content[40960:81920] = os.urandom(40960)
    path.write_bytes(content)

    store = open_()

    with pytest.raises(StoreError, match="are damaged"):
        store.all()


def test_a_file_of_a_newer_version_is_refused(open_: Opener, path: Path) -> None:
    open_().close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()

    with pytest.raises(StoreError, match="newer nlq"):
        open_()


def test_an_unreadable_row_is_named(open_: Opener, path: Path) -> None:
    store = open_()
    store.add([example("who paid")])
    connection = sqlite3.connect(path)
    connection.execute("UPDATE example SET query = '{'")
    connection.commit()
    connection.close()

    with pytest.raises(StoreError, match="'who paid' is not readable"):
        store.nearest("who", 1)


def test_a_writer_that_never_ends_is_a_clear_error(open_: Opener, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.01)
    store = open_()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")

    with pytest.raises(StoreError, match="keeps writing"):
        store.add([example("who paid")])
    connection.close()
    assert store.add([example("who paid")]) == 1


def test_a_folder_that_cannot_be_made_is_a_clear_error(path: Path) -> None:
    path.write_text("a file")

    with pytest.raises(StoreError, match="NLQ_EXAMPLES_DB"):
        SqliteStore.open(path / "examples.db", HashEmbedder())


def test_the_folder_of_a_new_store_is_made(path: Path) -> None:
    store = SqliteStore.open(path / "a" / "b.db", HashEmbedder())
    store.close()

    assert (path / "a" / "b.db").is_file()
