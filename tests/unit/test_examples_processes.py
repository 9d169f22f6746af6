"""Several processes on one file, and processes that die."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from examples_db.index import IndexSizes
from examples_db.retrieve import Ranking
from examples_db.searching import Sizes
from examples_db.store import SqliteStore
from nlq.types import Example
from tests.fakes.embedder import HashEmbedder

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("NLQ_TEST_KILLS", "20"))
SIZES = Sizes(index=IndexSizes(flat_most=60, cells=1, probes=8))
BATCH = 50
WRITER = f"""
import itertools, sys
from pathlib import Path
from examples_db.store import SqliteStore
from nlq.types import Example
from tests.fakes.embedder import HashEmbedder

store = SqliteStore.open(Path(sys.argv[1]), HashEmbedder())
batches = itertools.count() if sys.argv[3] == "forever" else range(int(sys.argv[3]))
for batch in batches:
    store.add(Example(f"{{sys.argv[2]}} {{batch}} {{n}}", {{"size": 0}}, "i") for n in range({BATCH}))
    print(batch, flush=True)
"""
CHANGER = """
import itertools, sys
from pathlib import Path
from examples_db.store import SqliteStore
from nlq.types import Example
from tests.fakes.embedder import HashEmbedder
from tests.unit.test_examples_processes import SIZES, word

life = sys.argv[2]
store = SqliteStore.open(Path(sys.argv[1]), HashEmbedder(name=sys.argv[3]), sizes=SIZES)
print("open", flush=True)
for turn in itertools.count():
    store.add(Example(f"{life} {word(turn)} {word(n)}", {"size": n}, "i") for n in range(5))
    print("added", turn, flush=True)
    first, second = (r for r in store.page(limit=10_000) if r.example.question.startswith(f"{life} {word(turn)} ") and
                     r.example.query["size"] < 2)
    store.edit(first.example.id, Example(f"{life} {word(turn)} edited", {"size": 9}, "i"), etag=first.etag)
    print("edited", turn, flush=True)
    store.remove(second.example.id)
    print("removed", turn, flush=True)
    store.warm()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "examples.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore.open(path, HashEmbedder())
    yield store
    store.close()


def start(code: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def word(n: int) -> str:
    return "x" + "".join(chr(97 + int(digit)) for digit in str(n))


def test_a_killed_writer_loses_nothing_it_committed(path: Path) -> None:
    for life in range(4):
        with start(WRITER, str(path), f"life {life}", "forever") as writer:
            assert writer.stdout is not None
            told = [int(writer.stdout.readline()) for _ in range(random.Random(life).randint(1, 12))]
            writer.send_signal(signal.SIGKILL)
        store = SqliteStore.open(path, HashEmbedder())
        found = [e.question for e in store.all() if e.question.startswith(f"life {life} ")]
        store.close()

        assert len(found) % BATCH == 0
        assert found[: len(told) * BATCH] == [f"life {life} {batch} {n}" for batch in told for n in range(BATCH)]


def test_whenever_a_process_is_killed_nothing_it_told_is_lost_and_no_neighbour_is_wrong(path: Path) -> None:
    drawn = random.Random(5)
    for life in range(KILLS):
        name = f"life{word(life)}"
        with start(CHANGER, str(path), name, "one" if life % 7 else "other") as changer:
            assert changer.stdout is not None
            told = [changer.stdout.readline().split() for _ in range(drawn.randint(1, 25))]
            if drawn.random() < 0.5:
                changer.stdout.read(drawn.randint(1, 30))
            changer.send_signal(signal.SIGKILL)
        store = SqliteStore.open(path, HashEmbedder(name="one"), ranking=Ranking(floor=-1), sizes=SIZES)
        try:
            check_told(store, name, [(what, int(turn)) for what, turn in told[1:]])
            check_neighbours(store, drawn)
        finally:
            store.close()


def check_told(store: SqliteStore, life: str, told: list[tuple[str, int]]) -> None:
    """Everything the dead process told is there; of what it did not tell, each change is there whole or not at all."""
    here = {e.question for e in store.all() if e.question.startswith(f"{life} ")}
    for turn in {turn for _, turn in told}:
        names = [f"{life} {word(turn)} {word(n)}" for n in range(5)]
        edited = f"{life} {word(turn)} edited"
        assert set(names[2:]) <= here
        if ("edited", turn) in told:
            assert edited in here
        assert (names[0] in here) != (edited in here)
        if ("removed", turn) in told:
            assert names[1] not in here


def check_neighbours(store: SqliteStore, drawn: random.Random) -> None:
    """Each example is nearest to its own question, with the cosine that its question has."""
    examples = store.all()
    embedder = HashEmbedder(name="one")
    for example in drawn.sample(examples, min(10, len(examples))):
        found = store.scored(example.question, 3)
        vectors = embedder.encode([example.question, *(e.question for _, e in found)])

        assert found[0][1] == example
        assert {e.id: e for e in examples}.items() >= {e.id: e for _, e in found}.items()
        assert [cosine for cosine, _ in found] == pytest.approx((vectors[1:] @ vectors[0]).tolist(), abs=1e-4)
        assert np.all(np.diff([cosine for cosine, _ in found]) <= 1e-6)


def test_processes_add_at_the_same_time_to_a_new_file(path: Path) -> None:
    writers = [start(WRITER, str(path), name, "6") for name in ("one", "two", "three")]
    for writer in writers:
        writer.communicate()
    store = SqliteStore.open(path, HashEmbedder())
    count = len(store.all())
    store.close()

    assert [writer.returncode for writer in writers] == [0, 0, 0]
    assert count == 3 * 6 * BATCH


def test_what_another_process_adds_is_found_without_opening_again(path: Path, store: SqliteStore) -> None:
    store.add([Example("orders above 50", {}, "orders")])
    store.warm()

    with start(WRITER, str(path), "theirs", "1") as writer:
        writer.communicate()

    assert store.nearest("theirs 0 1", 1)[0].question == "theirs 0 0"


def test_processes_with_different_embedders_share_a_file(path: Path, store: SqliteStore) -> None:
    store.add(Example(f"question {word(n)}", {}, "i") for n in range(20))
    store.warm()
    with start(CHANGER, str(path), "theirs", "other") as other:
        assert other.stdout is not None
        while other.stdout.readline() != "removed 1\n":
            found = store.nearest(f"question {word(7)}", 1)
            assert found[0].question == f"question {word(7)}"
        other.send_signal(signal.SIGKILL)

    assert store.nearest(f"theirs {word(1)} edited", 1)[0].question == f"theirs {word(1)} edited"
