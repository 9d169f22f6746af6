"""Examples as lines of JSON: {"question", "query", "index", "fields", "source"}; the last two may be missing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

from nlq.errors import InputError
from nlq.types import Body, Example

MAX_LINE = 1_000_000
"""Bytes. A longer line is no example that fits a prompt."""

_KEYS = frozenset({"question", "query", "index", "fields", "source"})
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


def parse(line: bytes, *, source: str) -> Example:
    """The example on one line; ``source`` where the line names none. Raises InputError that says what is wrong."""
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
    return checked(
        Example(
            question=found.get("question", ""),
            query=found.get("query"),  # type: ignore[arg-type]  # checked says what is wrong with it
            index=found.get("index", ""),
            fields=tuple(fields),
            source=found.get("source", source),
        )
    )


def read(file: BinaryIO, *, source: str) -> list[Example]:
    """Every example of the file. Raises InputError that names all bad lines (the first 20) by their numbers."""
    examples, wrong = [], []
    for number, line in _lines(file):
        try:
            if len(line.rstrip(b"\r\n")) > MAX_LINE:
                raise InputError(f"it is longer than {MAX_LINE:,} bytes")
            if line.strip():
                examples.append(parse(line, source=source))
        except InputError as exc:
            wrong.append(f"line {number}: {exc}")
    if wrong:
        more = f"; and {len(wrong) - _MOST_SHOWN} more" if len(wrong) > _MOST_SHOWN else ""
        raise InputError(f"Nothing was imported: {'; '.join(wrong[:_MOST_SHOWN])}{more}.")
    return examples


def write(examples: Iterable[Example], file: BinaryIO) -> int:
    """One line per example; returns how many."""
    count = 0
    for example in examples:
        line = {
            "question": example.question,
            "query": example.query,
            "index": example.index,
            "fields": list(example.fields),
            "source": example.source,
        }
        file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
        count += 1
    return count


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
