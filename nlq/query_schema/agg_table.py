"""The table of aggregations: as ``table.py`` for queries."""

from __future__ import annotations

from collections.abc import Mapping

from nlq.json_schema import Schema, any_of, integer, many, obj, ref
from nlq.query_schema import shapes
from nlq.query_schema.shapes import COUNT, NUMBER_VALUE, ORDER, POSITIVE, STRING
from nlq.query_schema.table import Row

_NUMBERS = "integer float"
_TERMS = "flattened keyword integer float boolean date ip version join"
_ONE_FIELD = "field"
_RANGES = any_of(
    [
        obj({"from": NUMBER_VALUE}, {"to": NUMBER_VALUE, "key": shapes.NAME}),
        obj({"to": NUMBER_VALUE}, {"key": shapes.NAME}),
    ]
)
_DATES = any_of(
    [
        obj({"from": shapes.DATE_VALUE}, {"to": shapes.DATE_VALUE, "key": shapes.NAME}),
        obj({"to": shapes.DATE_VALUE}, {"key": shapes.NAME}),
    ]
)
_ADDRESSES = any_of(
    [
        obj({"mask": shapes.text(r"[0-9.]{7,15}/[0-9]{1,2}", "10.0.0.0/8")}, {"key": shapes.NAME}),
        obj({"from": shapes.text(r"[0-9.]{7,15}", "10.0.0.1")}, {"to": shapes.text(r"[0-9.]{7,15}", "10.0.0.9")}),
        obj({"to": shapes.text(r"[0-9.]{7,15}", "10.0.0.9")}),
    ]
)
_WORDLIST = any_of([shapes.text(r"[^\x00-\x1f]{1,100}", "a.*"), many(STRING)])
_FROM_LIST: Mapping[str, Schema] = {"include": _WORDLIST, "exclude": _WORDLIST}
_DISTANCES: Mapping[str, Schema] = {
    "keyed": {"type": "boolean"},
    "origin": shapes.ANY_POINT,
    "ranges": many(_RANGES, 1, 20),
}
_LIMITS = {**obj({"min": NUMBER_VALUE, "max": NUMBER_VALUE}), "examples": [{"min": 0, "max": 100}]}
_DAYS = {**obj({"min": shapes.DATE_VALUE, "max": shapes.DATE_VALUE}), "examples": [{"min": "2019", "max": "2020"}]}
_DATED: Mapping[str, Schema] = {"format": shapes.DATE_FORMAT}
_GRID: Mapping[str, Schema] = {"bounds": shapes.BOX}

