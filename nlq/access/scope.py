"""An engine and an example store that keep to what a caller may see."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

from nlq.access.callers import Behind, covered
from nlq.errors import AccessError, UnknownExampleError, UnknownIndexError
from nlq.ports import Engine, ExampleStore
from nlq.types import (
    Body,
    EngineInfo,
    Example,
    ExampleFilter,
    Failure,
    IndexInfo,
    IndexSchema,
    Record,
    Result,
)

_T = TypeVar("_T")

_PAGE = 200
_MORE = 20
"""Examples looked at for each that is wanted: most that are nearest may be of indices that the caller may not see."""


@runtime_checkable
class Resolving(Protocol):
    """An engine that tells what is behind its names."""

    def behind(self, index: str) -> Behind:
        """Every name that ``index`` stands for, with the indices and data streams behind it; empty where there is
        none. Raises InputError where the name is none."""


@runtime_checkable
class Impersonating(Protocol):
    """An engine that can ask as somebody else."""

    def as_caller(self, authorization: str) -> Engine:
        """The same cluster asked with this Authorization header; shares the connections and is not closed."""


@dataclass(frozen=True, slots=True)
class ScopedEngine(Engine):
    """``engine`` for a caller who may ask the indices of ``patterns``. What is behind a name is what ``engine`` would
    ask, with the rights that it asks with; ``resolver`` says it where ``engine`` cannot. Nothing is written.

    Raises AccessError where an index behind a name is not in ``patterns``, and names no index that is not.
    """

    engine: Engine
    resolver: Resolving
    patterns: tuple[str, ...]

    def info(self) -> EngineInfo:
        return self.engine.info()

    def indexes(self) -> Sequence[IndexInfo]:
        there = self._behind("*")
        return [info for info in self.engine.indexes() if covered(info.name, self.patterns, there)]

    def mapping(self, index: str) -> Mapping[str, Any]:
        return self._asked(index, self.engine.mapping)

    def schema(self, index: str) -> IndexSchema:
        return self._asked(index, self.engine.schema)

    def search(self, index: str, bodies: Sequence[Body], *, timeout: float) -> Sequence[Result | Failure]:
        return self._asked(index, lambda name: self.engine.search(name, bodies, timeout=timeout))

    def load(
        self, index: str, *, mappings: Body, documents: Iterable[tuple[str, Body]], settings: Body | None = None
    ) -> int:
        raise AccessError("Nothing is written for a caller.")

    def add(self, index: str, documents: Iterable[tuple[str, Body]]) -> int:
        raise AccessError("Nothing is written for a caller.")

    def close(self) -> None:
        """Its engine is somebody else's to close."""

    def _asked(self, index: str, ask: Callable[[str], _T]) -> _T:
        if not covered(index, self.patterns, self._behind(index)):
            raise AccessError(
                f"{_short(index)} names indices that are not allowed here; allowed are {', '.join(self.patterns)}."
            )
        try:
            return ask(index)
        except UnknownIndexError as exc:  # its message lists every index
            allowed = ", ".join(info.name for info in self.indexes()[:10]) or "none"
            raise UnknownIndexError(f"There is no index {_short(index)}; there are: {allowed}.") from exc

    def _behind(self, index: str) -> Behind:
        asked = self.engine if isinstance(self.engine, Resolving) else self.resolver
        return asked.behind(index)


class ScopedExamples:
    """``store`` without the examples of indices that are not in ``patterns``.

    ``shipped`` tells nlq's own examples: everybody may see them. With ``own_only`` the model is shown no others: what
    people approved may hold values that document-level security keeps from this caller.

    Behaves as an ExampleStore (and tells scores where ``store`` does).
    """

    def __init__(
        self,
        store: ExampleStore,
        patterns: tuple[str, ...],
        *,
        resolver: Resolving,
        shipped: Callable[[Example], bool],
        own_only: bool = False,
    ) -> None:
        self._store: Any = store  # methods that concern no single example are its own
        self._patterns = patterns
        self._resolver = resolver
        self._shipped = shipped
        self._own_only = own_only

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def nearest(self, question: str, k: int, **how: Any) -> Sequence[Example]:
        seen = self._shipped if self._own_only else self._seen()
        found = self._store.nearest(question, k * _MORE, **how)
        return tuple(example for example in found if seen(example))[:k]

    def scored(self, question: str, k: int, **how: Any) -> Sequence[tuple[float, Example]]:
        seen = self._seen()
        found = self._store.scored(question, k * _MORE, **how)
        return tuple((score, example) for score, example in found if seen(example))[:k]

    def add(self, examples: Iterable[Example], **how: Any) -> int:
        kept = list(examples)
        for example in kept:
            self._check(example)
        return int(self._store.add(kept, **how))

    def all(self) -> Sequence[Example]:
        seen = self._seen()
        return tuple(example for example in self._store.all() if seen(example))

    def count(self, where: ExampleFilter | None = None) -> int:
        return sum(1 for _ in self._records(where, after=""))

    def page(self, where: ExampleFilter | None = None, *, after: str = "", limit: int = 100) -> Sequence[Record]:
        return tuple(record for record, _ in zip(self._records(where, after=after), range(limit), strict=False))

    def get(self, example_id: str) -> Record:
        record: Record = self._store.get(example_id)
        if not self._seen()(record.example):
            raise UnknownExampleError(f"There is no example {example_id[:60]!r}.")
        return record

    def edit(self, example_id: str, example: Example, **how: Any) -> Record:
        self._check(self.get(example_id).example)
        self._check(example)
        record: Record = self._store.edit(example_id, example, **how)
        return record

    def remove(self, example_id: str, **how: Any) -> None:
        self._check(self.get(example_id).example)
        self._store.remove(example_id, **how)

    def _records(self, where: ExampleFilter | None, *, after: str) -> Iterator[Record]:
        seen = self._seen()
        while page := self._store.page(where, after=after, limit=_PAGE):
            yield from (record for record in page if seen(record.example))
            after = page[-1].example.id

    def _seen(self) -> Callable[[Example], bool]:
        """Whether an example may be seen, by what there is now."""
        there = self._resolver.behind("*")
        return lambda example: self._shipped(example) or covered(example.index, self._patterns, there)

    def _check(self, example: Example) -> None:
        """Raises AccessError where the caller may not ask the example's index: then it is seen at most."""
        if not covered(example.index, self._patterns, self._resolver.behind("*")):
            raise AccessError(
                f"Examples of {_short(example.index)} cannot be kept or changed here; allowed are "
                f"{', '.join(self._patterns)}."
            )


def _short(index: str) -> str:
    return repr(index if len(index) <= 60 else index[:60] + "…")
