"""Groups of an answer beside what was asked for: their names, in their order, and the number that each stands for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta, timezone, tzinfo
from math import isfinite
from typing import Any
from zoneinfo import ZoneInfo

Bucket = Mapping[str, Any]

_BESIDE = frozenset({"aggs", "aggregations", "meta"})
_WORDS = {
    "avg": "average",
    "sum": "sum of",
    "min": "lowest",
    "max": "highest",
    "cardinality": "distinct",
    "value_count": "values of",
    "weighted_avg": "weighted average",
    "median_absolute_deviation": "deviation of",
}
_FROM_OTHERS = frozenset(
    "derivative cumulative_sum cumulative_cardinality moving_fn serial_diff bucket_script normalize".split()
)
"""Made of other numbers of the same bucket, which stand there for it alone."""

_OFFSET = re.compile(r"([+-])(\d{2}):?(\d{2})")


@dataclass(frozen=True, slots=True)
class Measure:
    """The number of a bucket: that of the metric ``name``; its documents where that is "". ``kind`` is the metric's."""

    name: str
    kind: str
    title: str

    def of(self, bucket: Bucket) -> float | None:
        """None where the bucket has none, or one without end."""
        if not self.name:
            return number(bucket.get("doc_count"))
        metric = bucket.get(self.name)
        return number(metric.get("value")) if isinstance(metric, Mapping) else None


@dataclass(frozen=True, slots=True)
class Level:
    """One aggregation with its buckets; ``below`` is what was asked for inside of each."""

    name: str
    kind: str
    spec: Mapping[str, Any]
    below: Mapping[str, Any]
    buckets: tuple[Bucket, ...]

    @property
    def title(self) -> str:
        field = self.spec.get("field")
        return field if isinstance(field, str) else self.name

    @property
    def labels(self) -> list[str]:
        return [_label(bucket, i, self.spec) for i, bucket in enumerate(self.buckets)]

    @property
    def zone(self) -> tzinfo | None:
        """The zone whose days and years the buckets are; None for UTC."""
        return _zone(self.spec.get("time_zone"))

    def measure(self) -> Measure:
        """What the groups are ordered by, else made of others, else the first metric; documents where there is none."""
        metrics = {
            name: kind
            for name, agg in self.below.items()
            if (kind := _kind(agg)) and any(_is_metric(bucket.get(name)) for bucket in self.buckets)
        }
        derived = [name for name, kind in metrics.items() if kind in _FROM_OTHERS]
        ordered = [name for name in _ordered(self.spec.get("order")) if name in metrics]
        name = next(iter([*ordered, *reversed(derived), *metrics]), "")
        if not name:
            return Measure("", "", "documents")
        kind, field = metrics[name], self.below[name][metrics[name]].get("field")
        title = f"{_WORDS[kind]} {field}" if kind in _WORDS and isinstance(field, str) else name
        return Measure(name, kind, title)

    def inside(self, bucket: Bucket) -> dict[str, Level]:
        return {level.name: level for level in _levels(self.below, bucket)}

    def having(self, buckets: tuple[Bucket, ...]) -> Level:
        return replace(self, buckets=buckets)


def levels_of(query: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[Level]:
    """The outermost aggregations with buckets, in the order in which they were asked for, also inside of those that
    only narrow."""
    yield from _levels(_below(query), found)


def number(value: Any) -> float | None:
    """A number that can be drawn."""
    fine = isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
    return value if fine else None


def _levels(asked: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[Level]:
    for name, agg in asked.items():
        got, kind = found.get(name), _kind(agg)
        if not isinstance(got, Mapping) or not kind:
            continue
        if "buckets" in got:
            yield _level(name, agg, kind, got["buckets"])
        elif "doc_count" in got:
            yield from _levels(_below(agg), got)


def _level(name: str, agg: Mapping[str, Any], kind: str, found: Any) -> Level:
    named = isinstance(found, Mapping)
    buckets = tuple({"key": key, **bucket} for key, bucket in found.items()) if named else tuple(found)
    spec: Mapping[str, Any] = agg[kind]
    if kind == "composite" and len(spec.get("sources", ())) == 1:
        [(source, inner)] = spec["sources"][0].items()
        kind = _kind(inner)
        spec = inner[kind]
        buckets = tuple({**bucket, "key": bucket["key"].get(source)} for bucket in buckets)
    return Level(name, kind, spec, _below(agg), buckets)


def _below(asked: Mapping[str, Any]) -> Mapping[str, Any]:
    below = asked.get("aggs", asked.get("aggregations"))
    return below if isinstance(below, Mapping) else {}


def _kind(agg: Any) -> str:
    if not isinstance(agg, Mapping):
        return ""
    return next((key for key, spec in agg.items() if key not in _BESIDE and isinstance(spec, Mapping)), "")


def _is_metric(value: Any) -> bool:
    return isinstance(value, Mapping) and number(value.get("value")) is not None


def _ordered(order: Any) -> list[str]:
    """The names in an ``order``, without the part of a metric that they end in."""
    orders = order if isinstance(order, list) else [order]
    return [key.partition(".")[0] for one in orders if isinstance(one, Mapping) for key in one]


def _label(bucket: Bucket, i: int, spec: Mapping[str, Any]) -> str:
    key = bucket.get("key_as_string", bucket.get("key"))
    if key is None:
        filters = spec.get("filters")
        key = filters[i] if isinstance(filters, list) and i < len(filters) else "other"
    parts = key.values() if isinstance(key, Mapping) and "key" in bucket else key if isinstance(key, list) else [key]
    return " · ".join(map(_text, parts)) or "(empty)"


def _text(key: Any) -> str:
    return key if isinstance(key, str) else json.dumps(key, ensure_ascii=False, separators=(",", ":"))


def _zone(name: Any) -> tzinfo | None:
    if not isinstance(name, str):
        return None
    if offset := _OFFSET.fullmatch(name):
        sign, hours, minutes = offset.groups()
        return timezone((1 if sign == "+" else -1) * timedelta(hours=int(hours) % 24, minutes=int(minutes) % 60))
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # no such zone, or no data of zones here
        return None
