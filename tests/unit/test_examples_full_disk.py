"""A disk without room for one more byte: what is kept is found and shown, and nothing is lost when there is room."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
FULL = """
import resource, sys
from pathlib import Path
from examples_db.store import SqliteStore
from nlq.errors import StoreError
from nlq.types import Example
from tests.fakes.embedder import HashEmbedder

def example(question):
    return Example(question, {"size": 0}, "shop")

store = SqliteStore.open(Path(sys.argv[1]), HashEmbedder())
store.add([example("books of crime")])
store.warm()
store.add([example("books of travel")])  # without a vector yet
unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, unlimited[1]))
try:
    store.add([example("books of poetry")])
except StoreError as exc:
    print("free space" in str(exc))
print([found.question for found in store.nearest("books of crime", 3)])
print([record.example.question for record in store.page()])
resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
store.add([example("books of poetry")])
print(sorted(found.question for found in store.nearest("books of crime", 3)))
store.close()
"""


def test_on_a_full_disk_examples_are_found_and_refused_and_later_taken(tmp_path: Path) -> None:
    """The limit of a file's size stands for the disk's: SQLite meets both as a write that fails."""
    command = [sys.executable, "-c", FULL, str(tmp_path / "examples.db")]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert run.stdout.splitlines() == [
        "True",
        "['books of crime']",
        "['books of crime', 'books of travel']",
        "['books of crime', 'books of poetry', 'books of travel']",
    ], run.stderr
