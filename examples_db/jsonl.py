"""Examples as lines of JSON: {"question", "query", "index", …}; what else a record holds may be missing.

Ids and etags belong to one store and are not written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, BinaryIO

from nlq.errors import InputError
from nlq.types import Body, Example, Record, State

MAX_LINE = 1_000_000
"""Bytes. A longer line is no example that fits a prompt."""

MOST_TAGS = 32
MAX_LABEL = 200
"""Characters of a tag, of an author, of an engine's version."""

_TEXTS = ("author", "engine", "checked", "reason", "created", "updated")
_COUNTS = ("uses", "wins")
_KEYS = frozenset({"question", "query", "index", "fields", "source", "tags", "state", *_TEXTS, *_COUNTS})
_FIELD = re.compile(r"[^\x00-\x20\x7f](?:[^\x00-\x1f\x7f]*[^\x00-\x20\x7f])?:[a-z][a-z0-9_]*")
_MOST_SHOWN = 20


def minified(query: Body) -> str:
    """The query as compact JSON in its own key order. Raises InputError where JSON cannot hold it."""
    try:
        text = json.dumps(query, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        text.encode()
    except (TypeError, ValueError, RecursionError) as exc:
        raise InputError("the query is not JSON that can be stored") from exc
    return text


def checked(example: Example) -> Example:
    """The example itself; raises InputError where it is none that could be kept and shown to a model."""
    texts = {"question": example.question, "index": example.index, "source": example.source}
    for name, text in texts.items():
        if not isinstance(text, str) or not text.strip():
            raise InputError(f'"{name}" must be a text that is not empty')
    if not isinstance(example.query, dict):
        raise InputError('"query" must be a JSON object')
    if not all(isinstance(field, str) and _FIELD.fullmatch(field) for field in example.fields):
        raise InputError('"fields" must be a list of texts like "title:text" (name and type)')
    if not example.index.isprintable():
        raise InputError('"index" holds a control character')
    try:
        size = len("".join([*texts.values(), *example.fields, minified(example.query)]).encode())
    except UnicodeEncodeError as exc:
        raise InputError("a text holds half of a character (a lone surrogate)") from exc
    if size > MAX_LINE:
        raise InputError(f"it is larger than {MAX_LINE:,} bytes")
    return example


def checked_record(record: Record) -> Record:
    """The record itself, its times in UTC; raises InputError where it is none that could be kept."""
    checked(record.example)
    labels = {"author": record.author, "engine": record.engine, **{f"tags[{i}]": t for i, t in enumerate(record.tags)}}
    for name, text in labels.items():
        if not isinstance(text, str) or len(text) > MAX_LABEL or not text.isprintable():
            raise InputError(f'"{name}" must be a text of at most {MAX_LABEL} characters without control characters')
    if len(record.tags) > MOST_TAGS or not all(tag.strip() for tag in record.tags):
        raise InputError(f'"tags" must be at most {MOST_TAGS} texts that are not empty')
    if not isinstance(record.reason, str) or len(record.reason) > MAX_LINE:
        raise InputError('"reason" must be a text')
    try:
        "".join([record.reason, record.author, record.engine, *record.tags]).encode()
        state = State(record.state)
    except UnicodeEncodeError as exc:
        raise InputError("a text holds half of a character (a lone surrogate)") from exc
    except ValueError as exc:
        raise InputError(f'"state" must be one of {", ".join(State)}') from exc
    for name in _COUNTS:
        if type(count := getattr(record, name)) is not int or not 0 <= count < 2**62:
            raise InputError(f'"{name}" must be a whole number, 0 or more')
    checked_, created, updated = (_in_utc(name, getattr(record, name)) for name in ("checked", "created", "updated"))
    return replace(record, state=state, checked=checked_, created=created, updated=updated)


def parse(line: bytes, *, source: str) -> Example:
    """As ``parse_record``, the example only."""
    return parse_record(line, source=source).example


def parse_record(line: bytes, *, source: str) -> Record:
    """The record on one line; ``source`` where the line names none. Raises InputError that says what is wrong."""
    try:
        found = json.loads(line.decode(), parse_constant=_refuse_constant)
    except UnicodeDecodeError as exc:
        raise InputError("it is not UTF-8") from exc
    except json.JSONDecodeError as exc:
        raise InputError(f"it is not JSON ({exc.msg} at column {exc.colno})") from exc
    except (RecursionError, ValueError) as exc:
        raise InputError("it is not JSON that can be read (nested too deep, or a number that JSON lacks)") from exc
    if not isinstance(found, dict):
        raise InputError("it is not a JSON object")
    if unknown := sorted(found.keys() - _KEYS):
        raise InputError(f"{unknown[0]!r} is no key of an example ({', '.join(sorted(_KEYS))})")
    if not isinstance(fields := found.get("fields", []), list):
        raise InputError('"fields" must be a list of texts like "title:text" (name and type)')
    if not isinstance(tags := found.get("tags", []), list):
        raise InputError('"tags" must be a list of texts')
    example = Example(
        question=found.get("question", ""),
        query=found.get("query"),  # type: ignore[arg-type]  # checked says what is wrong with it
        index=found.get("index", ""),
        fields=tuple(fields),
        source=found.get("source", source),
    )
    rest = {name: found[name] for name in (*_TEXTS, *_COUNTS, "state") if name in found}
    return checked_record(Record(example, etag="", tags=tuple(tags), **rest))


def read_records(file: BinaryIO, *, source: str) -> list[Record]:
    """Every record of the file. Raises InputError that names all bad lines (the first 20) by their numbers."""
    records, wrong = [], []
    for number, line in _lines(file):
        try:
            if len(line.rstrip(b"\r\n")) > MAX_LINE:
                raise InputError(f"it is longer than {MAX_LINE:,} bytes")
            if line.strip():
                records.append(parse_record(line, source=source))
        except InputError as exc:
            wrong.append(f"line {number}: {exc}")
    if wrong:
        more = f"; and {len(wrong) - _MOST_SHOWN} more" if len(wrong) > _MOST_SHOWN else ""
        raise InputError(f"Nothing was imported: {'; '.join(wrong[:_MOST_SHOWN])}{more}.")
    return records


def read(file: BinaryIO, *, source: str) -> list[Example]:
    """As ``read_records``, the examples only."""
    return [record.example for record in read_records(file, source=source)]


def write(what: Iterable[Example | Record], file: BinaryIO) -> int:
    """One line each, of a record all that an import keeps; returns how many."""
    count = 0
    for item in what:
        file.write(json.dumps(_line_of(item), ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
        count += 1
    return count


def _line_of(item: Example | Record) -> dict[str, Any]:
    example = item.example if isinstance(item, Record) else item
    line = {
        "question": example.question,
        "query": example.query,
        "index": example.index,
        "fields": list(example.fields),
        "source": example.source,
    }
    if isinstance(item, Record):
        line |= {"tags": list(item.tags), "state": item.state.value}
        line |= {name: getattr(item, name) for name in (*_TEXTS, *_COUNTS)}
    return line


def _in_utc(name: str, text: Any) -> str:
    """The time in UTC (where it names no zone, it is UTC); "" stays "". Raises InputError where it is no time."""
    if text == "":
        return ""
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (TypeError, ValueError, OverflowError) as exc:
        raise InputError(f'"{name}" must be a time like 2026-01-31T12:00:00+00:00') from exc
    return moment.isoformat()


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Numbered lines, each cut soon after MAX_LINE so that a file without line ends does not fill the memory."""
    number = 0
    while line := file.readline(MAX_LINE + 1):
        number += 1
        tail = line
        while len(tail) > MAX_LINE and not tail.endswith(b"\n"):
            tail = file.readline(MAX_LINE + 1)
        yield number, line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)
