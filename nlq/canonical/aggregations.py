"""The canonical spelling of aggregations, whatever their names are (see ``names``)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nlq.canonical.parts import Scores, one_item, ordered, same, without_defaults
from nlq.canonical.places import box, point
from nlq.canonical.queries import Queries
from nlq.canonical.sorts import sort_keys, source
from nlq.types import Body, IndexSchema

_TERMS: Mapping[str, Any] = {"min_doc_count": 1}
_SERIES: Mapping[str, Any] = {"min_doc_count": 0, "offset": 0}
_PIPE: Mapping[str, Any] = {"gap_policy": "skip"}
_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "terms": _TERMS,
    "multi_terms": _TERMS,
    "rare_terms": {"max_doc_count": 1},
    "histogram": _SERIES,
    "date_histogram": _SERIES,
    "geo_distance": {"distance_type": "arc"},
    "cardinality": {"precision_threshold": 3000},
    "extended_stats": {"sigma": 2},
    "extended_stats_bucket": {**_PIPE, "sigma": 2},
    "geo_bounds": {"wrap_longitude": True},
    "median_absolute_deviation": {"compression": 1000},
    "top_hits": {"from": 0},
    "bucket_sort": {**_PIPE, "from": 0},
    "moving_fn": {**_PIPE, "shift": 0},
    **dict.fromkeys(("bucket_selector", "bucket_script", "derivative", "serial_diff"), _PIPE),
    **dict.fromkeys(("avg_bucket", "sum_bucket", "min_bucket", "max_bucket"), _PIPE),
    **dict.fromkeys(("stats_bucket", "percentiles_bucket"), _PIPE),
}
_WRITTEN_OUT: Mapping[str, Mapping[str, Any]] = {
    "geo_distance": {"unit": "m"},
    "geohash_grid": {"precision": 5},
    "geotile_grid": {"precision": 7},
    "percentiles": {"percents": [1, 5, 25, 50, 75, 95, 99]},
    "serial_diff": {"lag": 1},
}
_SHOWN_ONLY = frozenset({"keyed", "format", "collect_mode", "execution_hint", "show_term_doc_count_error"})
_PARSED_BY_FORMAT = frozenset({"missing", "extended_bounds", "hard_bounds"})
_FORMAT_COUNTS = frozenset({"date_range", "composite", "ip_range"})
_ORDERED: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(("terms", "multi_terms"), ("_count", "desc")),
    **dict.fromkeys(("histogram", "date_histogram"), ("_key", "asc")),
}
_KEYS: Mapping[str, tuple[str, ...]] = {
    "terms": ("field", "size", "min_doc_count", "order"),
    "date_histogram": ("field", "calendar_interval", "fixed_interval", "time_zone", "min_doc_count"),
    "auto_date_histogram": ("field", "buckets"),
    "histogram": ("field", "interval", "min_doc_count"),
    "geo_distance": ("field", "origin", "unit", "ranges"),
    "weighted_avg": ("value", "weight"),
    "bucket_sort": ("sort", "size"),
    "top_hits": ("sort", "size", "_source"),
    **dict.fromkeys(("bucket_selector", "bucket_script", "serial_diff"), ("buckets_path", "lag", "script")),
    "moving_fn": ("buckets_path", "window", "script"),
}
_UNITS: Mapping[str, str] = {
    "1y": "year",
    "1q": "quarter",
    "1M": "month",
    "1w": "week",
    "1d": "day",
    "1h": "hour",
    "1m": "minute",
}
_RANGES = frozenset({"range", "date_range", "ip_range", "geo_distance"})
_COMPARISON = re.compile(r"\s*params\.(\w+)\s*(>=|<=|==|!=|>|<|[-+*/])\s*(?:params\.(\w+)|(-?[0-9.]+))\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Aggregations:
    """Rewrites the aggregations of one index's bodies. Those of unknown shape stay as they are."""

    index: IndexSchema

    def aggs(self, aggs: Any) -> Any:
        if not isinstance(aggs, dict):
            return aggs
        return {name: self._one(agg) if isinstance(agg, dict) else agg for name, agg in aggs.items()}

    def _one(self, agg: Body) -> Body:
        out: Body = {}
        for kind, content in agg.items():
            if kind in ("aggs", "aggregations", "meta"):
                continue
            out[kind] = self._content(kind, content)
        below = agg.get("aggs", agg.get("aggregations"))
        if below:
            out["aggs"] = self.aggs(below)
        return out | ({"meta": agg["meta"]} if "meta" in agg else {})

    def _content(self, kind: str, content: Any) -> Any:
        if kind == "filter":
            return Queries(self.index).query(content, Scores.UNUSED)
        if not isinstance(content, dict):
            return content
        if kind in ("filters", "adjacency_matrix"):
            return self._filters(kind, content)
        out = without_defaults(_plain(kind, content), _DEFAULTS.get(kind, {}))
        out = {**_WRITTEN_OUT.get(kind, {}), **out}
        if kind in _ORDERED and "order" in out:
            out = _with_order(out, default=_ORDERED[kind])
        if kind in _RANGES and isinstance(out.get("ranges"), list):
            out["ranges"] = [_bounds(r) if isinstance(r, dict) else r for r in out["ranges"]]
        out = self._special(kind, out)
        return ordered(out, _KEYS.get(kind, ("field",)))

    def _special(self, kind: str, out: Body) -> Body:
        if kind == "date_histogram":
            interval = out.get("calendar_interval")
            if isinstance(interval, str) and interval in _UNITS:
                out["calendar_interval"] = _UNITS[interval]
            if out.get("time_zone") in ("UTC", "Z", "+00:00"):
                del out["time_zone"]
        elif kind == "geo_distance" and "origin" in out:
            out["origin"] = point(out["origin"])
        elif kind.startswith("geo") and "bounds" in out:
            out["bounds"] = box(out["bounds"])
        elif kind == "top_hits":
            return self._top_hits(out)
        elif kind in ("bucket_selector", "bucket_script", "moving_fn"):
            return _closed(out)
        elif kind == "bucket_sort" and isinstance(out.get("sort"), str | dict | list):
            out["sort"] = sort_paths(out["sort"])
        elif kind == "significant_terms" and "background_filter" in out:
            out["background_filter"] = Queries(self.index).query(out["background_filter"], Scores.UNUSED)
        return out

    def _filters(self, kind: str, content: Body) -> Body:
        """The filters as a list: their names name buckets. The intersections of a matrix have no other names."""
        queries, filters = Queries(self.index), content.get("filters")
        out = {k: v for k, v in content.items() if k != "keyed"}
        if isinstance(filters, dict):
            named = {name: queries.query(query, Scores.UNUSED) for name, query in filters.items()}
            out["filters"] = list(named.values()) if kind == "filters" else named
        elif isinstance(filters, list):
            out["filters"] = queries.filters(filters)
        if kind == "filters" and "other_bucket_key" in out:
            del out["other_bucket_key"]
            out.setdefault("other_bucket", True)
        if out.get("other_bucket") is False:
            del out["other_bucket"]
        return ordered(out, ("filters",))

    def _top_hits(self, out: Body) -> Body:
        if "sort" in out and (keys := sort_keys(out.pop("sort"), self.index)):
            out["sort"] = keys
        if "_source" in out and (shown := source(out.pop("_source"))) is not None:
            out["_source"] = shown
        return out