BUCKETS: Mapping[str, Row] = {
    "terms": Row(
        _TERMS,
        drop="value_type execution_hint missing_bucket missing_order include",
        own=_FROM_LIST,
        required=_ONE_FIELD,
    ),
    "rare_terms": Row(
        "keyword integer date boolean ip",
        drop="value_type missing precision",
        own={**_FROM_LIST, "max_doc_count": integer(1, 100)},
        required=_ONE_FIELD,
    ),
    "significant_terms": Row(
        "keyword integer boolean ip",
        drop="execution_hint p_value include exclude",
        own=dict(_FROM_LIST),
        required=_ONE_FIELD,
    ),
    "multi_terms": Row(_TERMS, required="terms", needs="x-pack-analytics"),
    "composite": Row(_TERMS, drop="after", own={"after": {"type": "object"}}, required="sources"),
    "histogram": Row(
        "integer float",
        own={
            "interval": POSITIVE,
            "offset": {"type": "number", "minimum": 0},
            "extended_bounds": _LIMITS,
            "hard_bounds": _LIMITS,
        },
        required="field interval",
    ),
    "date_histogram": Row(
        "date",
        own={
            "calendar_interval": shapes.CALENDAR,
            "fixed_interval": shapes.FIXED_INTERVAL,
            "extended_bounds": _DAYS,
            "hard_bounds": _DAYS,
            "offset": shapes.OFFSET,
            "missing": shapes.DATE_VALUE,
            **_DATED,
        },
        required=_ONE_FIELD,
    ),
    "auto_date_histogram": Row(
        "date", drop="offset", own={"buckets": integer(1, 1000), **_DATED}, required=_ONE_FIELD, needs="aggregations"
    ),
    "variable_width_histogram": Row(
        _NUMBERS, own={"buckets": integer(1, 1000)}, required=_ONE_FIELD, drop="shard_size initial_buffer"
    ),
    "range": Row(_NUMBERS, drop="missing", own={"ranges": many(_RANGES, 1, 20)}, required="field ranges"),
    "date_range": Row("date", drop="missing", own={"ranges": many(_DATES, 1, 20), **_DATED}, required="field ranges"),
    "ip_range": Row("ip", own={"ranges": many(_ADDRESSES, 1, 20)}, required="field ranges"),
    "ip_prefix": Row(
        "ip", own={"prefix_length": integer(1, 128), "min_doc_count": integer(1, 10**9)}, required="field prefix_length"
    ),
    "geo_distance": Row("geo_point", own=_DISTANCES, required="field origin ranges"),
    "geohash_grid": Row("geo_point geo_shape", own={"precision": integer(1, 12), **_GRID}, required=_ONE_FIELD),
    "geotile_grid": Row("geo_point geo_shape", own={"precision": integer(0, 29), **_GRID}, required=_ONE_FIELD),
    "geohex_grid": Row(
        "geo_point geo_shape", own={"precision": integer(0, 15), **_GRID}, required=_ONE_FIELD, needs="spatial"
    ),
    "missing": Row(_TERMS + " geo_point", required=_ONE_FIELD, drop="missing"),
    "filter": Row(),
    "filters": Row(required="filters"),
    "adjacency_matrix": Row(required="filters", needs="aggregations"),
    "nested": Row(required="path"),
    "reverse_nested": Row(),
    "global": Row(),
    "sampler": Row(),
    "diversified_sampler": Row(
        _TERMS, drop="execution_hint", own={"max_docs_per_value": integer(1, 100)}, required=_ONE_FIELD
    ),
    "random_sampler": Row(
        own={"probability": {"enum": [0.1, 0.25, 0.5, 1]}, "seed": COUNT}, required="probability", drop="shard_seed"
    ),
    "children": Row(own={"type": STRING}, required="type", needs="parent-join"),
    "parent": Row(own={"type": STRING}, required="type", needs="parent-join"),
}
"""Aggregations that hold others."""

_PERCENTS = any_of([integer(0, 100), many({"type": "number", "minimum": 0, "maximum": 100}, 1, 50)])

METRICS: Mapping[str, Row] = {
    **dict.fromkeys(
        ("avg", "sum"), Row(_NUMBERS + " boolean summary sketch", own={"missing": NUMBER_VALUE}, required=_ONE_FIELD)
    ),
    **dict.fromkeys(("min", "max"), Row(_NUMBERS + " date summary sketch", drop="missing", required=_ONE_FIELD)),
    "value_count": Row(_TERMS + " geo_point summary sketch", drop="missing format", required=_ONE_FIELD),
    "cardinality": Row(_TERMS, drop="missing rehash execution_hint format", required=_ONE_FIELD),
    "stats": Row(_NUMBERS + " date", drop="missing", required=_ONE_FIELD),
    "extended_stats": Row(
        _NUMBERS + " date", drop="missing", own={"sigma": {"type": "number", "minimum": 0}}, required=_ONE_FIELD
    ),
    "percentiles": Row(_NUMBERS + " sketch", drop="hdr missing", own={"percents": _PERCENTS}, required=_ONE_FIELD),
    "percentile_ranks": Row(
        _NUMBERS, drop="hdr tdigest missing", own={"values": many(NUMBER_VALUE, 1, 50)}, required="field values"
    ),
    "median_absolute_deviation": Row(
        _NUMBERS, drop="missing execution_hint", own={"compression": integer(1, 1000)}, required=_ONE_FIELD
    ),
    "significant_text": Row(
        "text", drop="execution_hint p_value include exclude", own=dict(_FROM_LIST), required=_ONE_FIELD
    ),
    "weighted_avg": Row(
        _NUMBERS,
        drop="value_type",
        own={
            "value": obj({"field": ref("field")}, {"missing": NUMBER_VALUE}),
            "weight": obj({"field": ref("field")}, {"missing": NUMBER_VALUE}),
        },
        required="value weight",
    ),
    "geo_bounds": Row("geo_point geo_shape", drop="missing", required=_ONE_FIELD),
    "geo_centroid": Row("geo_point geo_shape", drop="missing count location", required=_ONE_FIELD),
    "matrix_stats": Row(
        _NUMBERS, drop="missing", own={"fields": many(ref("field"))}, required="fields", needs="aggregations"
    ),
    "top_hits": Row(
        "*",
        drop="script_fields stored_fields field missing explain highlight",
        own={"from": integer(0, 50), "size": integer(1, 50), "_source": ref("source")},
    ),
    "top_metrics": Row(
        _NUMBERS + " date keyword boolean",
        drop="field missing",
        required="metrics sort",
        needs="x-pack-analytics",
        own={"size": integer(1, 10)},
    ),
    "boxplot": Row(_NUMBERS + " sketch", drop="missing", required=_ONE_FIELD, needs="x-pack-analytics"),
    "string_stats": Row("keyword", drop="missing", required=_ONE_FIELD, needs="x-pack-analytics"),
    "rate": Row(
        _NUMBERS, drop="missing", own={"unit": {"enum": list(shapes.CALENDAR_UNITS)}}, needs="x-pack-analytics"
    ),
    "t_test": Row(_NUMBERS, required="a b", needs="x-pack-analytics"),
    "geo_line": Row("geo_point", required="point sort", needs="spatial"),
    "cartesian_bounds": Row("shape", drop="missing", required=_ONE_FIELD, needs="spatial"),
    "cartesian_centroid": Row("shape", drop="missing count location", required=_ONE_FIELD, needs="spatial"),
}
"""Aggregations that hold none."""

