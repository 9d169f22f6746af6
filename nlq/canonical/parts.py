"""What the modules of this package share: how scores are used, kinds of fields, small edits of options."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum, auto
from typing import Any

from nlq.types import Body, IndexSchema

MAX_DEPTH = 100
"""Bodies whose objects and lists stand deeper inside each other stay as they are."""


class Scores(Enum):
    """What depends on a clause's score, and so what may change in it."""

    UNUSED = auto()
    ORDER = auto()  # only the order of the matches: all scores may change by the same amount or factor
    EXACT = auto()


def kind_of(name: object, index: IndexSchema) -> str:
    """The kind of a field, "" where there is none of that name. Keys below a flattened field are of its kind."""
    if not isinstance(name, str):
        return ""
    if found := index.field(name):
        return found.kind
    below = (f for f in index.fields if f.kind == "flattened" and name.startswith(f"{f.name}."))
    return "flattened" if any(below) else ""


def mapped(name: object, index: IndexSchema) -> bool:
    """Whether every index behind the name has the field, so that nothing can be unmapped."""
    found = index.field(name) if isinstance(name, str) else None
    return found is not None and not found.partial


def same(one: object, other: object) -> bool:
    """Equality that tells True from 1."""
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def without_defaults(options: Mapping[str, Any], defaults: Mapping[str, Any]) -> Body:
    """The options that do not say what Elasticsearch does anyway."""
    return {k: v for k, v in options.items() if k not in defaults or not same(v, defaults[k])}


def without_boost(options: Mapping[str, Any], scores: Scores) -> Body:
    """The options without a boost that nothing depends on."""
    boost = options.get("boost")
    if not isinstance(boost, int | float) or isinstance(boost, bool):
        return dict(options)
    if boost == 1 or scores is Scores.UNUSED or (scores is Scores.ORDER and boost > 0):
        return {k: v for k, v in options.items() if k != "boost"}
    return dict(options)


def ordered(options: Mapping[str, Any], keys: Iterable[str]) -> Body:
    """The options with ``keys`` first, in that order."""
    first = {k: options[k] for k in keys if k in options}
    return first | {k: v for k, v in options.items() if k not in first}


def one_item(node: object) -> tuple[str, Any] | None:
    """The key and the value of an object that has one of each."""
    return next(iter(node.items())) if isinstance(node, dict) and len(node) == 1 else None


def distinct(values: Iterable[Any]) -> list[Any]:
    """The values without repetitions, in their order. They may be of any type."""
    out: list[Any] = []
    seen: set[str] = set()
    for value in values:
        if (key := repr(value)) not in seen:
            seen.add(key)
            out.append(value)
    return out


def too_deep(body: Body) -> bool:
    """Whether a body is nested deeper than MAX_DEPTH."""
    level: list[Any] = [body]
    for _ in range(MAX_DEPTH):
        if not level:
            break
        below = [v for node in level for v in (node.values() if isinstance(node, dict) else node)]
        level = [v for v in below if isinstance(v, dict | list)]
    return bool(level)
