"""The index over many vectors, and its file beside the database."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from examples_db.index import IndexSizes, VectorIndex
from examples_db.retrieve import Ranking
from examples_db.searching import Sizes
from examples_db.store import SqliteStore
from nlq.types import Example

SMALL = Sizes(index=IndexSizes(flat_most=100, cells=1, probes=20, components=24))
"""More than a hundred vectors go into cells, 24 components of each."""

Opener = Callable[..., SqliteStore]


class RandomEmbedder:
    """Each text has a random direction of its own."""

    id = "random"
    dimension = 32

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.array([self._row(text) for text in texts], dtype=np.float32).reshape(-1, self.dimension)

    def _row(self, text: str) -> NDArray[np.float64]:
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
        row = np.random.default_rng(seed).standard_normal(self.dimension)
        return row / np.linalg.norm(row)


@pytest.fixture
def open_() -> Iterator[Opener]:
    opened = []

    def opener(path: Path, sizes: Sizes = SMALL) -> SqliteStore:
        opened.append(SqliteStore.open(path, RandomEmbedder(), ranking=Ranking(floor=-1), sizes=sizes))
        return opened[-1]

    yield opener
    for store in opened:
        store.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "examples.db"


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows with every index that is built, by its size."""
    sizes: list[int] = []
    build = VectorIndex.build.__func__  # type: ignore[attr-defined]  # what a class method wraps

    def counted(cls: type[VectorIndex], dimension: int, **rest: object) -> VectorIndex:
        index: VectorIndex = build(cls, dimension, **rest)
        sizes.append(index.size)
        return index

    monkeypatch.setattr(VectorIndex, "build", classmethod(counted))
    return sizes


def word(n: int) -> str:
    return "".join(chr(97 + int(digit)) for digit in str(n))


def fill(store: SqliteStore, numbers: range) -> None:
    store.add(Example(f"question {word(n)}", {"query": {"match_all": {}}}, "i") for n in numbers)


def found(store: SqliteStore, numbers: range) -> int:
    """How many of the questions are nearest to themselves."""
    asked = [f"question {word(n)}" for n in numbers]
    return sum([e.question for e in store.nearest(question, 1)] == [question] for question in asked)


def files(path: Path) -> list[Path]:
    return sorted(path.parent.glob("*-vectors-*"))


def test_in_cells_what_is_equal_is_found(open_: Opener, path: Path) -> None:
    store = open_(path)
    fill(store, range(400))

    assert found(store, range(400)) == 400
    assert not store._search.current().index.flat


def test_in_cells_most_of_the_nearest_are_found(open_: Opener, path: Path) -> None:
    store = open_(path)
    fill(store, range(600))
    rows = RandomEmbedder().encode([f"question {word(n)}" for n in range(600)])
    hits = 0
    for n in range(40):
        vector = RandomEmbedder().encode([question := f"other {word(n)}"])[0]
        nearest = {f"question {word(int(i))}" for i in np.argsort(-(rows @ vector))[:10]}
        hits += len(nearest & {e.question for e in store.nearest(question, 10)})

    assert hits >= 0.95 * 400


def test_as_many_as_there_are_can_be_had_from_cells(open_: Opener, path: Path) -> None:
    store = open_(path)
    fill(store, range(400))

    assert len(store.nearest("question", 400)) == 400


def test_the_index_is_read_from_its_file_and_brought_up_to_date(open_: Opener, path: Path, built: list[int]) -> None:
    first = open_(path)
    fill(first, range(300))
    first.warm()
    first.close()
    second = open_(path)
    second.remove(second.all()[0].id)
    fill(second, range(300, 320))

    assert found(second, range(320)) == 319
    assert built == [300]


def test_an_index_of_another_number_of_components_is_built_again(open_: Opener, path: Path, built: list[int]) -> None:
    store = open_(path)
    fill(store, range(300))
    store.warm()
    store.close()
    whole = open_(path, Sizes(index=replace(SMALL.index, components=32)))

    assert found(whole, range(300)) == 300
    assert built == [300, 300]


def test_scores_are_of_whole_vectors(open_: Opener, path: Path) -> None:
    store = open_(path)
    fill(store, range(300))
    embedder = RandomEmbedder()

    scored = store.scored("other", 5)
    true = embedder.encode([e.question for _, e in scored]) @ embedder.encode(["other"])[0]

    assert [score for score, _ in scored] == pytest.approx(true.tolist(), abs=1e-5)


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "gone", "other"])
def test_a_file_that_is_not_what_was_saved_is_not_used(
    open_: Opener, path: Path, damage: str, built: list[int]
) -> None:
    store = open_(path)
    fill(store, range(300))
    store.warm()
    store.close()
    (file,) = files(path)
    content = bytearray(file.read_bytes())
    if damage == "gone":
        file.unlink()
    elif damage == "other":
        other = open_(path.parent / "other" / path.name)
        fill(other, range(1000, 1300))
        other.warm()
        files(other.path)[0].replace(file)
    else:
        content[len(content) // 2] ^= 1
        file.write_bytes({"flip": content, "cut": content[:-100], "empty": b""}[damage])
    built.clear()

    assert found(open_(path), range(300)) == 300
    assert built == [300]


def test_a_database_that_was_put_back_does_not_use_a_newer_file(open_: Opener, path: Path, built: list[int]) -> None:
    store = open_(path)
    fill(store, range(300))
    store.warm()
    store.close()
    backup = path.read_bytes()
    store = open_(path)
    fill(store, range(2000, 2400))
    store.warm()
    store.wait()
    store.close()
    path.write_bytes(backup)
    for left in path.parent.glob("examples.db-[ws][ah]?"):
        left.unlink()
    again = open_(path)
    fill(again, range(300, 310))

    assert found(again, range(310)) == 310
    assert found(again, range(2000, 2020)) == 0


def test_where_the_file_cannot_be_kept_searching_goes_on(open_: Opener, path: Path) -> None:
    store = open_(path)
    fill(store, range(300))
    path.with_name("examples.db-vectors-1").mkdir()

    assert found(store, range(300)) == 300
    assert list(path.parent.glob("*.part")) == []


def test_what_a_killed_process_left_half_written_is_deleted(open_: Opener, path: Path) -> None:
    store = open_(path)
    fill(store, range(300))
    left = path.with_name("examples.db-vectors-1.4711.part")
    left.write_bytes(b"half")

    store.warm()

    assert not left.exists()


def test_an_index_that_was_outgrown_is_built_again_while_it_serves(open_: Opener, path: Path, built: list[int]) -> None:
    store = open_(path)
    fill(store, range(50))
    store.warm()
    fill(store, range(50, 500))
    flat = found(store, range(500)), store._search.current().index.flat
    store.wait()

    assert flat[0] == 500
    assert found(store, range(500)) == 500
    assert not store._search.current().index.flat
    assert built == [50, 500]


def test_an_index_of_mostly_removed_vectors_is_built_again_when_it_is_opened(
    open_: Opener, path: Path, built: list[int]
) -> None:
    store = open_(path)
    fill(store, range(300))
    store.warm()
    for example in store.all()[:200]:
        store.remove(example.id)
    left = found(store, range(200, 300)), found(store, range(200))
    store.close()

    assert left == (100, 0)
    assert found(open_(path), range(200, 300)) == 100
    assert built == [300, 100]
