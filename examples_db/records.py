"""The records of the store: everything of its port that needs no vectors."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable
from typing import Any

from examples_db import jsonl, rows
from examples_db.database import Database
from nlq.errors import ConflictError, InputError, UnknownExampleError
from nlq.types import Example, ExampleFilter, Record, State

_ID = re.compile(r"[1-9][0-9]{0,17}")

_INSERT = """
    INSERT INTO example (content, question, query, "index", fields, source, tags, author, state, engine, checked,
                         reason, created, updated, uses, wins, change)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (content) DO NOTHING
"""
_EDIT = """
    UPDATE example SET content = ?, question = ?, query = ?, "index" = ?, fields = ?, tags = coalesce(?, tags),
        state = 'unchecked', engine = '', checked = '', reason = '', updated = ?, change = ?
    WHERE id = ?
"""


class Records:
    """Examples and what is kept about them. Everything that is written is written whole or not at all."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, examples: Iterable[Example], *, tags: Iterable[str], author: str, state: State) -> int:
        labels = tuple(tags)
        return self.restore(Record(e, "", tags=labels, author=author, state=state) for e in examples)

    def restore(self, records: Iterable[Record]) -> int:
        """Keep the examples with all that is known of them, in the canonical spelling; returns how many were new.

        Ids and etags are given anew. Raises InputError where one is no record.
        """
        lines = []
        for record in records:
            checked = jsonl.checked_record(record)
            lines.append(rows.content_columns(rows.canonical_of(checked.example)) + rows.kept_columns(checked))
        with self._database.writing() as db:
            return _insert(db, lines)

    def all(self) -> tuple[Example, ...]:
        with self._database.reading() as db:
            found = db.execute(f"SELECT {rows.EXAMPLE} FROM example ORDER BY id").fetchall()
        return tuple(map(rows.example_of, found))

    def count(self, where: ExampleFilter | None) -> int:
        condition, values = _condition(where)
        with self._database.reading() as db:
            return int(db.execute(f"SELECT count(*) FROM example WHERE {condition}", values).fetchone()[0])

    def page(self, where: ExampleFilter | None, *, after: str, limit: int) -> tuple[Record, ...]:
        condition, values = _condition(where)
        start = _number(after) if after else 0
        statement = f"SELECT {rows.RECORD} FROM example WHERE id > ? AND {condition} ORDER BY id LIMIT ?"
        with self._database.reading() as db:
            found = db.execute(statement, (start, *values, max(limit, 0))).fetchall()
        return tuple(map(rows.record_of, found))

    def get(self, example_id: str) -> Record:
        with self._database.reading() as db:
            return _get(db, example_id)

    def edit(self, example_id: str, example: Example, *, tags: Iterable[str] | None, etag: str) -> Record:
        labels = None if tags is None else tuple(tags)
        jsonl.checked_record(Record(example, "", tags=labels or ()))
        content = rows.content_columns(rows.canonical_of(example))
        tags_column = None if labels is None else rows.tags_column(labels)
        with self._database.writing() as db:
            before = _unchanged(db, example_id, etag)
            (known,) = db.execute(
                "SELECT count(*) FROM example WHERE content = ? AND id <> ?", (content.content, before.example.id)
            ).fetchone()
            if known:
                raise ConflictError("Another example has this question, index and query already: remove one of both.")
            _forget(db, before)
            db.execute(_EDIT, (*content[:5], tags_column, rows.now(), _revision(db), before.example.id))
            return _get(db, example_id)

    def remove(self, example_id: str, *, etag: str | None) -> None:
        with self._database.writing() as db:
            before = _unchanged(db, example_id, etag)
            _forget(db, before)
            db.execute("DELETE FROM example WHERE id = ?", (before.example.id,))

    def mark(self, example_id: str, state: State, *, engine: str, reason: str, etag: str | None) -> None:
        values = (State(state).value, engine, rows.now(), reason)
        with self._database.writing() as db:
            found = _unchanged(db, example_id, etag)
            db.execute(
                "UPDATE example SET state = ?, engine = ?, checked = ?, reason = ? WHERE id = ?",
                (*values, found.example.id),
            )

    def used(self, shown: Iterable[str], *, won: Iterable[str]) -> None:
        counts = [("uses", shown), ("wins", won)]
        changes = [(column, int(id_)) for column, ids in counts for id_ in ids if _ID.fullmatch(id_)]
        if changes:
            with self._database.counting() as db:
                for column, number in changes:
                    db.execute(f"UPDATE example SET {column} = {column} + 1 WHERE id = ?", (number,))

    def source_version(self, source: str) -> str | None:
        """What ``replace_source`` was last given for that source."""
        with self._database.reading() as db:
            row = db.execute("SELECT value FROM meta WHERE key = ?", (f"source:{source}",)).fetchone()
        return None if row is None else str(row[0])

    def replace_source(self, source: str, examples: Iterable[Example], *, version: str) -> None:
        """Make these the only examples of that source, in one step, and remember the version.

        What did not change stays as it is; so do examples of other sources and those that somebody edited. What
        somebody edited or removed does not come back.
        """
        lines = [rows.content_columns(jsonl.checked(example)) for example in examples]
        if any(line.source != source for line in lines):
            raise InputError(f"All examples must have the source {source!r}.")
        kept = rows.kept_columns(Record(Example("", {}, ""), ""))
        with self._database.writing() as db:
            declined = {content for (content,) in db.execute("SELECT content FROM declined")}
            wanted = {line.content: line for line in lines if line.content not in declined}
            statement = "SELECT id, content, fields FROM example WHERE source = ? AND updated = created"
            for id_, content, fields in db.execute(statement, (source,)).fetchall():
                line = wanted.get(content)
                if line is None:
                    _unplace(db, id_)
                    db.execute("DELETE FROM example WHERE id = ?", (id_,))
                elif line.fields != fields:
                    _unplace(db, id_)
                    db.execute(
                        "UPDATE example SET fields = ?, change = ? WHERE id = ?", (line.fields, _revision(db), id_)
                    )
            _insert(db, (line + kept for line in wanted.values()))
            db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (f"source:{source}", version))


