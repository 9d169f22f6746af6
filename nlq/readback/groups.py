"""Bucket aggregations: into which groups the documents go. Each phrase follows what is computed of a group."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nlq.readback.geo import point
from nlq.readback.words import Odd, Spec, bare, direction, limit, listed, many, name, shown, with_parts

_CALENDAR = {"1m": "minute", "1h": "hour", "1d": "day", "1w": "week", "1M": "month", "1q": "quarter", "1y": "year"}


def _filter(spec: Spec) -> str:
    """The whole object is a query clause."""
    return f"among those where {spec.read(dict(spec.pairs()))}"


def _sampler(spec: Spec) -> str:
    return f"among the {shown(spec.take_or('shard_size', 100))} best of each shard"


def _diversified(spec: Spec) -> str:
    text = _sampler(spec)
    field = spec.take("field")
    return text if field is None else f"{text} with different {name(field)}"


SINGLE: Mapping[str, Callable[[Spec], str]] = {
    "filter": _filter,
    "nested": lambda spec: f"inside {spec.name('path')}",
    "reverse_nested": lambda spec: f"back {_back(spec.take('path'))}",
    "missing": lambda spec: f"among those without {spec.name('field')}",
    "global": lambda spec: "among all documents, whatever the query",
    "sampler": _sampler,
    "diversified_sampler": _diversified,
    "random_sampler": lambda spec: f"among a random {shown(spec.need('probability'))} of them",
    "children": lambda spec: f"among their children of type {spec.name('type')}",
    "parent": lambda spec: f"among the parents of those of type {spec.name('type')}",
}
"""Aggregations that make one group."""


def _back(path: object) -> str:
    return "among the whole documents" if path is None else f"inside {name(path)}"


def each(kind: str, spec: Spec) -> str:
    """What a group of a grouping by a field stands for: "shelf", "year of bought"."""
    return _STEPS[kind](spec)


def _interval(spec: Spec) -> str:
    calendar = spec.take("calendar_interval")
    step = _CALENDAR.get(calendar) if isinstance(calendar, str) else None
    return f"{step or bare(calendar or spec.need('fixed_interval', 'interval'))} of {spec.name('field')}"


def _multi_terms(spec: Spec) -> str:
    parts = [spec.child(term) for term in many(spec.need("terms"))]
    if not parts:
        raise Odd
    return " and ".join(part.rest(part.name("field")) for part in parts)


_STEPS: Mapping[str, Callable[[Spec], str]] = {
    "terms": lambda spec: spec.name("field"),
    "multi_terms": _multi_terms,
    "rare_terms": lambda spec: f"rare {spec.name('field')}",
    "significant_terms": lambda spec: f"significant {spec.name('field')}",
    "significant_text": lambda spec: f"significant word of {spec.name('field')}",
    "categorize_text": lambda spec: f"kind of text in {spec.name('field')}",
    "histogram": lambda spec: f"{shown(spec.need('interval'))} of {spec.name('field')}",
    "date_histogram": _interval,
    "geohash_grid": lambda spec: f"geohash cell of {spec.name('field')}",
    "geotile_grid": lambda spec: f"map tile of {spec.name('field')}",
    "geohex_grid": lambda spec: f"hexagon of {spec.name('field')}",
    "ip_prefix": lambda spec: f"network of {spec.name('field')}",
    "time_series": lambda spec: "time series",
}


def _auto(spec: Spec) -> str:
    return f"for each of at most {shown(spec.take_or('buckets', 10))} spans of {spec.name('field')}"


def _variable(spec: Spec) -> str:
    return f"for each of about {shown(spec.take_or('buckets', 10))} spans of {spec.name('field')}"


def _range(spec: Spec) -> str:
    return f"for each range of {spec.name('field')} ({_spans(spec)})"


def _geo_distance(spec: Spec) -> str:
    return f"for each distance of {spec.name('field')} from {point(spec.need('origin'))} ({_spans(spec)})"


def _spans(spec: Spec) -> str:
    return ", ".join(_span(spec.child(each_)) for each_ in many(spec.need("ranges"))) or "none"


def _span(spec: Spec) -> str:
    low, high, mask, key = (spec.take(word) for word in ("from", "to", "mask", "key"))
    bounds = [f"≥ {limit(low)}"] if low is not None else []
    bounds += [f"< {limit(high)}"] if high is not None else []
    bounds += [limit(mask)] if mask is not None else []
    text = spec.rest(" and ".join(bounds) or "any")
    return text if key is None else f"{shown(key)}: {text}"


def _filters(spec: Spec) -> str:
    value = spec.need("filters")
    if isinstance(value, dict):
        found = [f"{shown(key)} ({spec.read(clause)})" for key, clause in Spec(value, spec.read).pairs()]
    else:
        found = [f"({spec.read(clause)})" for clause in many(value)]
    return f"for each of {', '.join(found) or 'no groups'}"


def _adjacency(spec: Spec) -> str:
    return f"{_filters(spec)} and each overlap of two"


def _composite(spec: Spec) -> str:
    steps, texts = {}, []
    for source in many(spec.need("sources")):
        for label, value in Spec(source, spec.read).pairs():
            steps[label], text = _source(spec.child(value))
            texts.append(text)
    text = f"for each {' and '.join(texts) or 'combination of nothing'}"
    after = spec.take("after")
    if after is None:
        return text
    values = [f"{steps.get(label) or name(label)} {shown(value)}" for label, value in Spec(after, spec.read).pairs()]
    return f"{text}, continuing after {', '.join(values)}"


def _source(spec: Spec) -> tuple[str, str]:
    """What a source of a composite stands for, without and with its options."""
    kind = next((key for key in spec.keys if key in _STEPS), None)
    if kind is None:
        raise Odd
    options = spec.child(spec.need(kind))
    step, order = each(kind, options), options.take("order")
    return step, with_parts(step, [] if order is None else [direction(order)])


_OTHERS: Mapping[str, Callable[[Spec], str]] = {
    "auto_date_histogram": _auto,
    "variable_width_histogram": _variable,
    "range": _range,
    "date_range": _range,
    "ip_range": _range,
    "geo_distance": _geo_distance,
    "filters": _filters,
    "adjacency_matrix": _adjacency,
    "composite": _composite,
}


def is_multi(kind: str) -> bool:
    return kind in _STEPS or kind in _OTHERS


def key_of(spec: Spec) -> str:
    """What the groups' key is called: their field where they have one."""
    field = spec.get("field")
    return name(field) if isinstance(field, str) else "key"


def multi(kind: str, spec: Spec) -> str:
    """Into which groups; neither which of them nor in what order."""
    return f"for each {each(kind, spec)}" if kind in _STEPS else _OTHERS[kind](spec)


def limits(spec: Spec) -> list[str]:
    """Which values make groups, and what they are compared with."""
    said = [
        f"{word} {listed(spec.take(key))}"
        for key, word in (("include", "only"), ("exclude", "without"))
        if isinstance(spec.get(key), list | str)
    ]
    if isinstance(spec.get("background_filter"), dict):
        said.append(f"compared with those where ({spec.clause('background_filter')})")
    return said
