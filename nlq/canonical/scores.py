"""Which clauses give every document they match the same score."""

from __future__ import annotations

from typing import Any

from nlq.canonical.parts import kind_of, one_item
from nlq.query_schema.kinds import FAMILIES, TEXT
from nlq.types import Body, IndexSchema

_ALWAYS = frozenset(
    {"match_all", "match_none", "ids", "exists", "range", "terms", "constant_score"}
    | {"geo_distance", "geo_bounding_box", "geo_shape", "shape"}
)
_EXACTLY = frozenset({"query", "value", "operator", "case_insensitive", "boost", "_name"})
_PATTERNS = frozenset({"prefix", "wildcard", "regexp"})
_WHOLE_VALUES = frozenset().union(*FAMILIES.values()) - TEXT - FAMILIES["vector"] - FAMILIES["rank"]


def is_constant(node: Any, index: IndexSchema) -> bool:
    """Whether the scores of a query's matches cannot differ, so that they say nothing of the documents.

    A term of a field that is not analyzed counts as such: its score depends on how often the value occurs among the
    documents of a shard, not on the document.
    """
    found = one_item(node)
    if found is None:
        return False
    kind, content = found
    if not isinstance(content, dict) or _odd_boost(content):
        return False
    if kind in _PATTERNS or kind in ("term", "match"):
        return _leaf(kind, content, index)
    if kind == "bool":
        return _bool(content, index)
    return kind in _ALWAYS or _joins(kind, content, index)


def _joins(kind: str, content: Body, index: IndexSchema) -> bool:
    """Clauses over other documents."""
    if kind == "nested":
        mode = content.get("score_mode", "avg")
        return mode == "none" or (mode in ("avg", "min", "max") and is_constant(content.get("query"), index))
    if kind == "has_child":
        return bool(content.get("score_mode", "none") == "none")
    return kind == "has_parent" and content.get("score", False) is False


def _odd_boost(content: Body) -> bool:
    """Whether there is a boost that Elasticsearch would not take."""
    boost = content.get("boost", 1)
    return isinstance(boost, bool) or not isinstance(boost, int | float) or boost < 0


def _leaf(kind: str, content: Body, index: IndexSchema) -> bool:
    found = one_item(content)
    if found is None:
        return False
    name, spec = found
    options = spec if isinstance(spec, dict) else {}
    if kind in _PATTERNS:
        return str(options.get("rewrite", "constant_score")).startswith("constant_score")
    return kind_of(name, index) in _WHOLE_VALUES and options.keys() <= _EXACTLY


def _bool(content: Body, index: IndexSchema) -> bool:
    """Filters score nothing; what must match adds its constants; what should match makes differences."""
    if content.keys() - {"must", "filter", "must_not", "should", "boost", "minimum_should_match"}:
        return False
    must, should = _listed(content.get("must")), _listed(content.get("should"))
    if should and (len(should) > 1 or must or content.get("filter") or "minimum_should_match" in content):
        return False
    return all(is_constant(clause, index) for clause in [*must, *should])


def _listed(clauses: Any) -> list[Any]:
    if isinstance(clauses, dict):
        return [clauses]
    return clauses if isinstance(clauses, list) else []
