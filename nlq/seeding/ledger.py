"""What a seeding run has done, one line of JSON each, on the disk before the next step begins.

The first line says what the run is for. A line {"call": …} holds what a model wrote, so that nothing is paid or
computed twice; a line {"entry": …} says what became of one question. The file is only ever appended to, so a process
that is killed leaves at most half a line at its end, which the next one cuts off.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Self

from nlq.errors import InputError, StoreError
from nlq.types import Body

Fate = Literal["verified", "unconfirmed", "dropped"]
Place = tuple[int, int]
"""The number of a call and of an item in it."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a run is for. Runs with different headers have different ledgers."""

    index: str
    source: str
    author: str
    version: int = 1


@dataclass(frozen=True, slots=True)
class Item:
    """A question with a query, not yet judged, for a kind of query and a clause on a field."""

    kind: str
    cell: tuple[str, str]
    question: str
    query: str


@dataclass(frozen=True, slots=True)
class Call:
    """Items that were written together, and the tokens that a teacher was paid for."""

    tokens_in: int
    tokens_out: int
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """What became of the item at ``place``, found at ``checked`` (UTC, ISO 8601)."""

    kind: str
    cell: tuple[str, str]
    question: str
    query: Body
    fate: Fate
    place: Place
    reason: str = ""
    fingerprint: str = ""
    seconds: float = 0.0
    checked: str = ""

    @property
    def kept(self) -> bool:
        return self.fate != "dropped"


class Ledger:
    """``calls`` and ``entries`` in order. Make it with ``open``; one process at a time."""

    def __init__(self, fd: int, path: Path) -> None:
        self._fd = fd
        self.path = path
        self.calls: list[Call] = []
        self.entries: list[Entry] = []

    @classmethod
    def open(cls, path: Path, header: Header) -> Self:
        """The ledger at ``path``, begun where there is none. Raises InputError where it is of another run, in use or
        damaged, StoreError where the file cannot be used."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as exc:
            raise StoreError(f"The ledger {path} cannot be opened ({exc.strerror}).") from exc
        ledger = cls(fd, path)
        try:
            ledger._lock()
            ledger._read(header)
        except BaseException:
            ledger.close()
            raise
        return ledger

    def add(self, what: Call | Entry) -> None:
        """Write it down; when this returns, it is on the disk."""
        self._write({type(what).__name__.lower(): asdict(what)})
        self._keep(what)

    def pending(self) -> Iterator[tuple[Place, Item]]:
        """Items of calls that were not judged yet, with their numbers."""
        judged = {entry.place for entry in self.entries}
        for number, call in enumerate(self.calls):
            for at, item in enumerate(call.items):
                if (number, at) not in judged:
                    yield (number, at), item

    def kept(self) -> list[Entry]:
        return [entry for entry in self.entries if entry.kept]

    def close(self) -> None:
        os.close(self._fd)

    def _lock(self) -> None:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            raise InputError(
                f"Another `nlq seed` is writing {self.path}: wait for it, or name another --ledger."
            ) from exc

    def _read(self, header: Header) -> None:
        with os.fdopen(os.dup(self._fd), "rb") as file:
            content = file.read()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            os.ftruncate(self._fd, len(whole))
        os.lseek(self._fd, 0, os.SEEK_END)
        if not whole:
            self._write(asdict(header))
            return
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                found = json.loads(line)
                other = number == 1 and Header(**found) != header
                if number > 1:
                    self._keep(_parsed(found))
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as exc:
                raise InputError(f"Line {number} of {self.path} is not from a ledger; name another --ledger.") from exc
            if other:
                raise InputError(f"{self.path} is the ledger of another run ({found}); name another --ledger.")

    def _keep(self, what: Call | Entry) -> None:
        if isinstance(what, Call):
            self.calls.append(what)
        else:
            self.entries.append(what)

    def _write(self, line: dict[str, Any]) -> None:
        data = json.dumps(line, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"
        try:
            while data:
                data = data[os.write(self._fd, data) :]
            os.fsync(self._fd)
        except OSError as exc:
            raise StoreError(f"The ledger {self.path} cannot be written ({exc.strerror}).") from exc


def _parsed(line: dict[str, Any]) -> Call | Entry:
    [(kind, found)] = line.items()
    if kind == "call":
        items = tuple(Item(**{**item, "cell": _pair(item["cell"])}) for item in found["items"])
        return Call(**{**found, "items": items})
    if kind != "entry":
        raise ValueError(kind)
    number, at = found["place"]
    return Entry(**{**found, "cell": _pair(found["cell"]), "place": (int(number), int(at))})


def _pair(found: list[str]) -> tuple[str, str]:
    one, other = found
    return one, other
