"""What a result says, apart from names and formats: documents, numbers and buckets, comparable with ``==``."""

from __future__ import annotations

import json
import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nlq.types import Body, Result, Verdict
from nlq.vote.tolerance import Number, Unordered, tolerant

_HOLDING = ("aggs", "aggregations")
_SINGLE: tuple[Hashable, ...] = (None, None, None)

Id = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Documents:
    """Documents by (index, id); ``total`` counts those that matched and is not compared."""

    ids: tuple[Id, ...] | Unordered
    total: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Count:
    """How many documents matched, where none was asked for."""

    total: int


@dataclass(frozen=True, slots=True)
class Numbers:
    """What one metric says, in no order."""

    values: Unordered


@dataclass(frozen=True, slots=True, repr=False)
class Bucket:
    """``name`` is (key, from, to); of an aggregation that has one bucket only, all three are None."""

    name: tuple[Hashable, ...]
    count: int
    below: Aggregations

    def __repr__(self) -> str:
        # There are thousands, sorted by this: that of dataclasses guards against cycles and takes three times as long.
        return f"Bucket(name={self.name!r}, count={self.count!r}, below={self.below!r})"


@dataclass(frozen=True, slots=True)
class Buckets:
    items: tuple[Bucket, ...] | Unordered


@dataclass(frozen=True, slots=True, repr=False)
class Aggregations:
    """One content for each aggregation beside another, in no order."""

    items: Unordered

    def __repr__(self) -> str:
        return f"Aggregations(items={self.items!r})"


Content = Documents | Count | Numbers | Bucket | Buckets | Aggregations

_NONE_BELOW = Aggregations(Unordered(()))


def content(verdict: Verdict) -> Documents | Count | Aggregations:
    """What the result of an executed verdict says; ValueError for another."""
    query, result = verdict.query or {}, result_of(verdict)
    known = result.read.get(id(query))
    if known is None or known[0] is not query:  # an id may be that of an earlier query
        known = result.read[id(query)] = (query, _read(query, result))
    found: Documents | Count | Aggregations = known[1]
    return found


def _read(query: Body, result: Result) -> Documents | Count | Aggregations:
    if asked := below(query):
        return _aggregations(asked, result.aggregations)
    if query.get("size") == 0:
        return Count(result.total)
    ids = [_id(h) for h in result.hits]
    return Documents(_in_order(ids, ordered=bool(query.get("sort"))), result.total)


def result_of(verdict: Verdict) -> Result:
    """The result of an executed verdict; ValueError for another."""
    if verdict.result is None:
        raise ValueError("only an executed verdict has a result")
    return verdict.result


def below(asked: Mapping[str, Any]) -> Mapping[str, Any]:
    """The aggregations that a body or an aggregation holds."""
    return next((asked[key] for key in _HOLDING if asked.get(key)), {})


def buckets(got: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The buckets of an aggregation, those that are keyed by name too."""
    found = got["buckets"]
    return [{**b, "key": name} for name, b in found.items()] if isinstance(found, Mapping) else found


def scalars(got: Mapping[str, Any]) -> list[Any]:
    """The values of a metric, without their spellings."""
    out: list[Any] = []
    for key, value in got.items():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, Mapping):
                out.extend(scalars(item))
            elif not key.endswith("_as_string"):
                out.append(item)
    return out


def _aggregations(asked: Mapping[str, Any], got: Mapping[str, Any]) -> Aggregations:
    """Pipelines that only sort or select buckets have no result."""
    return Aggregations(Unordered.of(_aggregation(spec, got[name]) for name, spec in asked.items() if name in got))


def _aggregation(asked: Mapping[str, Any], got: Mapping[str, Any]) -> Content:
    if "buckets" in got:
        inner = below(asked)
        items = [_bucket(inner, b) for b in buckets(got)]
        return Buckets(_in_order(items, ordered=_orders(asked)))
    if "hits" in got:
        hits = got["hits"]
        ids = tuple(_id(h) for h in hits["hits"])
        return Documents(ids, hits.get("total", {}).get("value", len(ids)))
    if "doc_count" in got:
        return _bucket(below(asked), got)
    return Numbers(Unordered.of(tolerant(v) for v in scalars(got)))


def _bucket(inner: Mapping[str, Any], got: Mapping[str, Any]) -> Bucket:
    """``inner`` are the aggregations asked for inside it."""
    key = got.get("key")
    key = json.dumps(key, sort_keys=True) if isinstance(key, dict | list) else _name(key)
    name = (key, _name(got.get("from")), _name(got.get("to")))
    return Bucket(name, got.get("doc_count", 0), _aggregations(inner, got) if inner else _NONE_BELOW)


def _name(value: Any) -> Hashable:
    """Whole numbers are exact: long ids and milliseconds can be nearer to each other than the tolerance."""
    if value is None or isinstance(value, int | str):
        return value
    return int(value) if isinstance(value, float) and value.is_integer() else tolerant(value)


def _orders(asked: Mapping[str, Any]) -> bool:
    """Whether the query says in which order the buckets of this aggregation come."""
    spec: Mapping[str, Any] = next((v for k, v in asked.items() if k not in _HOLDING), {})
    return "order" in spec or any("bucket_sort" in inner for inner in below(asked).values())


def _in_order(items: Sequence[Any], *, ordered: bool) -> tuple[Any, ...] | Unordered:
    """One item or none has no order."""
    return tuple(items) if ordered or len(items) < 2 else Unordered.of(items)


def _id(hit: Mapping[str, Any]) -> Id:
    """Ids are unique within an index only."""
    return (hit.get("_index", ""), hit["_id"])


def single(item: Content) -> bool:
    """Whether it is the bucket of an aggregation that has only one (filter, nested, missing)."""
    return isinstance(item, Bucket) and item.name == _SINGLE


def listed(item: Content) -> int | None:
    """How many things it lists or, being a lone number, counts; None where it does neither."""
    match item:
        case Documents(total=total) | Count(total):
            return total
        case Buckets(items):
            return len(tuple(items))
        case Numbers(Unordered((Number(value),))) if math.isfinite(value) and value == int(value):
            return int(value)
    return None