def _insert(db: sqlite3.Connection, lines: Iterable[tuple[Any, ...]]) -> int:
    new = 0
    for line in lines:
        known = db.execute("SELECT 1 FROM example WHERE content = ?", (line[0],)).fetchone()
        if known is None:
            new += db.execute(_INSERT, (*line, _revision(db))).rowcount
    return new


def _revision(db: sqlite3.Connection) -> int:
    """The next number of the sequence of changes."""
    statement = "UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'revision' RETURNING value"
    return int(db.execute(statement).fetchone()[0])


def _get(db: sqlite3.Connection, example_id: str) -> Record:
    row = db.execute(f"SELECT {rows.RECORD} FROM example WHERE id = ?", (_number(example_id),)).fetchone()
    if row is None:
        raise _unknown(example_id)
    return rows.record_of(row)


def _unchanged(db: sqlite3.Connection, example_id: str, etag: str | None) -> Record:
    found = _get(db, example_id)
    if etag is not None and found.etag != etag:
        raise ConflictError(f"The example {example_id} was changed meanwhile: look at it again.")
    return found


def _forget(db: sqlite3.Connection, before: Record) -> None:
    """What was made of an example that is about to change or go; one of nlq's own will not be brought in again."""
    number = int(before.example.id)
    _unplace(db, number)
    db.execute(
        """
        INSERT OR IGNORE INTO declined
        SELECT content FROM example WHERE id = ? AND EXISTS (SELECT 1 FROM meta WHERE key = 'source:' || source)
        """,
        (number,),
    )


def _unplace(db: sqlite3.Connection, number: int) -> None:
    db.execute("DELETE FROM placed WHERE example = ?", (number,))


def _condition(where: ExampleFilter | None) -> tuple[str, tuple[Any, ...]]:
    where = where or ExampleFilter()
    parts = {
        '"index" = ?': where.index,
        "source = ?": where.source,
        "state = ?": where.state,
        "EXISTS (SELECT 1 FROM json_each(tags) WHERE json_each.value = ?)": where.tag,
        "instr(folded(question), ?)": None if where.text is None else where.text.casefold(),
    }
    asked = {part: str(value) for part, value in parts.items() if value is not None}
    return " AND ".join(asked) or "TRUE", tuple(asked.values())


def _number(example_id: str) -> int:
    if not _ID.fullmatch(example_id):
        raise _unknown(example_id)
    return int(example_id)


def _unknown(example_id: str) -> UnknownExampleError:
    return UnknownExampleError(f"There is no example {example_id[:40]!r}: list them with `nlq examples list`.")
