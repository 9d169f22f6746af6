"""The words of a reading: values, names, and objects that are read key by key."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Read = Callable[[object], str]
"""Reads one query clause; never raises."""

UNSAID: Mapping[str, str] = {
    "track_total_hits": "how far matches are counted does not change which are shown",
    "timeout": "it bounds how long the search runs, not what it asks",
    "unmapped_type": "it only matters on indices that lack the field",
    "ignore_unmapped": "it only matters on indices that lack the field",
}
"""Keys with a plain value that a reading leaves out, and why."""

_INVISIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_PLAIN_NAME = re.compile(r"[^\s\"'`,;:()\[\]{}<>=]+")
_PLAIN_WORD = re.compile(r"[\w.:%/<|+-]+")
_LIMIT = re.compile(r"(now|\d)[\w:.+|/-]*")
_KEY = re.compile(r"_?[a-z][a-z0-9_]*")

_KEY_WORDS = {"_name": "named", "missing": "missing counted as"}
_FLAGS = {("case_insensitive", True): "any case", ("case_insensitive", False): "exact case"}
_VALUES = frozenset({"_name", "missing", "other_bucket_key", "key"})
"""Options whose strings come from users, so they are quoted even where they are one word."""


class Odd(Exception):
    """A shape that no phrase knows; who catches it shows the JSON instead."""


class Spec:
    """One object of a body. What no phrase took from it, or from the objects inside it, ``rest`` appends."""

    __slots__ = ("_children", "_left", "read")

    def __init__(self, value: object, read: Read) -> None:
        """Raises Odd where ``value`` is no object with strings as keys."""
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            raise Odd
        self._left: dict[str, Any] = dict(value)
        self._children: list[Spec] = []
        self.read = read

    @property
    def keys(self) -> list[str]:
        """Keys that no phrase took yet, in the order of the body."""
        return list(self._left)

    def get(self, key: str) -> Any:
        """The value under ``key``, None where there is none; it still has to be said."""
        return self._left.get(key)

    def take(self, *keys: str) -> Any:
        """The value of the first of ``keys`` that is there and not null; it counts as said. None where none is."""
        found = next((key for key in keys if self._left.get(key) is not None), None)
        return None if found is None else self._left.pop(found)

    def take_or(self, key: str, default: object) -> Any:
        value = self.take(key)
        return default if value is None else value

    def need(self, *keys: str) -> Any:
        """As ``take``; raises Odd where none of ``keys`` is there."""
        value = self.take(*keys)
        if value is None:
            raise Odd
        return value

    def name(self, *keys: str) -> str:
        """The name of a field, path or type under one of ``keys``."""
        return name(self.need(*keys))

    def field(self, *options: str) -> tuple[str, Any]:
        """The one key besides ``options``, as a name, and what stands under it."""
        names = [key for key in self._left if key not in options]
        if len(names) != 1:
            raise Odd
        return name(names[0]), self._left.pop(names[0])

    def pairs(self) -> list[tuple[str, Any]]:
        """Every key that is left and its value; they count as said."""
        found, self._left = list(self._left.items()), {}
        return found

    def clause(self, *keys: str) -> str:
        """The reading of the query clause under one of ``keys``."""
        return self.read(self.need(*keys))

    def child(self, value: object, short: str | None = None) -> Spec:
        """The object ``value``, its leftovers said with this one's; with ``short``, other values stand for that key."""
        if short is not None and not isinstance(value, Mapping):
            value = {short: value}
        spec = Spec(value, self.read)
        self._children.append(spec)
        return spec

    def extras(self) -> list[str]:
        """A phrase for each key that is left; after that none is."""
        said = [_extra(key, value) for key, value in self._left.items() if not _unsaid(key, value)]
        self._left = {}
        return said + [phrase for child in self._children for phrase in child.extras()]

    def rest(self, text: str) -> str:
        """``text`` and, in parentheses, what is left."""
        return with_parts(text, self.extras())


def with_parts(text: str, parts: Sequence[str]) -> str:
    return f"{text} ({', '.join(parts)})" if parts else text


def _unsaid(key: str, value: object) -> bool:
    return key in UNSAID and not isinstance(value, Mapping | list)


def _extra(key: str, value: object) -> str:
    words = _KEY_WORDS.get(key) or (key.strip("_").replace("_", " ") if _KEY.fullmatch(key) else name(key))
    if isinstance(value, bool):
        return _FLAGS.get((key, value)) or (words if value else f"not {words}")
    if value in ({}, []):
        return words
    return f"{words} {shown(value) if key in _VALUES else bare(value)}"


def visible(text: str) -> str:
    """The text with an escape for each character that would hide or reorder others, or cannot be encoded."""
    return _INVISIBLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def quoted(text: str) -> str:
    return visible(json.dumps(text, ensure_ascii=False))


def name(value: object) -> str:
    """A field's name as it is, in backquotes where its end would be hard to see. Raises Odd where it is no string."""
    if not isinstance(value, str):
        raise Odd
    return visible(value) if _PLAIN_NAME.fullmatch(value) else f"`{visible(value)}`"


def shown(value: object) -> str:
    """The value as JSON, strings in double quotes."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{quoted(str(key))}: {shown(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(shown, value)) + "]"
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    return quoted(str(value))


def bare(value: object) -> str:
    """As ``shown``; a string of one plain word goes without quotes."""
    return value if isinstance(value, str) and _PLAIN_WORD.fullmatch(value) else shown(value)


def limit(value: object) -> str:
    """A bound: dates, date math and versions go without quotes."""
    return value if isinstance(value, str) and _LIMIT.fullmatch(value) else shown(value)


def many(value: object) -> list[Any]:
    """The items of a list, or the one value that Elasticsearch takes in place of a list."""
    return value if isinstance(value, list) else [value]


def listed(value: object) -> str:
    return ", ".join(map(shown, many(value))) or "nothing"


def groups(number: object) -> str:
    return f"{shown(number)} {'group' if number == 1 else 'groups'}"


def names(value: object, joint: str = ", ") -> str:
    """Names of a list, or of one string. Raises Odd where one is no string or there is none."""
    found = [name(item) for item in many(value)]
    if not found:
        raise Odd
    return joint.join(found)


def direction(order: object, *, low: str = "lowest first", high: str = "highest first") -> str:
    """The words for "asc" and "desc". Raises Odd for anything else."""
    words = {"asc": low, "desc": high}.get(order.lower()) if isinstance(order, str) else None
    if words is None:
        raise Odd
    return words
