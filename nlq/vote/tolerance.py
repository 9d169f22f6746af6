"""Equality that forgives what arithmetic in another order does to a number."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass

RELATIVE = 1e-9


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Number:
    """Equal to numbers within RELATIVE of it. All have one hash, as two on any border can be equal."""

    value: float

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Number) and math.isclose(self.value, other.value, rel_tol=RELATIVE)

    def __hash__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return f"{self.value:.10g}"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Unordered:
    """Items of which each occurs as often as it is there; equal where every one has an equal partner."""

    items: tuple[Hashable, ...]

    @classmethod
    def of(cls, items: Iterable[Hashable]) -> Unordered:
        """``items`` in an order of their own, so that equal ones mostly stand at the same place."""
        some = tuple(items)
        return cls(some if len(some) < 2 else tuple(sorted(some, key=repr)))

    def __repr__(self) -> str:
        return f"Unordered(items={self.items!r})"

    def __iter__(self) -> Iterator[Hashable]:
        return iter(self.items)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Unordered) or hash(self) != hash(other):
            return False
        rest = list(other.items)
        for item in self.items:
            if item not in rest:
                return False
            rest.remove(item)
        return True

    def __hash__(self) -> int:
        return hash(tuple(sorted(map(hash, self.items))))


def tolerant(value: object) -> Hashable:
    """A scalar of a result, numbers as Numbers."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int | float):
        return Number(value)
    return value if isinstance(value, Hashable) else repr(value)
