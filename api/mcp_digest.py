"""Results cut to what an agent can read at once: every cut is told where it was made."""

from __future__ import annotations

import json
from typing import Any

from typing_extensions import TypedDict

from nlq.types import Result

MOST_CHARS = 20_000
"""Of one result as JSON; about five thousand tokens."""

_CHARS, _KEYS, _DEPTH = 600, 100, 20


class Digest(TypedDict):
    """``total`` counts every match; ``documents`` and ``aggregations`` hold the first of what came back. "… 12 more"
    stands where lists, texts or objects were cut; ``clipped`` says whether anything was."""

    total: int
    documents: list[dict[str, Any]]
    aggregations: dict[str, Any]
    clipped: bool


def digest(result: Result, *, limit: int) -> Digest:
    """At most ``limit`` documents and items of every list, texts of 600 characters; all of it shorter and shorter until
    MOST_CHARS hold it."""
    hits, aggregations = [dict(hit) for hit in result.hits], dict(result.aggregations)
    for shrink in (1, 2, 4, 8, 16, 32):
        most, chars = max(1, limit // shrink), max(40, _CHARS // shrink)
        documents = [cut(hit, most=most, chars=chars) for hit in hits[:most]]
        groups = cut(aggregations, most=most, chars=chars)
        if len(json.dumps([documents, groups])) <= MOST_CHARS:
            clipped = documents != hits or groups != aggregations
            return {"total": result.total, "documents": documents, "aggregations": groups, "clipped": clipped}
    return {"total": result.total, "documents": [], "aggregations": {}, "clipped": True}


def cut(value: Any, *, most: int, chars: int, depth: int = _DEPTH) -> Any:
    """A JSON value with at most ``most`` items in each list, ``chars`` characters in each text, ``depth`` levels."""
    if isinstance(value, str):
        return value if len(value) <= chars else f"{value[:chars]}… {len(value) - chars} more characters"
    if not isinstance(value, dict | list):
        return value
    if not depth:
        return "…"
    room, more = (most, len(value) - most) if isinstance(value, list) else (_KEYS, len(value) - _KEYS)
    if isinstance(value, list):
        items = [cut(item, most=most, chars=chars, depth=depth - 1) for item in value[:room]]
        return [*items, f"… {more} more"] if more > 0 else items
    pairs = {key: cut(below, most=most, chars=chars, depth=depth - 1) for key, below in list(value.items())[:room]}
    return {**pairs, "…": f"{more} more"} if more > 0 else pairs
