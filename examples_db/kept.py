"""What both stores do with records, which is to hand them on to their keeper."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from nlq.types import Example, ExampleFilter, Record, State


class Keeper(Protocol):
    """Records of examples, written whole or not at all; see ``nlq.ports.ExampleStore`` for what each method means."""

    def add(self, examples: Iterable[Example], *, tags: Iterable[str], author: str, state: State) -> int: ...

    def restore(self, records: Iterable[Record]) -> int: ...

    def all(self) -> tuple[Example, ...]: ...

    def count(self, where: ExampleFilter | None) -> int: ...

    def page(self, where: ExampleFilter | None, *, after: str, limit: int) -> tuple[Record, ...]: ...

    def get(self, example_id: str) -> Record: ...

    def edit(self, example_id: str, example: Example, *, tags: Iterable[str] | None, etag: str) -> Record: ...

    def remove(self, example_id: str, *, etag: str | None) -> None: ...

    def mark(self, example_id: str, state: State, *, engine: str, reason: str, etag: str | None) -> None: ...

    def used(self, shown: Iterable[str], *, won: Iterable[str]) -> None: ...

    def source_version(self, source: str) -> str | None: ...

    def replace_source(self, source: str, examples: Iterable[Example], *, version: str) -> None: ...


class KeptRecords:
    """The part of a store's port that needs no vectors."""

    _records: Keeper

    def add(
        self, examples: Iterable[Example], *, tags: Iterable[str] = (), author: str = "", state: State = State.UNCHECKED
    ) -> int:
        """As the port says, in the canonical spelling. Raises InputError where one is no example."""
        return self._records.add(examples, tags=tags, author=author, state=state)

    def restore(self, records: Iterable[Record]) -> int:
        """Keep records with all that is known of them but their ids, all or none; returns how many were new.

        Raises InputError where one is no record.
        """
        return self._records.restore(records)

    def all(self) -> Sequence[Example]:
        return self._records.all()

    def count(self, where: ExampleFilter | None = None) -> int:
        return self._records.count(where)

    def page(self, where: ExampleFilter | None = None, *, after: str = "", limit: int = 100) -> Sequence[Record]:
        """As the port says; the example ``after`` may be gone. Raises UnknownExampleError where it never was an id."""
        return self._records.page(where, after=after, limit=limit)

    def get(self, example_id: str) -> Record:
        return self._records.get(example_id)

    def edit(self, example_id: str, example: Example, *, tags: Iterable[str] | None = None, etag: str) -> Record:
        """As the port says. Raises InputError too, where it is no example."""
        return self._records.edit(example_id, example, tags=tags, etag=etag)

    def remove(self, example_id: str, *, etag: str | None = None) -> None:
        self._records.remove(example_id, etag=etag)

    def mark(self, example_id: str, state: State, *, engine: str, reason: str = "", etag: str | None = None) -> None:
        self._records.mark(example_id, state, engine=engine, reason=reason, etag=etag)

    def used(self, shown: Iterable[str], *, won: Iterable[str] = ()) -> None:
        self._records.used(shown, won=won)

    def source_version(self, source: str) -> str | None:
        """What ``replace_source`` was last given for that source."""
        return self._records.source_version(source)

    def replace_source(self, source: str, examples: Iterable[Example], *, version: str) -> None:
        """See ``replace_source`` of the keeper."""
        self._records.replace_source(source, examples, version=version)
