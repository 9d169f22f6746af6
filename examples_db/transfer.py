"""Files of examples, brought into and written from any store."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from examples_db import jsonl
from nlq.errors import InputError
from nlq.ports import ExampleStore
from nlq.types import Record

_PAGE = 1000


class Restoring(Protocol):
    """A store that keeps records with all that is known of them."""

    def restore(self, records: Iterable[Record]) -> int: ...


def import_jsonl(store: Restoring, path: Path) -> int:
    """Add the records of that file, all or none; returns how many were new.

    Raises InputError that names each bad line, or that the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return store.restore(jsonl.read_records(file, source="import"))
    except OSError as exc:
        raise InputError(f"{path} cannot be read: {exc.strerror}.") from exc


def export_jsonl(store: ExampleStore, path: Path) -> int:
    """Write every record to that file, which is replaced only when all are written; returns how many."""
    if path.is_dir():
        raise InputError(f"{path} is a folder: name a file.")
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with unfinished.open("wb") as file:
            count = jsonl.write(each(store), file)
        unfinished.replace(path)
    except OSError as exc:
        raise InputError(f"{path} cannot be written: {exc.strerror}.") from exc
    finally:
        unfinished.unlink(missing_ok=True)
    return count


def each(store: ExampleStore) -> Iterator[Record]:
    """Every record in the order they were added, read a page at a time."""
    after = ""
    while page := store.page(after=after, limit=_PAGE):
        yield from page
        after = page[-1].example.id