_ONE_PATH: Mapping[str, Schema] = {"buckets_path": shapes.PATH}
_INTO: Mapping[str, Schema] = {"buckets_path": shapes.PATH_INTO}
_PIPE = "buckets_path"

SIBLINGS: Mapping[str, Row] = {
    **dict.fromkeys(
        ("avg_bucket", "sum_bucket", "min_bucket", "max_bucket", "stats_bucket", "extended_stats_bucket"),
        Row(own=_INTO, required=_PIPE),
    ),
    "percentiles_bucket": Row(
        own={**_INTO, "percents": many({"type": "number", "minimum": 0, "maximum": 100}), "keyed": {"type": "boolean"}},
        required=_PIPE,
    ),
}
"""Pipelines that stand beside the buckets they read."""

PER_BUCKET: Mapping[str, Row] = {
    "bucket_selector": Row(
        own={"script": shapes.SELECTOR}, required="buckets_path script", drop="format", needs="lang-painless"
    ),
    "bucket_script": Row(own={"script": shapes.ARITHMETIC}, required="buckets_path script", needs="lang-painless"),
    "bucket_sort": Row(
        drop="sort",
        own={
            "sort": many(
                any_of(
                    [
                        shapes.PATH,
                        {
                            "type": "object",
                            "additionalProperties": obj({"order": ORDER}),
                            "propertyNames": shapes.PATH,
                            "minProperties": 1,
                            "maxProperties": 1,
                        },
                    ]
                )
            )
        },
        needs="aggregations",
    ),
}
"""Pipelines that stand inside any buckets."""

IN_SERIES: Mapping[str, Row] = {
    "derivative": Row(
        own={**_ONE_PATH, "unit": {"enum": ["year", "month", "week", "day", "hour", "1d", "1h", "1m"]}},
        required=_PIPE,
        needs="aggregations",
    ),
    "cumulative_sum": Row(own=_ONE_PATH, required=_PIPE, drop="gap_policy"),
    "cumulative_cardinality": Row(own=_ONE_PATH, required=_PIPE, drop="gap_policy", needs="x-pack-analytics"),
    "serial_diff": Row(own={**_ONE_PATH, "lag": integer(1, 1000)}, required=_PIPE, needs="aggregations"),
    "moving_fn": Row(
        own={**_ONE_PATH, "script": shapes.MOVING, "window": integer(1, 1000), "shift": {"type": "integer"}},
        required="buckets_path script window",
        drop="format",
        needs="lang-painless",
    ),
    "moving_percentiles": Row(
        own={**_ONE_PATH, "window": integer(1, 1000)},
        required="buckets_path window",
        drop="keyed gap_policy format",
        needs="x-pack-analytics",
    ),
    "normalize": Row(own=_ONE_PATH, required="buckets_path method", drop="gap_policy", needs="x-pack-analytics"),
}
"""Pipelines that stand inside the buckets of a histogram, in whose order they compute."""
