"""An engine whose indices go by other names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from nlq.errors import UnknownIndexError
from nlq.ports import Engine
from nlq.types import Body, EngineInfo, Failure, IndexInfo, IndexSchema, Result


class Renamed(Engine):
    """``engine`` with the indices of ``names`` (shown name → real name) only, which go by their shown names.

    So do they in queries and answers. There are no aliases and no patterns. Closing it leaves ``engine`` open.
    """

    def __init__(self, engine: Engine, names: Mapping[str, str]) -> None:
        self._engine = engine
        self.names = dict(names)
        self._shown = {real: shown for shown, real in names.items()}

    def info(self) -> EngineInfo:
        return self._engine.info()

    def indexes(self) -> Sequence[IndexInfo]:
        found = (i for i in self._engine.indexes() if i.name in self._shown)
        return sorted((replace(i, name=self._shown[i.name]) for i in found), key=lambda i: i.name)

    def mapping(self, index: str) -> Mapping[str, Any]:
        return self._engine.mapping(self._name(index))

    def schema(self, index: str) -> IndexSchema:
        return replace(self._engine.schema(self._name(index)), index=index)

    def search(self, index: str, bodies: Sequence[Body], *, timeout: float) -> Sequence[Result | Failure]:
        asked = [_replaced(body, self.names, below="_index") for body in bodies]
        found = self._engine.search(self._name(index), asked, timeout=timeout)
        return tuple(self._as_shown(result) if isinstance(result, Result) else result for result in found)

    def load(
        self, index: str, *, mappings: Body, documents: Iterable[tuple[str, Body]], settings: Body | None = None
    ) -> int:
        return self._engine.load(self._name(index), mappings=mappings, documents=documents, settings=settings)

    def add(self, index: str, documents: Iterable[tuple[str, Body]]) -> int:
        return self._engine.add(self._name(index), documents)

    def close(self) -> None:
        pass

    def _name(self, index: str) -> str:
        if index not in self.names:
            raise UnknownIndexError(f"There is no index {index!r} in this set.")
        return self.names[index]

    def _as_shown(self, result: Result) -> Result:
        hits = tuple(
            {key: value if key == "_source" else _replaced(value, self._shown) for key, value in hit.items()}
            for hit in result.hits
        )
        return replace(result, hits=hits, aggregations=_replaced(result.aggregations, self._shown))


def _replaced(value: Any, names: Mapping[str, str], *, below: str | None = None) -> Any:
    """A copy of ``value`` with every string that ``names`` renames renamed; only below that key where one is given."""
    if isinstance(value, str):
        return value if below else names.get(value, value)
    if isinstance(value, Mapping):
        return {k: _replaced(v, names, below=None if k == below else below) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_replaced(v, names, below=below) for v in value]
    return value
