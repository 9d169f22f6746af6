"""An engine with aliases, whose callers may see less of it."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from nlq.elastic.names import check_names
from nlq.ports import Engine
from nlq.types import IndexInfo
from tests.fakes.documents import Index
from tests.fakes.engine import FakeEngine


class SharedEngine(FakeEngine):
    """``aliases`` maps names to the indices behind; ``views`` maps Authorization headers to what is seen with them.

    ``seen`` keeps the headers that were used.
    """

    def __init__(self, aliases: Mapping[str, tuple[str, ...]] | None = None) -> None:
        super().__init__()
        self.aliases = dict(aliases or {})
        self.views: dict[str, FakeEngine] = {}
        self.seen: list[str] = []

    def as_caller(self, authorization: str) -> Engine:
        self.seen.append(authorization)
        return self.views[authorization]

    def behind(self, index: str) -> Mapping[str, frozenset[str]]:
        there = {name: (name,) for name in self._indices} | self.aliases
        parts = check_names(index).split(",")
        return {name: frozenset(each) for name, each in there.items() if any(fnmatchcase(name, p) for p in parts)}

    def indexes(self) -> list[IndexInfo]:
        names = [IndexInfo(name, 0) for name in self.aliases]
        return sorted([*super().indexes(), *names], key=lambda info: info.name)

    def _found(self, names: str) -> dict[str, Index]:
        found = self.behind(names)
        behind = sorted({index for each in found.values() for index in each})
        return super()._found(",".join(behind) or names)
