"""Metric aggregations: what is computed of the documents of a group."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nlq.readback import hits
from nlq.readback.words import Odd, Spec, direction, listed, many, names, shown

WORDS: Mapping[str, str] = {
    "avg": "average",
    "sum": "sum",
    "min": "lowest",
    "max": "highest",
    "value_count": "number of values",
    "cardinality": "number of different values",
    "stats": "count, lowest, highest, average and sum",
    "extended_stats": "count, lowest, highest, average, sum, variance and standard deviation",
    "percentiles": "percentiles",
    "boxplot": "box plot",
    "median_absolute_deviation": "median absolute deviation",
    "string_stats": "string statistics",
    "geo_bounds": "bounding box",
    "geo_centroid": "centre",
    "cartesian_bounds": "bounding box",
    "cartesian_centroid": "centre",
}
"""Metrics of one field, read "average of pages"."""

PROPERTIES: Mapping[str, str] = {
    "avg": "average",
    "sum": "sum",
    "min": "lowest",
    "max": "highest",
    "count": "number of values",
    "std_deviation": "standard deviation",
}
"""What a path like "value.avg" picks out of a metric of several numbers."""


def of_field(kind: str, spec: Spec) -> str:
    text = f"{WORDS[kind]} of {spec.name('field')}"
    percents = spec.take("percents")
    return text if percents is None else f"{text} ({', '.join(map(shown, many(percents)))} %)"


def _percentile_ranks(spec: Spec) -> str:
    return f"percentile ranks of {listed(spec.need('values'))} in {spec.name('field')}"


def _weighted_avg(spec: Spec) -> str:
    value, weight = spec.child(spec.need("value")), spec.child(spec.need("weight"))
    return f"average of {value.rest(value.name('field'))} weighted by {weight.rest(weight.name('field'))}"


def _rate(spec: Spec) -> str:
    unit = spec.take("unit")
    per = "" if unit is None else f" per {unit}" if isinstance(unit, str) and unit.isalpha() else f" per {shown(unit)}"
    if spec.get("field") is None:
        return f"number{per}"
    mode = spec.take_or("mode", "sum")
    if mode not in ("sum", "value_count"):
        raise Odd
    return f"{WORDS[mode]} of {spec.name('field')}{per}"


def _t_test(spec: Spec) -> str:
    first, second = (_population(spec.child(spec.need(key))) for key in ("a", "b"))
    return f"t-test of {first} against {second}"


def _population(spec: Spec) -> str:
    text = spec.name("field")
    return spec.rest(f"{text} where ({spec.clause('filter')})" if isinstance(spec.get("filter"), dict) else text)


def _top_metrics(spec: Spec) -> str:
    fields = " and ".join(spec.child(metric).name("field") for metric in many(spec.need("metrics")))
    text = f"{fields} of the top {shown(spec.take_or('size', 1))}"
    return f"{text} by {hits.sort_keys(spec.take('sort'), spec.read)}" if spec.get("sort") else text


def _top_hits(spec: Spec) -> str:
    text = f"the top {shown(spec.take_or('size', 3))}"
    if spec.get("sort"):
        text += f" by {hits.sort_keys(spec.take('sort'), spec.read)}"
    return " ".join([text, *hits.parts(spec)])


def _line(spec: Spec) -> str:
    point, sort = spec.child(spec.need("point")), spec.child(spec.need("sort"))
    order = spec.take("sort_order")
    text = f"line through {point.rest(point.name('field'))} by {sort.rest(sort.name('field'))}"
    return text if order is None else f"{text} ({direction(order)})"


def _frequent_item_sets(spec: Spec) -> str:
    items = [spec.child(item) for item in many(spec.need("fields"))]
    if not items:
        raise Odd
    text = f"frequent sets of {' and '.join(item.rest(item.name('field')) for item in items)}"
    return f"{text} where ({spec.clause('filter')})" if isinstance(spec.get("filter"), dict) else text


OTHERS: Mapping[str, Callable[[Spec], str]] = {
    "percentile_ranks": _percentile_ranks,
    "weighted_avg": _weighted_avg,
    "rate": _rate,
    "t_test": _t_test,
    "top_metrics": _top_metrics,
    "top_hits": _top_hits,
    "geo_line": _line,
    "line": _line,
    "matrix_stats": lambda spec: f"matrix statistics of {names(spec.need('fields'), ' and ')}",
    "frequent_item_sets": _frequent_item_sets,
}


def is_metric(kind: str) -> bool:
    return kind in WORDS or kind in OTHERS


def metric(kind: str, spec: Spec) -> str:
    """The phrase of a metric without its options. Raises Odd where its shape is unknown."""
    return of_field(kind, spec) if kind in WORDS else OTHERS[kind](spec)
