"""Copies of a body with one clause taken out, replaced or added."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from nlq.rewrite import HOLDS
from nlq.signals.clauses import Path
from nlq.types import Body, IndexSchema

Edited = Iterator[tuple[Body, str]]
"""Edited bodies, the likeliest first, each with what was changed in words."""

_STILL_WHOLE = frozenset({"function_score", "knn"})
"""Clauses that mean something without the query they hold."""


def without(body: Body, path: Path) -> Body:
    """The body without the clause at ``path``. What then holds no clause goes too; a query or an aggregation's filter
    that is emptied fits every document."""
    out: Body = _without(body, path, "") or {}
    return out if "query" in out or path[0] != "query" else {"query": {"match_all": {}}, **out}


def without_all(body: Body, paths: Sequence[Path]) -> Body:
    """The body without the clauses at ``paths``, which are in the order of the body: the last one goes first, so that
    places before it stay what they are."""
    for path in reversed(paths):
        body = without(body, path)
    return body


def replaced(node: Any, path: Path, new: Any) -> Any:
    """The body with ``new`` at ``path``."""
    if not path:
        return new
    key, rest = path[0], path[1:]
    if isinstance(node, list):
        return [replaced(item, rest, new) if i == key else item for i, item in enumerate(node)]
    return {name: replaced(item, rest, new) if name == key else item for name, item in node.items()}


def narrowed(body: Body, clause: Body, field: str, index: IndexSchema) -> Body:
    """The body whose documents fit ``clause`` on ``field`` too."""
    found = index.field(field)
    inside = {"nested": {"path": found.nested, "query": clause}} if found and found.nested else clause
    query = body.get("query", {"match_all": {}})
    both = inside if query == {"match_all": {}} else {"bool": {"must": [query], "filter": [inside]}}
    return {**body, "query": both}


def _without(node: Any, path: Path, kind: str) -> Any:
    """None where nothing is left; ``kind`` is the key under which ``node`` stands."""
    if not path:
        return None
    key = path[0]
    below = _without(node[key], path[1:], key if isinstance(key, str) else kind)
    if below is not None:
        return replaced(node, (key,), below)
    if isinstance(node, list):
        return [item for i, item in enumerate(node) if i != key] or None
    out = {name: item for name, item in node.items() if name != key}
    if kind == "bool":
        return _a_bool(out)
    if key == "filter" and kind not in HOLDS:
        return {"filter": {"match_all": {}}, **out}
    return None if not out or (kind in HOLDS and kind not in _STILL_WHOLE) else out


def _a_bool(content: Body) -> Body | None:
    if "should" not in content:
        content = {name: item for name, item in content.items() if name != "minimum_should_match"}
    return content if any(key in content for key in HOLDS["bool"]) else None
