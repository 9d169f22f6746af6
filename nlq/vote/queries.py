"""When two finished queries say the same, whatever their results."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from nlq.types import Body

_IN_NO_ORDER = frozenset("must filter should must_not queries fields _source includes excludes".split())
_EXACT = 2.0**53


def query_text(query: Body) -> str:
    """One text for all spellings of a finished query (see ``nlq.finish``) that differ in the order of keys, clauses,
    listed values or shown fields, or in how they write whole numbers."""
    return json.dumps(_normal(query), sort_keys=True, ensure_ascii=False)


def query_texts(queries: Iterable[Body | None]) -> list[str]:
    """The text of each, in order. Candidates of one text share their query, which is read once."""
    known: dict[int, str] = {}
    out: list[str] = []
    for query in queries:
        if id(query) not in known:
            known[id(query)] = query_text(query or {})
        out.append(known[id(query)])
    return out


def _normal(node: Any, key: str = "", within: str = "") -> Any:
    if isinstance(node, dict):
        return {k: _normal(v, k, key) for k, v in node.items()}
    if isinstance(node, list):
        items = [_normal(item) for item in node]
        # The order of a terms aggregation may be a list too.
        listed = key in _IN_NO_ORDER or (within == "terms" and key != "order")
        return _sorted(items) if listed else items
    if isinstance(node, float) and node.is_integer() and abs(node) < _EXACT:
        return int(node)
    return node


def _sorted(items: Iterable[Any]) -> list[Any]:
    return sorted(items, key=lambda item: json.dumps(item, sort_keys=True))
