"""Several processes on one file, and processes that die."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples_db.store import SqliteStore
from nlq.types import Example
from tests.fakes.embedder import HashEmbedder

ROOT = Path(__file__).parents[2]
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


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "examples.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore.open(path, HashEmbedder())
    yield store
    store.close()


def start(path: Path, name: str, batches: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(path), name, batches]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_a_killed_writer_loses_nothing_it_committed(path: Path) -> None:
    for life in range(4):
        with start(path, f"life {life}", "forever") as writer:
            assert writer.stdout is not None
            told = [int(writer.stdout.readline()) for _ in range(random.Random(life).randint(1, 12))]
            writer.send_signal(signal.SIGKILL)
        store = SqliteStore.open(path, HashEmbedder())
        found = [e.question for e in store.all() if e.question.startswith(f"life {life} ")]
        store.close()

        assert len(found) % BATCH == 0
        assert found[: len(told) * BATCH] == [f"life {life} {batch} {n}" for batch in told for n in range(BATCH)]


def test_processes_add_at_the_same_time_to_a_new_file(path: Path) -> None:
    writers = [start(path, name, "6") for name in ("one", "two", "three")]
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

    with start(path, "theirs", "1") as writer:
        writer.communicate()

    assert store.nearest("theirs 0 1", 1)[0].question == "theirs 0 0"
