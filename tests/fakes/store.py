"""An example store in a list."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from examples_db.mask import mask, shape, values_of
from nlq.errors import StoreError
from nlq.types import Example, LinkedValue


class FakeStore:
    """The ExampleStore port over a list; near means sharing trigrams of the pattern."""

    def __init__(self, examples: Iterable[Example] = ()) -> None:
        self._examples: list[Example] = []
        self._open = True
        self.add(examples)

    def nearest(
        self, question: str, k: int, *, exclude_index: str | None = None, values: Iterable[LinkedValue] = ()
    ) -> Sequence[Example]:
        self._check_open()
        asked = _trigrams(mask(question, values))
        others = [e for e in self._examples if e.index != exclude_index]
        others.sort(key=lambda e: -_overlap(asked, _trigrams(_pattern(e))))
        distinct: dict[str, Example] = {}
        for example in others:
            distinct.setdefault(_key(example), example)
        return tuple(distinct.values())[: max(k, 0)]

    def warm(self) -> None:
        self._check_open()

    def add(self, examples: Iterable[Example]) -> int:
        self._check_open()
        known = {_identity(e) for e in self._examples}
        new = {_identity(e): e for e in reversed(list(examples)) if _identity(e) not in known}
        self._examples += reversed(new.values())
        return len(new)

    def all(self) -> Sequence[Example]:
        self._check_open()
        return tuple(self._examples)

    def close(self) -> None:
        self._open = False

    def _check_open(self) -> None:
        if not self._open:
            raise StoreError("The example store is closed: open it again.")


def _identity(example: Example) -> tuple[str, str, str]:
    return example.question, example.index, json.dumps(example.query)


def _pattern(example: Example) -> str:
    return mask(example.question, values_of(example.question, example.query))


def _key(example: Example) -> str:
    return _pattern(example).lower() + json.dumps(shape(example.query, values_of(example.question, example.query)))


def _trigrams(text: str) -> set[str]:
    padded = f"  {text.lower()} "
    return {padded[i : i + 3] for i in range(len(padded) - 2)}


def _overlap(one: set[str], other: set[str]) -> float:
    return len(one & other) / (len(one | other) or 1)
