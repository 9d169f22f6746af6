"""Rows of the table ``example`` and the records they hold."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from examples_db import jsonl
from examples_db.schema import content_of
from nlq.canonical import canonical
from nlq.errors import StoreError
from nlq.types import Example, Field, IndexSchema, Record, State

EXAMPLE = 'id, question, query, "index", fields, source'
"""The columns that ``example_of`` reads."""
RECORD = f"{EXAMPLE}, change, tags, author, state, engine, checked, reason, created, updated, uses, wins"
"""The columns that ``record_of`` reads."""


class Content(NamedTuple):
    """The columns of an example's own parts."""

    content: bytes
    question: str
    query: str
    index_name: str
    fields: str
    source: str


def content_columns(example: Example) -> Content:
    query = jsonl.minified(example.query)
    fields = json.dumps(example.fields, ensure_ascii=False)
    content = content_of(example.question, example.index, query)
    return Content(content, example.question, query, example.index, fields, example.source)


def kept_columns(record: Record) -> tuple[Any, ...]:
    """tags, author, state, engine, checked, reason, created, updated, uses, wins."""
    created = record.created or now()
    return (
        tags_column(record.tags),
        record.author,
        record.state.value,
        record.engine,
        record.checked,
        record.reason,
        created,
        record.updated or created,
        record.uses,
        record.wins,
    )


def tags_column(tags: Iterable[str]) -> str:
    return json.dumps(list(dict.fromkeys(tags)), ensure_ascii=False)


def example_of(columns: Sequence[Any]) -> Example:
    id_, question, query, index, fields, source = columns
    try:
        return Example(question, json.loads(query), index, tuple(json.loads(fields)), source, str(id_))
    except (ValueError, RecursionError, TypeError) as exc:
        raise _unreadable(question) from exc


def record_of(columns: Sequence[Any]) -> Record:
    change, tags, author, state, engine, checked, reason, created, updated, uses, wins = columns[6:]
    try:
        return Record(
            example=example_of(columns[:6]),
            etag=_etag([*columns[:6], change, tags, updated]),
            tags=tuple(json.loads(tags)),
            author=author,
            state=State(state),
            engine=engine,
            checked=checked,
            reason=reason,
            created=created,
            updated=updated,
            uses=uses,
            wins=wins,
        )
    except (ValueError, RecursionError, TypeError) as exc:
        raise _unreadable(columns[1]) from exc


def canonical_of(example: Example) -> Example:
    """The example with its query in the one spelling that models are shown, as far as its fields tell."""
    pairs = [field.rsplit(":", 1) for field in example.fields]
    paths = [name for name, kind in pairs if kind == "nested"]
    fields = tuple(
        Field(name, kind, nested=max((p for p in paths if name.startswith(f"{p}.")), key=len, default=None))
        for name, kind in pairs
    )
    return replace(example, query=canonical(example.query, IndexSchema(example.index, fields)))


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")  # an edit is told from the creation before it


def _etag(parts: list[Any]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _unreadable(question: str) -> StoreError:
    return StoreError(f"The example {question!r} is not readable: remove its row from the table `example`.")
