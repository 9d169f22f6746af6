"""Charts of results: Vega-Lite specifications, made from what was asked and what came back.

A chart is one of four: bars of groups, a line over time, a histogram, a map of points. The columns have fixed names;
what documents hold stands in ``data`` and in titles, as values. https://vega.github.io/vega-lite/docs/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from api.chart_levels import Level, Measure, levels_of, number
from api.chart_points import Place, fields_of_places, geohash, place, tile
from nlq.types import Body, Result

Spec = dict[str, Any]

SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
MOST_BARS = 50
MOST_POINTS = 1000
MOST_SERIES = 8
"""Beyond, a chart is no longer read at a glance: more groups are a table, more series their sum."""

TIMES = frozenset({"date_histogram", "auto_date_histogram"})
BINS = frozenset({"histogram", "variable_width_histogram"})
GRIDS = {"geotile_grid": tile, "geohash_grid": geohash}
ADDS_UP = frozenset({"", "sum", "value_count"})


def chart(query: Body, result: Result) -> Spec | None:
    """The chart of the first aggregation that makes one, else of the places of the hits.

    None where a number, a table or a list says it better: fewer than two groups, or too many.
    """
    for level in levels_of(query, result.aggregations):
        if spec := _of_level(level):
            return spec
    return _of_hits(query, result.hits)


def _of_level(level: Level) -> Spec | None:
    if level.kind in GRIDS:
        return _grid(level)
    if level.kind in BINS:
        return _histogram(level)
    if placed := _centres(level):
        return placed
    if level.kind in TIMES:
        return _line(level, _inner(level, times=False))
    inner = _inner(level, times=True)
    if inner and (drawn := _line(inner[0], (level, inner[1]), outside=True)):
        return drawn
    return _bars(level)


# All buckets of a level inside of another one, and the level as it is in each bucket of that.
Inner = tuple[Level, list[Level]]


def _inner(level: Level, *, times: bool) -> Inner | None:
    """The first level inside of this one that is (not) over time; None where its series cannot be told apart."""
    each = [level.inside(bucket) for bucket in level.buckets]
    for name in level.below:
        found = [own[name] for own in each if name in own]
        if not found or (found[0].kind in TIMES) != times or found[0].kind in {*BINS, *GRIDS}:
            continue
        series = level.labels if times else {label for one in found for label in one.labels}
        if 1 < len(series) <= MOST_SERIES:
            every = tuple(bucket for one in found for bucket in one.buckets)
            return found[0].having(every), [own.get(name, found[0].having(())) for own in each]
    return None


def _line(level: Level, inner: Inner | None, *, outside: bool = False) -> Spec | None:
    """Over the buckets of ``level``; a series for each bucket of the other, which is around it where ``outside``."""
    series = inner[0] if inner else None
    measure = series.measure() if series and not outside else level.measure()
    rows: list[Spec] = [
        {"group": when, "value": value, **({"series": label} if series else {})}
        for when, bucket, label in _moments(level, inner, outside=outside)
        if when is not None and (value := measure.of(bucket)) is not None
    ]
    if len({row["group"] for row in rows}) < 2:
        return None
    encoding = {
        "x": {"field": "group", "type": "temporal", "scale": {"type": "utc"}, "title": level.title},
        "y": _quantity(measure) | ({} if measure.kind in ADDS_UP else {"scale": {"zero": False}}),
        **_colour(series),
    }
    return _spec({"type": "line", "point": True}, encoding, rows, says=_says(measure, level, series))


def _moments(
    level: Level, inner: Inner | None, *, outside: bool
) -> Iterator[tuple[float | None, Mapping[str, Any], str]]:
    """For each point of a line: when it is, the bucket that holds its number, and its series."""
    if inner is None:
        yield from ((_moment(bucket, level), bucket, "") for bucket in level.buckets)
    elif outside:
        for label, one in zip(inner[0].labels, inner[1], strict=True):
            yield from ((_moment(bucket, one), bucket, label) for bucket in one.buckets)
    else:
        for bucket, one in zip(level.buckets, inner[1], strict=True):
            when = _moment(bucket, level)
            yield from ((when, own, label) for label, own in zip(one.labels, one.buckets, strict=True))


def _bars(level: Level) -> Spec | None:
    measure = level.measure()
    inner = _inner(level, times=False)
    if inner and inner[0].measure().kind in ADDS_UP and measure.kind == "":
        measure = inner[0].measure()
        rows = [
            {"group": label, "value": value, "series": own}
            for label, one in zip(level.labels, inner[1], strict=True)
            for own, bucket in zip(one.labels, one.buckets, strict=True)
            if (value := measure.of(bucket)) is not None
        ]
    else:
        inner = None
        rows = [
            {"group": label, "value": value}
            for label, bucket in zip(level.labels, level.buckets, strict=True)
            if (value := measure.of(bucket)) is not None
        ]
    if not 1 < len({row["group"] for row in rows}) <= MOST_BARS:
        return None
    series = inner[0] if inner else None
    encoding = {
        "y": {"field": "group", "type": "nominal", "sort": None, "title": level.title},
        "x": _quantity(measure),
        **_colour(series),
    }
    return _spec("bar", encoding, rows, says=_says(measure, level, series))


def _histogram(level: Level) -> Spec | None:
    measure = level.measure()
    step = number(level.spec.get("interval"))
    rows = []
    for bucket in level.buckets:
        low = number(bucket.get("min", bucket.get("key")))
        high = number(bucket.get("max")) if step is None else None if low is None else low + step
        value = measure.of(bucket)
        if low is not None and high is not None and value is not None:
            rows.append({"from": low, "to": high, "value": value})
    if len(rows) < 2:
        return None
    encoding = {
        "x": {"field": "from", "type": "quantitative", "bin": {"binned": True}, "title": level.title},
        "x2": {"field": "to"},
        "y": _quantity(measure),
    }
    return _spec("bar", encoding, rows, says=_says(measure, level, None))


def _grid(level: Level) -> Spec | None:
    middle = GRIDS[level.kind]
    measure = level.measure()
    places = ((middle(str(bucket.get("key"))), measure.of(bucket), "") for bucket in level.buckets)
    return _map(places, measure=measure, title=level.title)


def _centres(level: Level) -> Spec | None:
    """Groups with the centre of their places."""
    name = next((name for name, agg in level.below.items() if "geo_centroid" in agg), None)
    if name is None:
        return None
    measure = level.measure()
    rows = zip(level.labels, level.buckets, strict=True)
    places = ((place(bucket.get(name, {}).get("location")), measure.of(bucket), label) for label, bucket in rows)
    return _map(places, measure=measure, title=level.title)


def _of_hits(query: Body, hits: Sequence[Mapping[str, Any]]) -> Spec | None:
    for name in dict.fromkeys(fields_of_places(query)):
        sources = [hit.get("_source") or {} for hit in hits]
        places = [(place(_at(source, name)), None, _label(source, name)) for source in sources]
        if spec := _map(places, measure=None, title=name):
            return spec
    return None


def _map(
    places: Iterable[tuple[Place | None, float | None, str]], *, measure: Measure | None, title: str
) -> Spec | None:
    rows: list[Spec] = []
    for where, value, label in places:
        if where and (value is not None or measure is None):
            row = {"longitude": round(where[0], 6), "latitude": round(where[1], 6), "label": label}
            rows.append(row if measure is None else {**row, "value": value})
    if not 1 <= len(rows) <= MOST_POINTS:
        return None
    encoding: Spec = {
        "longitude": {"field": "longitude", "type": "quantitative"},
        "latitude": {"field": "latitude", "type": "quantitative"},
        "tooltip": {"field": "label", "type": "nominal", "title": title},
    }
    if measure:
        encoding["size"] = _quantity(measure)
    says = f"{measure.title if measure else 'Documents'} on a map, by {title}"
    return _spec("circle", encoding, rows, says=says) | {"projection": {"type": "equirectangular"}}


def _spec(mark: str | Spec, encoding: Spec, rows: list[Spec], *, says: str) -> Spec:
    return {"$schema": SCHEMA, "description": says, "data": {"values": rows}, "mark": mark, "encoding": encoding}


def _says(measure: Measure, level: Level, series: Level | None) -> str:
    return f"{measure.title} by {level.title}" + (f" and {series.title}" if series else "")


def _quantity(measure: Measure) -> Spec:
    return {"field": "value", "type": "quantitative", "title": measure.title}


def _colour(series: Level | None) -> Spec:
    return {"color": {"field": "series", "type": "nominal", "sort": None, "title": series.title}} if series else {}


def _moment(bucket: Mapping[str, Any], level: Level) -> float | None:
    """Milliseconds since 1970 on the clock of the aggregation's zone, so that its days begin at midnight."""
    key = number(bucket.get("key"))
    zone = level.zone
    if key is None or zone is None:
        return key
    try:
        offset = zone.utcoffset(datetime.fromtimestamp(key / 1000, UTC).astimezone(zone))
    except (OverflowError, ValueError, OSError):
        return key
    return key + offset.total_seconds() * 1000 if offset else key


def _at(source: Mapping[str, Any], path: str) -> Any:
    node: Any = source
    for name in path.split("."):
        if isinstance(node, Mapping) and path in node:
            return node[path]
        node = node.get(name) if isinstance(node, Mapping) else None
    return node


def _label(source: Mapping[str, Any], placed: str) -> str:
    """What a document is called: its first short text, but for the field of its place."""
    texts = (text for name, text in source.items() if isinstance(text, str) and name != placed and 0 < len(text) <= 80)
    return next(texts, "")
