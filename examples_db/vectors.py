"""The vectors that one embedder made of the examples' patterns, kept beside the examples as a cache."""

from __future__ import annotations

import contextlib
import glob
import hashlib
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from examples_db import rows
from examples_db.database import Database
from examples_db.embed import Embedder
from examples_db.index import Chunk, IndexSizes, VectorIndex
from examples_db.mask import lesson_of, pattern_of
from examples_db.progress import Progress, counted
from examples_db.retrieve import SHOWN, Near
from examples_db.schema import FIELDS_RECIPE, RECIPE
from nlq.errors import StoreError
from nlq.types import Example

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_READ = 8192
_KEPT = 2
"""Makers whose vectors are kept: the last two opened, so that processes of before and after a change share a file."""

_NEAR = f"""
    SELECT placed.vector, min(example.id), {", ".join(f"example.{c.strip()}" for c in rows.EXAMPLE.split(",")[1:])}
    FROM json_each(?2) AS wanted CROSS JOIN placed ON placed.vector = wanted.value
    CROSS JOIN example ON example.id = placed.example  -- in this order: each is one look-up in the next
    WHERE NOT left_out(example."index", ?1) AND +example.state IN ({", ".join(f"'{state}'" for state in sorted(SHOWN))})
    GROUP BY placed.vector, placed.shape
"""


class Pending(NamedTuple):
    """An example whose vector is not placed yet, as it was when ``change`` wrote it."""

    change: int
    example: Example


