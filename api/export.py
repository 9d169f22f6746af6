"""Rows as CSV, NDJSON or Arrow, a chunk at a time."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from tempfile import SpooledTemporaryFile
from typing import Any, Literal

from api.rows import Row
from nlq.errors import without_extra

Format = Literal["csv", "ndjson", "arrow"]

MEDIA: dict[Format, str] = {
    "csv": "text/csv",
    "ndjson": "application/x-ndjson",
    "arrow": "application/vnd.apache.arrow.stream",
}

MEMORY_BYTES = 8 << 20
"""Of rows that wait for their columns; what is more waits on disk."""

_BATCH = 1000
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""With these a spreadsheet begins a formula."""


def exported(rows: Iterable[Row], form: Format) -> Iterator[bytes]:
    """The rows as ``form``. Columns are known when all rows are: CSV and Arrow begin behind the last one.

    Raises ConfigError, at once, where what writes ``form`` is not installed.
    """
    return WRITERS[form](rows)


def ndjson(rows: Iterable[Row]) -> Iterator[bytes]:
    return (f"{_json(row)}\n".encode() for row in rows)


def to_csv(rows: Iterable[Row]) -> Iterator[bytes]:
    with _Spool() as spool:
        spool.fill(rows)
        yield _csv_lines([[_guarded(name) for name in spool.columns]])
        for batch in spool.batches():
            yield _csv_lines([[_cell(row.get(name)) for name in spool.columns] for row in batch])


def to_arrow(rows: Iterable[Row]) -> Iterator[bytes]:
    try:
        import pyarrow as pa
    except ImportError as exc:
        raise without_extra("Arrow", "arrow") from exc
    return _arrow(rows, pa)


WRITERS: dict[Format, Callable[[Iterable[Row]], Iterator[bytes]]] = {
    "csv": to_csv,
    "ndjson": ndjson,
    "arrow": to_arrow,
}


def _waiting_room() -> SpooledTemporaryFile[str]:
    return SpooledTemporaryFile(MEMORY_BYTES, "w+", encoding="ascii")


@dataclass(slots=True)
class _Spool:
    """Rows on their way, and the kinds of values in each column, in the order in which columns came."""

    columns: dict[str, set[str]] = field(default_factory=dict)
    _file: SpooledTemporaryFile[str] = field(default_factory=_waiting_room)

    def __enter__(self) -> _Spool:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def fill(self, rows: Iterable[Row]) -> None:
        for row in rows:
            for name, value in row.items():
                kinds = self.columns.setdefault(name, set())
                if value is not None:
                    kinds.add(_kind(value))
            self._file.write(f"{_json(row)}\n")

    def batches(self) -> Iterator[list[Row]]:
        self._file.seek(0)
        rows = map(json.loads, self._file)
        while batch := list(islice(rows, _BATCH)):
            yield batch


def _arrow(rows: Iterable[Row], pa: Any) -> Iterator[bytes]:
    with _Spool() as spool:
        spool.fill(rows)
        schema = pa.schema([(name, _type(kinds, pa)) for name, kinds in spool.columns.items()])
        sink = io.BytesIO()
        with pa.ipc.new_stream(sink, schema) as writer:
            for batch in spool.batches():
                writer.write_batch(pa.record_batch([_column(batch, f, pa) for f in schema], schema=schema))
                yield _taken(sink)
        yield _taken(sink)


def _type(kinds: set[str], pa: Any) -> Any:
    """Of a column of values of these kinds; text where they are mixed or lists."""
    if kinds <= {"int", "float"} and kinds:
        return pa.int64() if kinds == {"int"} else pa.float64()
    return pa.bool_() if kinds == {"bool"} else pa.string()


def _column(batch: list[Row], column: Any, pa: Any) -> Any:
    values = [row.get(column.name) for row in batch]
    if column.type == pa.string():
        values = [value if value is None else _sound(_text(value)) for value in values]
    if column.type == pa.float64():  # Arrow itself refuses integers that a double rounds
        values = [value if value is None else float(value) for value in values]
    return pa.array(values, type=column.type)


def _taken(sink: io.BytesIO) -> bytes:
    data = sink.getvalue()
    sink.seek(0)
    sink.truncate()
    return data


def _csv_lines(rows: list[list[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue().encode("utf-8", "replace")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return _guarded(value) if isinstance(value, str) else _text(value)


def _guarded(text: str) -> str:
    """No formula in a spreadsheet."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _sound(text: str) -> str:
    """Without halves of surrogate pairs, which UTF-8 cannot hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _kind(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**63:
        return "big"
    return type(value).__name__


def _json(row: Row) -> str:
    return json.dumps(row, separators=(",", ":"))
