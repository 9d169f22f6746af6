"""What the service knows about each clause and aggregation that the client's types do not say.

``takes`` names the families of fields (kinds.py), ``value`` the option that holds a field's value, ``short`` that the
value may stand alone ({"match": {FIELD: value}}), ``drop`` options that are left out, ``own`` options whose type is
given here, ``required`` what must be there, ``boosted`` that names of fields may carry a boost ("title^2"), ``needs``
modules of which the engine must run one, ``since`` the version that brought it. A clause of the client in none of the
tables fails a test, so that none is forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nlq.json_schema import Schema, any_of, integer, many, obj, ref
from nlq.query_schema import shapes
from nlq.query_schema.kinds import OWN_DATE
from nlq.query_schema.shapes import STRING


@dataclass(frozen=True, slots=True)
class Row:
    takes: str = ""
    value: str = ""
    short: bool = False
    drop: str = ""
    own: Mapping[str, Schema] = field(default_factory=dict)
    required: str = ""
    needs: str = ""
    since: tuple[int, int] = (0, 0)
    boosted: bool = False

    @property
    def families(self) -> tuple[str, ...]:
        names = self.takes.split()
        return (*names, OWN_DATE) if "date" in names else tuple(names)


_EXACT = "keyword integer float boolean date ip version flattened join integer_range float_range date_range ip_range"
_WORDS = "text keyword"
_SHAPES = "geo_shape geo_point"
_VECTORS = "query_vector_builder rescore_vector visit_percentage"

QUERIES: Mapping[str, Row] = {
    # full text
    "match": Row(
        "text keyword integer float boolean date ip version flattened", "query", short=True, drop="cutoff_frequency"
    ),
    "match_phrase": Row(_WORDS, "query", short=True),
    "match_phrase_prefix": Row("text", "query", short=True),
    "match_bool_prefix": Row(_WORDS, "query", short=True),
    "multi_match": Row(_WORDS, drop="cutoff_frequency", required="query fields", boosted=True),
    "combined_fields": Row("text", required="query fields", boosted=True),
    "simple_query_string": Row(_WORDS, required="query fields", boosted=True),
    "intervals": Row("text"),
    "more_like_this": Row(
        _WORDS,
        drop="include routing version version_type fail_on_unsupported_field unlike",
        own={"like": any_of([STRING, many(STRING)])},
        required="fields like",
    ),
    # term level
    "term": Row(f"text {_EXACT}", "value", short=True),
    "terms": Row(f"text {_EXACT}"),
    "terms_set": Row(
        "text keyword integer date ip", drop="minimum_should_match", own={"minimum_should_match": integer(1, 100)}
    ),
    "range": Row("text keyword integer float date ip version integer_range float_range date_range ip_range"),
    "exists": Row("*", required="field"),
    "prefix": Row("text keyword flattened", "value", short=True),
    "wildcard": Row(_WORDS, "value", short=True, drop="wildcard"),
    "regexp": Row(
        _WORDS, "value", short=True, own={"flags": shapes.REGEXP_FLAGS, "max_determinized_states": integer(1, 10_000)}
    ),
    "fuzzy": Row(_WORDS, "value", short=True),
    "ids": Row(own={"values": any_of([STRING, many(STRING)])}, required="values"),
    "match_all": Row(),
    "match_none": Row(),
    # compound
    "bool": Row(),
    "constant_score": Row(required="filter"),
    "dis_max": Row(required="queries"),
    "boosting": Row(
        own={"negative_boost": {"type": "number", "minimum": 0}}, required="positive negative negative_boost"
    ),
    "function_score": Row(),
    # joining
    "nested": Row(required="path query"),
    "has_child": Row(required="type query", needs="parent-join"),
    "has_parent": Row(own={"parent_type": STRING}, required="parent_type query", needs="parent-join"),
    "parent_id": Row(required="type id", needs="parent-join"),
    # geo
    "geo_distance": Row("geo_point geo_shape"),
    "geo_bounding_box": Row("geo_point geo_shape", drop="type"),
    "geo_shape": Row(_SHAPES),
    "shape": Row("shape", needs="spatial"),
    # specialised
    "distance_feature": Row("date geo_point", required="field origin pivot"),
    "rank_feature": Row("rank", required="field", needs="mapper-extras"),
    "knn": Row("vector", drop=_VECTORS, required="field query_vector", since=(8, 12)),
    "span_containing": Row(drop="boost"),
    "span_field_masking": Row("text", drop="boost"),
    "span_first": Row(drop="boost"),
    "span_multi": Row(drop="boost"),
    "span_near": Row(drop="boost"),
    "span_not": Row(drop="boost dist"),
    "span_or": Row(drop="boost"),
    "span_term": Row("text", "value", short=True, drop="boost"),
    "span_within": Row(drop="boost"),
}

_SPANS = (
    "SpanContainingQuery",
    "SpanFirstQuery",
    "SpanMultiTermQuery",
    "SpanNearQuery",
    "SpanNotQuery",
    "SpanOrQuery",
    "SpanWithinQuery",
)

PARTS: Mapping[str, Row] = {
    "InnerHits": Row(
        drop="docvalue_fields explain highlight seq_no_primary_term stored_fields version field fields collapse",
        own={"from": integer(0, 50), "size": integer(0, 50), "_source": ref("source"), "sort": ref("sorts")},
    ),
    "FieldCollapse": Row(
        "keyword integer float",
        drop="collapse",
        own={
            "inner_hits": obj(
                {"name": STRING}, {"size": integer(0, 50), "sort": ref("sorts"), "_source": ref("source")}
            ),
            "max_concurrent_group_searches": integer(1, 100),
        },
    ),
    "Highlight": Row(
        drop="boundary_chars boundary_scanner_locale options highlight_query type fragmenter fields max_fragment_length"
        " max_analyzed_offset pre_tags post_tags force_source"
    ),
    "FieldAndFormat": Row(drop="include_unmapped"),
    **dict.fromkeys(_SPANS, Row(drop="boost")),
    "IntervalsMatch": Row(drop="use_field"),
    "IntervalsPrefix": Row(drop="use_field"),
    "IntervalsWildcard": Row(drop="use_field"),
    "IntervalsRegexp": Row(drop="use_field"),
    "IntervalsFuzzy": Row(drop="use_field"),
    "SourceFilter": Row(drop="exclude_vectors"),
}
"""What the tables below say of clauses, for the types that clauses are made of."""

_SCRIPT = "runs a script"
_ELSEWHERE = "reads documents of other indices or calls other services"
_GONE = "no longer in Elasticsearch"
_LEARNING = "needs a trained model or a licence, which the module does not tell"

LEFT_OUT: Mapping[str, str] = {
    **dict.fromkeys(("script", "script_score", "scripted_metric"), _SCRIPT),
    **dict.fromkeys(
        ("percolate", "pinned", "rule", "semantic", "text_expansion", "weighted_tokens", "sparse_vector"), _ELSEWHERE
    ),
    **dict.fromkeys(("common", "type", "moving_avg"), _GONE),
    **dict.fromkeys(
        (
            "categorize_text",
            "change_point",
            "frequent_item_sets",
            "bucket_count_ks_test",
            "bucket_correlation",
            "inference",
        ),
        _LEARNING,
    ),
    "wrapper": "hides a query in base64",
    "query_string": "its syntax names fields that no schema sees; simple_query_string takes their list",
    "geo_polygon": "deprecated; geo_shape says the same",
    "geo_grid": "names cells of an aggregation's answer; geo_bounding_box says the same",
    "line": "alias of geo_line's cartesian form, which needs a geometry the mapping does not tell",
    "time_series": "only for indices in time-series mode, which mappings do not tell",
}
"""Clauses of the client that are not accepted, and why."""
