"""What a body does: which fields it filters, groups, measures, sorts and shows, and which shapes its result has."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nlq.policy.grammar import METRICS, PIPELINES, SINGLE_BUCKET
from nlq.signals.clauses import Clause, Value, aggregations, clauses, fields, values
from nlq.types import Body, IndexSchema

Shape = str
"""One of "hits", "ranked" (in an order that counts), "count", "metric", "groups"."""

_COUNTS = frozenset({"value_count", "cardinality"})
_BELOW = frozenset({"aggs", "aggregations", "meta"})
_NOT_FIELDS = frozenset({"_score", "_doc", "_id"})
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_SCRIPT_NUMBER = re.compile(r"(-?\d+(?:\.\d+)?)$")
_FEW = 20


@dataclass(frozen=True, slots=True)
class Parts:
    """``values`` are those that documents and groups are compared with, ``numbers`` all that stand anywhere in the
    body, in fields' names too. Multi-fields are named by their parents."""

    clauses: tuple[Clause, ...]
    values: tuple[Value, ...]
    filtered: tuple[str, ...]
    aggregated: tuple[str, ...]
    sorted: tuple[str, ...]
    shown: tuple[str, ...]
    shapes: frozenset[Shape]
    numbers: frozenset[float]

    @property
    def fields(self) -> tuple[str, ...]:
        """Every field once."""
        return tuple(dict.fromkeys((*self.filtered, *self.aggregated, *self.sorted, *self.shown)))

    @property
    def shows_all(self) -> bool:
        """Whether whole documents come back."""
        return "hits" in self.shapes and not self.shown


def parts(body: Body, index: IndexSchema) -> Parts:
    """The parts of an accepted body."""
    found = tuple(c for c in clauses(body) if c.kind != "match_all")
    aggs = [agg for _, agg in aggregations(body)]
    of_groups = [value for agg in aggs for value in _conditions(agg)]
    return Parts(
        clauses=found,
        values=(*(value for clause in found for value in values(clause)), *of_groups),
        filtered=_bases((name for clause in found for name in fields(clause)), index),
        aggregated=_bases((name for agg in aggs for name in _collected(_own(agg))), index),
        sorted=_bases(sort_fields(body), index),
        shown=_bases(_source(body.get("_source")), index),
        shapes=frozenset(_shapes(body)),
        numbers=frozenset(_numbers(body)),
    )


def base(name: str, index: IndexSchema) -> str:
    """The name of the field, of its parent where it is a multi-field."""
    found = index.field(name)
    return found.parent or name if found else name


def sort_fields(body: Body) -> list[str]:
    """The fields that documents are sorted by; not their scores."""
    sort = body.get("sort")
    keys = sort if isinstance(sort, list) else [sort] if sort else []
    names = [key if isinstance(key, str) else next(iter(key), "") for key in keys if isinstance(key, str | dict)]
    return [name for name in names if name not in _NOT_FIELDS]


def kind_of(agg: Body) -> str:
    """The type of an aggregation."""
    return next((kind for kind in agg if kind not in _BELOW), "")


def is_ranked(agg: Body) -> bool:
    """Whether the order of an aggregation's groups counts: it is given, or only the first few are wanted."""
    spec = agg.get(kind_of(agg))
    if not isinstance(spec, Mapping):
        return False
    sorted_below = any(kind_of(below) == "bucket_sort" for _, below in aggregations(agg))
    return sorted_below or _by_number(spec.get("order")) or spec.get("size", _FEW + 1) <= _FEW


def _by_number(order: Any) -> bool:
    return bool(order) and order not in ({"_key": "asc"}, {"_key": "desc"})


def _own(agg: Body) -> Body:
    return {key: value for key, value in agg.items() if key not in _BELOW | {"filter", "filters"}}


def _collected(node: Any) -> Iterator[str]:
    """Names under "field" at any depth."""
    if isinstance(node, dict):
        if isinstance(node.get("field"), str):
            yield node["field"]
        node = list(node.values())
    for below in node if isinstance(node, list) else ():
        yield from _collected(below)


def _conditions(agg: Body) -> Iterator[Value]:
    """Numbers that groups are compared with, and the ends of ranges that make groups."""
    for kind, spec in agg.items():
        if not isinstance(spec, dict):
            continue
        name = str(spec.get("field", ""))
        ranges = spec.get("ranges")
        for each in ranges if isinstance(ranges, list) else ():
            bounds = each if isinstance(each, dict) else {}
            yield from (Value(name, bounds[b], "range", b) for b in ("from", "to") if bounds.get(b) is not None)
        if kind == "bucket_selector" and (number := _SCRIPT_NUMBER.search(str(spec.get("script", "")))):
            yield Value("", float(number[1]), kind, "gte")
        if isinstance(least := spec.get("min_doc_count"), int) and least > 1:
            yield Value("", least, "min_doc_count", "gte")


def _shapes(body: Body) -> Iterator[Shape]:
    held = body.get("aggs") or body.get("aggregations")
    if held:
        yield from (shape for agg in held.values() for shape in _shapes_of(agg))
    if body.get("size") != 0:
        yield "hits"
        if sort_fields(body):
            yield "ranked"
    elif not held:
        yield "count"


def _shapes_of(agg: Body) -> Iterator[Shape]:
    kind, below = kind_of(agg), agg.get("aggs") or agg.get("aggregations")
    if kind in _COUNTS:
        yield "count"
    elif kind in ("top_hits", "top_metrics"):
        yield from ("hits", "ranked")
    elif kind in METRICS or kind in PIPELINES:
        yield "metric"
    elif kind in SINGLE_BUCKET:
        yield from (s for inner in below.values() for s in _shapes_of(inner)) if below else ("count",)
    else:
        yield "groups"
        if is_ranked(agg):
            yield "ranked"


def _source(spec: Any) -> list[str]:
    if isinstance(spec, dict):
        spec = spec.get("includes", spec.get("include"))
    names = spec if isinstance(spec, list) else [spec]
    return [name for name in names if isinstance(name, str) and "*" not in name]


def _bases(names: Iterator[str] | list[str], index: IndexSchema) -> tuple[str, ...]:
    return tuple(dict.fromkeys(base(name, index) for name in names))


def _numbers(node: Any) -> Iterator[float]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _numbers(key)
            yield from _numbers(None if key == "query_vector" else value)
    elif isinstance(node, list):
        for each in node:
            yield from _numbers(each)
    elif isinstance(node, str):
        yield from (float(found) for found in _NUMBER.findall(node.replace(",", "")))
    elif isinstance(node, int | float) and not isinstance(node, bool):
        yield abs(float(node))
