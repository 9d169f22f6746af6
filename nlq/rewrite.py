"""The clauses of a search body: one walk over queries, aggregations and sorts that never mistakes a field's name for
a clause's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nlq.types import Body

Rewrite = Callable[[str, Any], Body]
"""(kind, content) of one clause or aggregation becomes what stands in its place: ``{kind: content}`` is no change."""

MAX_DEPTH = 60

HOLDS: dict[str, tuple[str, ...]] = {
    "bool": ("must", "filter", "should", "must_not"),
    "boosting": ("positive", "negative"),
    "constant_score": ("filter",),
    "dis_max": ("queries",),
    "function_score": ("query",),
    "has_child": ("query",),
    "has_parent": ("query",),
    "knn": ("filter",),
    "nested": ("query",),
    "script_score": ("query",),
}
"""Keys of compound clauses under which queries stand."""

_DECAYS = ("gauss", "linear", "exp")


def kept(kind: str, content: Any) -> Body:
    """The rewrite that changes nothing."""
    return {kind: content}


@dataclass(frozen=True, slots=True)
class Walk:
    """Rewrites the leaves of a body: ``leaf`` the query clauses that hold no query, ``agg`` the aggregations.

    What lies deeper than MAX_DEPTH or has an unknown shape stays as it is.
    """

    leaf: Rewrite = kept
    agg: Rewrite = kept

    def body(self, body: Body) -> Body:
        """A copy of a search body, rewritten."""
        out = dict(body)
        for key, value in body.items():
            if key in ("query", "post_filter"):
                out[key] = self._query(value, 0)
            elif key in ("aggs", "aggregations"):
                out[key] = self._aggs(value, 0)
            elif key == "knn":
                out[key] = _each(value, lambda one: self._compound("knn", one, 0))
        return out

    def _query(self, node: Any, depth: int) -> Any:
        if isinstance(node, list):
            return [self._query(item, depth) for item in node]
        if not isinstance(node, dict) or depth > MAX_DEPTH:
            return node
        out: Body = {}
        for kind, content in node.items():
            if kind in HOLDS:
                out[kind] = self._compound(kind, content, depth)
            else:
                out |= self.leaf(kind, content)
        return out

    def _compound(self, kind: str, content: Any, depth: int) -> Any:
        if not isinstance(content, dict):
            return content
        out = {key: self._query(v, depth + 1) if key in HOLDS[kind] else v for key, v in content.items()}
        if kind == "function_score":
            out = self._function(out, depth)
            if isinstance(functions := out.get("functions"), list):
                out["functions"] = [self._function(each, depth) for each in functions]
        return out

    def _function(self, node: Any, depth: int) -> Any:
        """The filter and the decay functions, which name a field as leaves do."""
        if not isinstance(node, dict):
            return node
        out = dict(node)
        if "filter" in node:
            out["filter"] = self._query(node["filter"], depth + 1)
        for kind in _DECAYS:
            if kind in node:
                out |= self.leaf(kind, node[kind])
        return out

    def _aggs(self, node: Any, depth: int) -> Any:
        if not isinstance(node, dict) or depth > MAX_DEPTH:
            return node
        return {name: self._one_agg(agg, depth) for name, agg in node.items()}

    def _one_agg(self, agg: Any, depth: int) -> Any:
        if not isinstance(agg, dict):
            return agg
        out: Body = {}
        for kind, content in agg.items():
            if kind in ("aggs", "aggregations"):
                out[kind] = self._aggs(content, depth + 1)
            elif kind == "filter":
                out[kind] = self._query(content, depth + 1)
            elif kind in ("filters", "adjacency_matrix") and isinstance(content, dict):
                out[kind] = {**content, "filters": self._named(content.get("filters"), depth + 1)}
            elif kind == "meta":
                out[kind] = content
            else:
                out |= self.agg(kind, content)
        return out

    def _named(self, filters: Any, depth: int) -> Any:
        if isinstance(filters, dict):
            return {name: self._query(query, depth) for name, query in filters.items()}
        return self._query(filters, depth)


def _each(value: Any, change: Callable[[Any], Any]) -> Any:
    return [change(item) for item in value] if isinstance(value, list) else change(value)
