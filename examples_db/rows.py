"""Rows of the table ``example`` and the examples they hold."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from examples_db import jsonl
from examples_db.mask import mask, shape, values_of
from nlq.canonical import canonical
from nlq.errors import StoreError
from nlq.types import Example, Field, IndexSchema

INSERT = """
    INSERT INTO example (question, query, "index", fields, source, created) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (question, "index", query) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Row:
    id: int
    text: tuple[str, str, str, str, str]
    """The columns that the example was read from."""
    example: Example
    pattern: str
    key: str
    """Equal for examples that teach the same: their patterns and the shapes of their queries are equal."""
    embedder: str | None
    hash: str | None
    vector: bytes | None

    @property
    def pattern_hash(self) -> str:
        return hashlib.sha256(self.pattern.encode()).hexdigest()

    def fits(self, *, embedder: str, dimension: int) -> bool:
        """Whether the vector is this embedder's, of this pattern."""
        made = (self.embedder, self.hash, len(self.vector or b""))
        return made == (embedder, self.pattern_hash, 4 * dimension)


def read_rows(db: sqlite3.Connection, *, known: dict[tuple[str, ...], Row]) -> tuple[Row, ...]:
    """The whole table; patterns of rows that are known already are not computed again."""
    statement = 'SELECT id, embedder, hash, vector, question, query, "index", fields, source FROM example ORDER BY id'
    rows = []
    for id_, embedder, hash_, vector, *columns in db.execute(statement):
        row = known.get(text := tuple(columns)) or _row(text)
        rows.append(replace(row, id=id_, embedder=embedder, hash=hash_, vector=vector))
    return tuple(rows)


def _row(text: tuple[str, str, str, str, str]) -> Row:
    example = example_of(text)
    values = values_of(example.question, example.query)
    pattern = mask(example.question, values)
    key = pattern.lower() + "\n" + jsonl.minified(shape(example.query, values))
    return Row(0, text, example, pattern, key, embedder=None, hash=None, vector=None)


def example_of(columns: tuple[str, str, str, str, str]) -> Example:
    question, query, index, fields, source = columns
    try:
        return Example(question, json.loads(query), index, tuple(json.loads(fields)), source)
    except (ValueError, RecursionError) as exc:
        raise StoreError(f"The example {question!r} is not readable: remove its row from the table `example`.") from exc


def canonical_of(example: Example) -> Example:
    """The example with its query in the one spelling that models are shown, as far as its fields tell."""
    pairs = [field.rsplit(":", 1) for field in example.fields]
    paths = [name for name, kind in pairs if kind == "nested"]
    fields = tuple(
        Field(name, kind, nested=max((p for p in paths if name.startswith(f"{p}.")), key=len, default=None))
        for name, kind in pairs
    )
    return replace(example, query=canonical(example.query, IndexSchema(example.index, fields)))


def columns_of(example: Example) -> tuple[str, str, str, str, str, str]:
    fields = json.dumps(example.fields, ensure_ascii=False)
    created = datetime.now(UTC).isoformat(timespec="seconds")
    return example.question, jsonl.minified(example.query), example.index, fields, example.source, created