@dataclass(slots=True)
class Vectors:
    """The vectors of one maker: an embedder, and whether names of fields are masked in the patterns."""

    database: Database
    embedder: Embedder
    mask_fields: bool
    _maker: int = field(default=0, init=False)

    @property
    def _name(self) -> tuple[str, int, str]:
        return self.embedder.id, self.embedder.dimension, FIELDS_RECIPE if self.mask_fields else RECIPE

    def open(self) -> None:
        """Make the maker where there is none, and note it as the one that was opened last."""
        with self.database.writing() as db:
            db.execute("INSERT OR IGNORE INTO maker (embedder, dimension, recipe) VALUES (?, ?, ?)", self._name)
            statement = """
                UPDATE maker SET opened = (SELECT max(opened) + 1 FROM maker)
                WHERE embedder = ? AND dimension = ? AND recipe = ? RETURNING id
            """
            ((self._maker,),) = db.execute(statement, self._name).fetchall()

    def attach(self) -> None:
        """As ``open`` for a maker that is there, without noting that it was opened."""
        statement = "SELECT id FROM maker WHERE embedder = ? AND dimension = ? AND recipe = ?"
        with self.database.reading() as db:
            ((self._maker,),) = db.execute(statement, self._name).fetchall()

    def done(self) -> int | None:
        """The last change that is placed with all before it; None where the maker is gone from the file."""
        with self.database.reading() as db:
            row = db.execute("SELECT done FROM maker WHERE id = ?", (self._maker,)).fetchone()
        return None if row is None else int(row[0])

    def lacking(self) -> int:
        """How many changed examples are not placed yet."""
        statement = "SELECT count(*) FROM example WHERE change > (SELECT done FROM maker WHERE id = ?)"
        with self.database.reading() as db:
            return int(db.execute(statement, (self._maker,)).fetchone()[0])

    def pending(self, most: int) -> list[Pending]:
        """The oldest changes that are not placed yet."""
        statement = f"""
            SELECT change, {rows.EXAMPLE} FROM example WHERE change > (SELECT done FROM maker WHERE id = ?)
            ORDER BY change LIMIT ?
        """
        with self.database.reading() as db:
            found = db.execute(statement, (self._maker, most)).fetchall()
        return [Pending(change, rows.example_of(columns)) for change, *columns in found]

    def place(self, pending: Sequence[Pending]) -> None:
        """Give these their vectors; what is there for an equal pattern is not made again.

        An example that was changed or removed meanwhile is passed over: its change is another one now.
        """
        if not pending:
            return
        patterns = [pattern_of(p.example, mask_fields=self.mask_fields) for p in pending]
        hashes = [hashlib.sha256(pattern.encode()).digest() for pattern in patterns]
        placed = False
        while not placed:  # again where another process removed the last example of an equal pattern in between
            known = self._known(hashes)
            lacking = {h: pattern for h, pattern in zip(hashes, patterns, strict=True) if h not in known}
            made = dict(zip(lacking, self._encoded(list(lacking.values())), strict=True))
            with self.database.writing() as db:
                placed = self._write(db, list(zip(pending, hashes, strict=True)), made=made)

    def place_all(self, *, batch: int, on_progress: Progress | None = None, stop: threading.Event | None = None) -> int:
        """Give every example its vector, the oldest change first; returns how many got one. What is placed stays so
        when ``stop`` is set or the process dies."""
        count = 0
        with counted(self.lacking(), on_progress) as add:
            while not (stop and stop.is_set()) and (pending := self.pending(batch)):
                self.place(pending)
                count = add(len(pending))
        return count

    def chunks(self, *, after: int = 0) -> Iterator[Chunk]:
        """All vectors with ids above ``after``, by their ids."""
        import numpy as np

        statement = """
            SELECT id, data FROM vector WHERE maker = ? AND id > ? AND length(data) = ? ORDER BY id LIMIT ?
        """
        length = 4 * self.embedder.dimension
        while True:
            with self.database.reading() as db:
                found = db.execute(statement, (self._maker, after, length, _READ)).fetchall()
            if not found:
                return
            after = found[-1][0]
            yield np.array([id_ for id_, _ in found], dtype=np.int64), self._rows(data for _, data in found)

    def count(self) -> int:
        with self.database.reading() as db:
            return int(db.execute("SELECT count(*) FROM vector WHERE maker = ?", (self._maker,)).fetchone()[0])

    def sample(self, n: int) -> NDArray[np.float32]:
        """About n vectors from everywhere."""
        import numpy as np

        stride = max(1, self.count() // n)
        return np.concatenate([chunk[::stride].copy() for _, chunk in self.chunks()])

    def near(self, ids: Sequence[int], vector: NDArray[np.float32], *, exclude_index: str | None) -> Iterator[Near]:
        """The examples at those vectors, nearest first, of equal ones the oldest first; of those that teach the same
        the oldest only. Everything is read from the file, so what is gone or was changed is not among them."""
        wanted = str(list(ids))
        statement = """
            SELECT vector.id, vector.data FROM json_each(?) AS wanted CROSS JOIN vector ON vector.id = wanted.value
            WHERE +vector.maker = ? AND length(data) = ?
        """
        with self.database.reading() as db:
            found = db.execute(_NEAR, (exclude_index, wanted)).fetchall()
            data = db.execute(statement, (wanted, self._maker, 4 * self.embedder.dimension)).fetchall()
        vectors = self._rows(content for _, content in data)
        cosines = (vectors @ vector.reshape(-1)).round(6).tolist()
        places = {id_: (cosine, row) for (id_, _), cosine, row in zip(data, cosines, vectors, strict=True)}
        found = [columns for columns in found if columns[0] in places]
        found.sort(key=lambda columns: (-places[columns[0]][0], columns[1]))
        for id_, *columns in found:
            cosine, row = places[id_]
            yield Near(cosine, rows.example_of(columns), row)

    def earlier(self) -> list[tuple[str, int, str]]:
        """Embedder, dimension and recipe of the other makers that placed something, the last opened first."""
        statement = "SELECT embedder, dimension, recipe FROM maker WHERE id <> ? AND done > 0 ORDER BY opened DESC"
        with self.database.reading() as db:
            return db.execute(statement, (self._maker,)).fetchall()

    def prune(self) -> None:
        """Delete the vectors of all makers but the last opened ones, a little at a time."""
        statement = "SELECT id FROM maker ORDER BY opened DESC LIMIT -1 OFFSET ?"
        with self.database.reading() as db:
            old = [id_ for (id_,) in db.execute(statement, (_KEPT,))]
        for maker in old:
            while self._delete_some(maker):
                pass
            with self.database.writing() as db:
                for table, column in (("placed", "maker"), ("vector", "maker"), ("maker", "id")):
                    db.execute(f"DELETE FROM {table} WHERE {column} = ?", (maker,))
            index_file(self.database.path, maker).unlink(missing_ok=True)

    def read_index(self, sizes: IndexSizes) -> VectorIndex:
        """An index over all vectors: the file beside the database where it is what was saved there, else made anew."""
        with self.database.reading() as db:
            row = db.execute("SELECT file FROM maker WHERE id = ?", (self._maker,)).fetchone()
        file = index_file(self.database.path, self._maker)
        index = VectorIndex.load(file, sha256=row[0], sizes=sizes) if row else None
        if index is None:
            return self.build_index(sizes)
        self.catch_up(index)
        mostly_gone = index.size > 2 * self.count()
        return self.build_index(sizes) if mostly_gone or index.outgrown else index

    def build_index(self, sizes: IndexSizes) -> VectorIndex:
        count = self.count()
        index = VectorIndex.build(
            self.embedder.dimension, count=count, chunks=self.chunks(), sample=self.sample, sizes=sizes
        )
        if not index.flat:
            self._save(index)
        return index

    def catch_up(self, index: VectorIndex) -> None:
        """Add the vectors that came after its last one."""
        for ids, vectors in self.chunks(after=index.last):
            index.add(ids, vectors)

    def _save(self, index: VectorIndex) -> None:
        """Keep it beside the database, which remembers the digest of the file: it is used with this database only."""
        file = index_file(self.database.path, self._maker)
        part = file.with_name(f"{file.name}.{os.getpid()}.part")
        for left in file.parent.glob(f"{glob.escape(file.name)}.*.part"):  # by a process that was killed
            left.unlink(missing_ok=True)
        # It can be made again at any time: where it cannot be kept, that costs the next start some seconds.
        with contextlib.suppress(OSError, RuntimeError, StoreError):
            sha256 = index.save(part)
            with self.database.writing() as db:
                db.execute("UPDATE maker SET file = ? WHERE id = ?", (sha256, self._maker))
                part.replace(file)
        part.unlink(missing_ok=True)

    def _known(self, hashes: Sequence[bytes]) -> set[bytes]:
        with self.database.reading() as db:
            return {
                h
                for h in set(hashes)
                if db.execute("SELECT 1 FROM vector WHERE maker = ? AND hash = ?", (self._maker, h)).fetchone()
            }

    def _encoded(self, patterns: list[str]) -> NDArray[np.float32]:
        import numpy as np

        made = np.asarray(self.embedder.encode(patterns), dtype=np.float32)
        if made.shape != (len(patterns), self.embedder.dimension) or not np.isfinite(made).all():
            raise StoreError(
                f"The embedder {self.embedder.id} gave no vectors of length {self.embedder.dimension}: "
                "set NLQ_EMBEDDER to another model."
            )
        return made

    def _write(
        self,
        db: sqlite3.Connection,
        lines: Sequence[tuple[Pending, bytes]],
        *,
        made: Mapping[bytes, NDArray[np.float32]],
    ) -> bool:
        """False where a vector is lacking that was there when ``made`` was made."""
        if db.execute("SELECT 1 FROM maker WHERE id = ?", (self._maker,)).fetchone() is None:
            return True  # nobody wants them any more; ``done`` tells
        for (change, example), hash_ in lines:
            same = (int(example.id), change)
            if db.execute("SELECT 1 FROM example WHERE id = ? AND change = ?", same).fetchone() is None:
                continue
            if hash_ in made:
                values = (self._maker, hash_, made[hash_].tobytes())
                db.execute("INSERT OR IGNORE INTO vector (maker, hash, data) VALUES (?, ?, ?)", values)
            key = (self._maker, hash_)
            vector = db.execute("SELECT id FROM vector WHERE maker = ? AND hash = ?", key).fetchone()
            if vector is None:
                return False
            shape = hashlib.sha256(lesson_of(example).encode()).digest()[:8]
            placed = (int(example.id), self._maker, vector[0], shape)
            db.execute("INSERT OR REPLACE INTO placed (example, maker, vector, shape) VALUES (?, ?, ?, ?)", placed)
        db.execute("UPDATE maker SET done = max(done, ?) WHERE id = ?", (lines[-1][0].change, self._maker))
        return True

    def _delete_some(self, maker: int) -> int:
        statement = """
            DELETE FROM placed WHERE vector IN (SELECT id FROM vector WHERE maker = ? ORDER BY id LIMIT 2000)
        """
        with self.database.writing() as db:
            db.execute("UPDATE maker SET done = 0, file = '' WHERE id = ?", (maker,))
            return db.execute(statement, (maker,)).rowcount

    def _rows(self, data: Iterable[bytes]) -> NDArray[np.float32]:
        import numpy as np

        return np.frombuffer(b"".join(data), dtype=np.float32).reshape(-1, self.embedder.dimension)


def index_file(database: Path, maker: int) -> Path:
    return database.with_name(f"{database.name}-vectors-{maker}")
