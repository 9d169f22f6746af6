"""Another embedder: its vectors are made in the background while the earlier one serves."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from examples_db.embed import Embedder
from examples_db.retrieve import Ranking
from examples_db.searching import Sizes
from examples_db.store import SqliteStore
from nlq.errors import StoreError
from nlq.types import Example
from tests.fakes.embedder import HashEmbedder

SIZES = Sizes(inline_most=10, batch=8)

Opener = Callable[..., SqliteStore]


class HeldEmbedder(HashEmbedder):
    """Encodes batches only when ``release`` is set; single questions always."""

    def __init__(self, *, name: str, fail: bool = False) -> None:
        super().__init__(name=name)
        self.release = threading.Event()
        self.fail = fail

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if len(texts) > 1:
            assert self.release.wait(30)
            if self.fail:
                raise StoreError("The embedder failed.")
        return super().encode(texts)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "examples.db"


@pytest.fixture
def open_(path: Path) -> Iterator[Opener]:
    opened = []

    def opener(embedder: Embedder, **options: Any) -> SqliteStore:
        options = {"ranking": Ranking(floor=-1), "sizes": SIZES, **options}
        opened.append(SqliteStore.open(path, embedder, **options))
        return opened[-1]

    yield opener
    for store in opened:
        store.close()


def word(n: int) -> str:
    return "".join(chr(97 + int(digit)) for digit in str(n))


def filled(store: SqliteStore, n: int = 50) -> None:
    store.add(Example(f"question {word(i)}", {"query": {"match_all": {}}}, "i") for i in range(n))
    store.embed()


def makers(path: Path) -> list[tuple[str, int]]:
    """Each embedder in the file with the number of its vectors."""
    connection = sqlite3.connect(path)
    statement = "SELECT embedder, count(vector.id) FROM maker LEFT JOIN vector ON maker = maker.id GROUP BY maker.id"
    found = connection.execute(statement).fetchall()
    connection.close()
    return found


def nearest(store: SqliteStore, n: int) -> list[str]:
    return [e.question for e in store.nearest(f"question {word(n)}", 1)]


def test_the_earlier_embedder_serves_until_the_new_one_is_ready(open_: Opener) -> None:
    old, new = HashEmbedder(name="old"), HeldEmbedder(name="new")
    filled(open_(old))
    old.encoded.clear()
    store = open_(new, earlier={"old-256": old}.get)

    during = nearest(store, 7)
    served_by_old = list(old.encoded)
    new.release.set()
    store.wait()
    new.encoded.clear()
    afterwards = nearest(store, 7)

    assert during == afterwards == ["question h"]
    assert served_by_old == new.encoded == ["question h"]


def test_progress_is_told_in_the_background(open_: Opener) -> None:
    filled(open_(HashEmbedder(name="old")))
    told: list[tuple[int, int]] = []
    store = open_(HashEmbedder(name="new"), earlier=named, on_progress=lambda n, of: told.append((n, of)))

    store.warm()
    store.wait()

    assert told == [(8, 50), (16, 50), (24, 50), (32, 50), (40, 50), (48, 50), (50, 50)]


def named(id_: str) -> HashEmbedder:
    return HashEmbedder(name=id_.removesuffix("-256"))


def test_what_is_added_and_removed_meanwhile_is_found_and_gone_at_once(open_: Opener) -> None:
    filled(open_(HashEmbedder(name="old")))
    new = HeldEmbedder(name="new")
    store = open_(new, earlier=named)
    store.warm()
    store.add([Example("which tables are free", {}, "tables")])
    store.remove(store.all()[7].id)

    during = [e.question for e in store.nearest("which tables are free", 1)], nearest(store, 7)
    new.release.set()
    store.wait()

    assert during[0] == ["which tables are free"]
    assert during[1] != ["question h"]
    assert [e.question for e in store.nearest("which tables are free", 1)] == during[0]
    assert nearest(store, 7) != ["question h"]


def test_where_the_earlier_embedder_is_gone_what_is_embedded_already_is_found(open_: Opener) -> None:
    filled(open_(HashEmbedder(name="old")))
    new = HeldEmbedder(name="new")
    new.release.set()
    store = open_(new, earlier=lambda _: None)

    store.warm()
    few = nearest(store, 7)
    store.wait()

    assert few == ["question h"]
    assert nearest(store, 49) == ["question ej"]


def test_embedding_goes_on_where_it_was_left(open_: Opener, path: Path) -> None:
    filled(open_(HashEmbedder(name="old")))
    store = open_(HashEmbedder(name="new"))
    stopped = threading.Event()
    search = store._search._wanted.vectors
    search.open()
    search.place_all(batch=8, on_progress=lambda n, _: stopped.set() if n == 16 else None, stop=stopped)
    left = makers(path)
    again = HashEmbedder(name="new")

    assert open_(again).embed() == 34
    assert left == [("old-256", 50), ("new-256", 16)]
    assert again.encoded == [f"question {word(n)}" for n in range(16, 50)]


def test_other_ways_to_make_patterns_are_other_vectors_and_serve_in_turn(open_: Opener, path: Path) -> None:
    filled(open_(HashEmbedder()))
    masking = Ranking(floor=-1, mask_fields=True)
    store = open_(HashEmbedder(), ranking=masking)

    first = nearest(store, 7)
    store.wait()

    assert first == nearest(store, 7) == ["question h"]
    assert makers(path) == [("hash-256", 50), ("hash-256", 50)]


def test_going_back_to_the_embedder_before_embeds_nothing(open_: Opener) -> None:
    filled(open_(HashEmbedder(name="old")))
    open_(HashEmbedder(name="new")).embed()
    back = HashEmbedder(name="old")
    store = open_(back)

    assert nearest(store, 7) == ["question h"]
    assert back.encoded == ["question h"]


def test_vectors_of_the_last_two_embedders_are_kept(open_: Opener, path: Path) -> None:
    for name in ("first", "second", "third"):
        store = open_(HashEmbedder(name=name), earlier=named)
        filled(store)
        store.add(Example(f"more of {name} {word(i)}", {}, "i") for i in range(11))
        store.warm()
        store.wait()

    assert makers(path) == [("second-256", 72), ("third-256", 83)]


def test_a_process_whose_vectors_were_deleted_makes_them_again(open_: Opener, path: Path) -> None:
    store = open_(HashEmbedder(name="mine"), sizes=Sizes())
    filled(store)
    store.warm()
    connection = sqlite3.connect(path)
    for table in ("placed", "vector", "maker"):
        connection.execute(f"DELETE FROM {table}")
    connection.commit()
    connection.close()

    assert nearest(store, 7) == ["question h"]


def test_what_fails_in_the_background_is_told_and_the_earlier_embedder_goes_on(open_: Opener) -> None:
    filled(open_(HashEmbedder(name="old")))
    new = HeldEmbedder(name="new", fail=True)
    store = open_(new, earlier=named)
    store.warm()
    new.release.set()

    with pytest.raises(StoreError, match="The embedder failed"):
        store.wait()

    assert nearest(store, 7) == ["question h"]


def test_a_store_can_be_closed_while_it_embeds(open_: Opener, path: Path) -> None:
    filled(open_(HashEmbedder(name="old")))
    first_batch = threading.Event()

    def hold(done: int, total: int) -> None:
        first_batch.set()
        store._search._stop.wait(30)

    store = open_(HashEmbedder(name="new"), earlier=named, on_progress=hold)
    store.warm()
    first_batch.wait(30)

    store.close()

    assert makers(path) == [("old-256", 50), ("new-256", 8)]
    assert nearest(open_(HashEmbedder(name="new"), sizes=Sizes()), 7) == ["question h"]


def test_many_new_examples_are_embedded_in_the_background(open_: Opener) -> None:
    store = open_(HashEmbedder())
    store.warm()
    store.add(Example(f"question {word(i)}", {"query": {"match_all": {}}}, "i") for i in range(40))

    store.warm()
    store.wait()

    assert nearest(store, 39) == ["question dj"]


def test_an_example_that_is_edited_while_it_is_embedded_keeps_its_new_question(open_: Opener) -> None:
    embedder = HeldEmbedder(name="slow")
    store = open_(embedder, sizes=Sizes())
    store.add([Example("who paid", {}, "i"), Example("what is late", {}, "i")])
    vectors = store._search._wanted.vectors
    vectors.open()
    worker = threading.Thread(target=vectors.place, args=(vectors.pending(10),))
    worker.start()
    record = store.page()[0]
    store.edit(record.example.id, Example("which tables are free", {}, "i"), etag=record.etag)
    embedder.release.set()
    worker.join()

    found = store.nearest("which tables are free", 2)

    assert [e.question for e in found] == ["which tables are free", "what is late"]
