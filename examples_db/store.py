"""Examples in SQLite, found by FAISS.

The table is the truth. Vectors in it are a cache: a row whose vector is missing, or was made by another embedder or of
another pattern, gets a new one when the index is next needed. The index lives in memory and is built again when this or
another process changed the table.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from examples_db import jsonl
from examples_db.database import open_database, transaction, translated
from examples_db.embed import Embedder
from examples_db.mask import mask
from examples_db.rows import INSERT, Row, canonical_of, columns_of, example_of, read_rows
from examples_db.seeding import SEEDS, SOURCE, read_seeds, seeds_version
from nlq.errors import InputError
from nlq.types import Example, LinkedValue

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class _Index:
    """A picture of the table. ``groups[i]`` are the rows, oldest first, whose pattern has vector i of ``vectors``."""

    rows: tuple[Row, ...]
    groups: tuple[tuple[Row, ...], ...]
    vectors: Any
    version: tuple[int, int]

    @classmethod
    def build(cls, rows: tuple[Row, ...], vectors: NDArray[np.float32], *, version: tuple[int, int]) -> Self:
        """Of vector i for row i: one for each pattern goes into a flat inner-product index."""
        import faiss

        places: dict[str, list[int]] = {}
        for place, row in enumerate(rows):
            places.setdefault(row.pattern, []).append(place)
        flat = faiss.IndexFlatIP(vectors.shape[1])
        flat.add(vectors[[same[0] for same in places.values()]])
        groups = tuple(tuple(rows[place] for place in same) for same in places.values())
        return cls(rows, groups, flat, version)

    def ranked(self, vector: NDArray[np.float32], *, at_first: int) -> Iterator[tuple[float, Row]]:
        """All rows, nearest first; asks FAISS for four times as many whenever the caller wants more."""
        seen: set[int] = set()
        while len(seen) < len(self.groups):
            scores, ids = self.vectors.search(vector, min(at_first, len(self.groups)))
            for negative, i in sorted(zip((-scores[0]).tolist(), ids[0].tolist(), strict=True)):
                if i not in seen:
                    seen.add(i)
                    yield from ((-negative, row) for row in self.groups[i])
            at_first *= 4


class SqliteStore:
    """The ExampleStore of nlq: one file, any number of threads and processes."""

    def __init__(self, connection: sqlite3.Connection, *, path: Path, embedder: Embedder) -> None:
        self.path = path
        self.embedder = embedder
        self._connection = connection
        self._using = threading.RLock()
        self._building = threading.Lock()
        self._index: _Index | None = None

    @classmethod
    def open(cls, path: Path, embedder: Embedder) -> Self:
        """The store in that file, made where there is none; nothing is embedded before it is needed (see ``warm``).

        Raises StoreError where the file is damaged, not ours, or cannot be opened.
        """
        return cls(open_database(path), path=path, embedder=embedder)

    def nearest(
        self, question: str, k: int, *, exclude_index: str | None = None, values: Iterable[LinkedValue] = ()
    ) -> Sequence[Example]:
        """At most k examples, nearest first, by their patterns (see ``mask``); of equal ones the oldest only.

        ``values`` are what was linked in the question; a question that is masked already is fine too.
        ``exclude_index`` leaves out the examples of that index. Raises StoreError where the store cannot be read.
        """
        return tuple(e for _, e in self.scored(question, k, exclude_index=exclude_index, values=values))

    def scored(
        self, question: str, k: int, *, exclude_index: str | None = None, values: Iterable[LinkedValue] = ()
    ) -> Sequence[tuple[float, Example]]:
        """As ``nearest``, each with its cosine to the question, 1 for the same pattern."""
        if k <= 0:
            return ()
        index = self._current_index()
        if not index.rows:
            return ()
        whole = question.encode(errors="replace").decode()  # tokenizers refuse half characters (lone surrogates)
        vector = self.embedder.encode([mask(whole, values)])
        found: dict[str, tuple[float, Example]] = {}
        for score, row in index.ranked(vector, at_first=4 * k + 16):
            if row.example.index != exclude_index:
                found.setdefault(row.key, (score, row.example))
            if len(found) == k:
                break
        return tuple(found.values())

    def warm(self) -> None:
        """Build the index and load the embedder now, so that the first question does not wait for them."""
        self._current_index()
        self.embedder.encode(["warm"])

    def add(self, examples: Iterable[Example]) -> int:
        """Keep these in the canonical spelling, all or none; returns how many were new.

        Raises InputError where one is no example.
        """
        rows = [columns_of(canonical_of(jsonl.checked(example))) for example in examples]
        with self._database() as db, transaction(db):
            return sum(db.execute(INSERT, row).rowcount for row in rows)

    def all(self) -> Sequence[Example]:
        """Every example in the order they were added."""
        with self._database() as db:
            rows = db.execute('SELECT question, query, "index", fields, source FROM example ORDER BY id').fetchall()
        return tuple(map(example_of, rows))

    def source_version(self, source: str) -> str | None:
        """What ``replace_source`` was last given for that source."""
        with self._database() as db:
            row = db.execute("SELECT value FROM meta WHERE key = ?", (f"source:{source}",)).fetchone()
        return None if row is None else str(row[0])

    def replace_source(self, source: str, examples: Iterable[Example], *, version: str) -> None:
        """Make these the only examples of that source, in one step, and remember the version.

        What did not change keeps its place and its vector; examples of other sources stay as they are.
        """
        rows = [columns_of(jsonl.checked(example)) for example in examples]
        if any(row[4] != source for row in rows):
            raise InputError(f"All examples must have the source {source!r}.")
        wanted = {row[:3] for row in rows}
        with self._database() as db, transaction(db):
            known = db.execute('SELECT question, query, "index", id FROM example WHERE source = ?', (source,))
            db.executemany(
                "DELETE FROM example WHERE id = ?", [(row[3],) for row in known.fetchall() if row[:3] not in wanted]
            )
            for row in rows:
                db.execute(INSERT, row)
                db.execute(
                    'UPDATE example SET fields = ? WHERE question = ? AND query = ? AND "index" = ? AND source = ?',
                    (row[3], *row[:3], source),
                )
            db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (f"source:{source}", version))

    def import_jsonl(self, path: Path) -> int:
        """Add the examples of that file, all or none; returns how many were new.

        Raises InputError that names each bad line, or that the file cannot be read.
        """
        try:
            with path.open("rb") as file:
                return self.add(jsonl.read(file, source="import"))
        except OSError as exc:
            raise InputError(f"{path} cannot be read: {exc.strerror}.") from exc

    def export_jsonl(self, path: Path) -> int:
        """Write every example to that file, which is replaced only when all are written; returns how many."""
        if path.is_dir():
            raise InputError(f"{path} is a folder: name a file.")
        unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            with unfinished.open("wb") as file:
                count = jsonl.write(self.all(), file)
            unfinished.replace(path)
        except OSError as exc:
            raise InputError(f"{path} cannot be written: {exc.strerror}.") from exc
        finally:
            unfinished.unlink(missing_ok=True)
        return count

    def close(self) -> None:
        with self._using:
            self._connection.close()

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        with self._using, translated(self.path):
            yield self._connection

    def _current_index(self) -> _Index:
        with self._building:
            with self._database() as db:
                before, version = self._index, _version(db)
                if before is not None and before.version == version:
                    return before
                rows = read_rows(db, known={} if before is None else {row.text: row for row in before.rows})
            vectors, written = self._vectors(rows)
            # our own writes below moved the counter: they are in this picture already
            self._index = _Index.build(rows, vectors, version=(version[0], version[1] + written))
            return self._index

    def _vectors(self, rows: Sequence[Row]) -> tuple[NDArray[np.float32], int]:
        """The vectors of all rows, in order, and how many rows were written because theirs were missing or stale."""
        import numpy as np

        embedder, length = self.embedder.id, self.embedder.dimension
        stale = [row for row in rows if not row.fits(embedder=embedder, dimension=length)]
        fresh = dict(zip((row.id for row in stale), self.embedder.encode([r.pattern for r in stale]), strict=True))
        written = 0
        if stale:
            changes = [(embedder, row.pattern_hash, fresh[row.id].tobytes(), row.id) for row in stale]
            with self._database() as db, transaction(db):
                for change in changes:
                    statement = "UPDATE example SET embedder = ?, hash = ?, vector = ? WHERE id = ?"
                    written += db.execute(statement, change).rowcount
        known = (fresh[r.id] if r.id in fresh else np.frombuffer(r.vector or b"", dtype=np.float32) for r in rows)
        return np.array(list(known), dtype=np.float32).reshape(len(rows), length), written


def seed(store: SqliteStore, folder: Path = SEEDS) -> bool:
    """Bring nlq's own examples, the files in ``folder``, into the store where it lacks this version of them.

    Seeds of another version are replaced; examples of other sources stay. Returns whether anything was done; raises
    StoreError where a file is missing or wrong.
    """
    version = seeds_version(folder)
    if store.source_version(SOURCE) == version:
        return False
    store.replace_source(SOURCE, read_seeds(folder), version=version)
    return True


def _version(db: sqlite3.Connection) -> tuple[int, int]:
    """Differs when another connection (first number) or this one (second) changed the file."""
    return db.execute("PRAGMA data_version").fetchone()[0], db.total_changes