def sort_paths(sort: Any) -> list[Any]:
    """The keys of a bucket_sort as {PATH: {"order"}}."""
    out = []
    for key in sort if isinstance(sort, list) else [sort]:
        path, how = one_item({key: "asc"} if isinstance(key, str) else key) or ("", key)
        order = how.get("order", "asc") if isinstance(how, dict) and how.keys() <= {"order"} else how
        plain = path and isinstance(order, str)
        out.append({path: {"order": order.lower()}} if plain and isinstance(order, str) else key)
    return out


def _plain(kind: str, content: Body) -> Body:
    """The options that change numbers, documents or their order."""
    counts = kind in _FORMAT_COUNTS or bool(content.keys() & _PARSED_BY_FORMAT)
    dropped = _SHOWN_ONLY - ({"format"} if counts else set())
    out = {k: v for k, v in content.items() if k not in dropped}
    if "buckets_path" in out and same(out.get("gap_policy"), "SKIP"):
        out["gap_policy"] = "skip"
    return out


def _with_order(out: Body, *, default: tuple[str, str]) -> Body:
    given = out["order"]
    orders = list(given) if isinstance(given, list) else [given]
    if not orders or not all(one_item(o) and isinstance(one_item(o)[1], str) for o in orders):  # type: ignore[index]
        return out
    keys = {"_term": "_key", "_time": "_key"}
    plain = [{keys.get(k, k): how.lower() for k, how in o.items()} for o in orders]
    if len(plain) > 1 and plain[-1] == {"_key": "asc"}:
        plain.pop()  # ties are in the order of keys anyway
    rest = {k: v for k, v in out.items() if k != "order"}
    if plain == [dict([default])]:
        return rest
    return {**rest, "order": plain[0] if len(plain) == 1 else plain}


def _bounds(span: Body) -> Body:
    """A range without its label."""
    return ordered({k: v for k, v in span.items() if k != "key" and v is not None}, ("from", "to"))


def _closed(out: Body) -> Body:
    """The script as text, its parameters called a and b in the order in which it names them."""
    script = out.get("script")
    if isinstance(script, dict) and not script.keys() - {"source", "lang"}:
        script = script.get("source") if script.get("lang", "painless") == "painless" else script
    paths = out.get("buckets_path")
    found = _COMPARISON.fullmatch(script) if isinstance(script, str) else None
    if not found or not isinstance(paths, dict):
        return {**out, "script": script} if isinstance(script, str) else out
    names = [found[1], *([found[3]] if found[3] else [])]
    if set(names) != set(paths) or len(set(names)) < len(names):
        return {**out, "script": script}
    called = dict(zip(names, "ab", strict=False))
    right = f"params.{called[found[3]]}" if found[3] else found[4]
    renamed = {called[name]: paths[name] for name in names}
    return {**out, "buckets_path": renamed, "script": f"params.a {found[2]} {right}"}
