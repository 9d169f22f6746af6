"""The Query DSL by position: for every key the role of what stands below it.

A ``Spec`` maps keys of an object (or of each object in a list) to the role of their value; "*" is any other key, which
then is a name of the user's (a field, an aggregation). Keys a spec does not hold are options: values and fixed words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum, auto
from typing import TypeAlias, TypeVar


class Role(Enum):
    OPTION = auto()  # fixed words and values, at any depth
    QUERY = auto()  # a query or a list of them
    QUERIES = auto()  # a list of queries or names with one each
    AGGREGATIONS = auto()  # names with one aggregation each
    FIELD = auto()  # a field or an object that a query names
    DOC_VALUES = auto()  # a field whose values are collected
    SEARCHED = auto()  # fields, patterns and boosts: "title^3", "name.*"
    FETCHED = auto()  # fields and patterns, as strings or {"field": …}
    SOURCE = auto()  # what _source takes
    BY_FIELD = auto()  # the key is a field, the value its options
    PATTERN_BY_FIELD = auto()  # as BY_FIELD, for wildcard, regexp and prefix
    TERMS_BY_FIELD = auto()  # the key is a field, the value a list of values
    HIGHLIGHT_BY_FIELD = auto()  # the key is a field or pattern
    VALUES = auto()  # a list of values, at most ``PolicyLimits.terms``
    INCLUDE = auto()  # a regular expression, a list of values or a partition
    LIKE = auto()  # texts and _ids
    NAMES = auto()  # the keys are names of the user's, the values plain
    SORT = auto()
    SOURCES = auto()  # the sources of a composite
    NOT_HERE = auto()  # refused: ``rules.SHAPES`` says why


Spec: TypeAlias = Mapping[str, "Role | Spec"]
_Of = TypeVar("_Of", Role, Spec, Role | Spec)


def _each(keys: str | Iterable[str], value: _Of) -> dict[str, _Of]:
    """The same for all of these keys."""
    return dict.fromkeys(keys.split() if isinstance(keys, str) else keys, value)


_FIELD: Spec = {"field": Role.FIELD}
_VALUE: Spec = {"field": Role.DOC_VALUES}
_FIELDED: Spec = {"*": Role.BY_FIELD}
_PATTERN: Spec = {"*": Role.PATTERN_BY_FIELD}
_QUERY: Spec = {"query": Role.QUERY}
_SEARCHED: Spec = {"fields": Role.SEARCHED}
_GEO_OPTIONS = "boost _name distance distance_type unit validation_method ignore_unmapped type optimize_bbox"
_GEO: Spec = {**_each(_GEO_OPTIONS, Role.OPTION), "*": Role.BY_FIELD}
_DECAY: Spec = {"multi_value_mode": Role.OPTION, "*": Role.BY_FIELD}
_FUNCTION: Spec = {
    "filter": Role.QUERY,
    **_each("field_value_factor random_score", _FIELD),
    **_each("gauss linear exp", _DECAY),
}

SOURCE: Spec = _each("includes include excludes exclude", Role.SOURCE)
HIGHLIGHTED: Spec = {"highlight_query": Role.QUERY, "matched_fields": Role.SEARCHED}
_HIGHLIGHT: Spec = {**HIGHLIGHTED, "fields": {"*": Role.HIGHLIGHT_BY_FIELD}}
TOP_HITS: Spec = {
    **_each("from size track_scores version seq_no_primary_term", Role.OPTION),
    "sort": Role.SORT,
    "_source": Role.SOURCE,
    "fields": Role.FETCHED,
    "docvalue_fields": Role.FETCHED,
    "highlight": _HIGHLIGHT,
}
INNER_HITS: Spec = {**TOP_HITS, "collapse": _VALUE}
_KNN: Spec = {**_FIELD, "filter": Role.QUERY, "inner_hits": INNER_HITS}
BODY: Spec = {
    "query": Role.QUERY,
    "knn": _KNN,
    **TOP_HITS,
    "aggs": Role.AGGREGATIONS,
    "aggregations": Role.AGGREGATIONS,
    "post_filter": Role.QUERY,
    "collapse": {**_VALUE, "inner_hits": INNER_HITS},
    "rescore": {"query": {"rescore_query": Role.QUERY}},
    **_each("track_total_hits min_score search_after timeout terminate_after", Role.OPTION),
}

QUERIES: Mapping[str, Spec] = {
    "bool": _each("must filter should must_not", Role.QUERY),
    "boosting": _each("positive negative", Role.QUERY),
    "constant_score": {"filter": Role.QUERY},
    "dis_max": {"queries": Role.QUERY},
    "function_score": {**_QUERY, **_FUNCTION, "functions": _FUNCTION},
    "nested": {**_QUERY, "path": Role.FIELD, "inner_hits": INNER_HITS},
    **_each("has_child has_parent", {**_QUERY, "inner_hits": INNER_HITS}),
    **_each("match match_phrase match_phrase_prefix match_bool_prefix term terms_set range fuzzy intervals", _FIELDED),
    **_each("prefix wildcard regexp", _PATTERN),
    "terms": {"boost": Role.OPTION, "_name": Role.OPTION, "*": Role.TERMS_BY_FIELD},
    **_each("geo_bounding_box geo_distance geo_polygon geo_shape geo_grid shape", _GEO),
    **_each("match_all match_none parent_id", {}),
    **_each("exists distance_feature rank_feature", _FIELD),
    "ids": {"values": Role.VALUES},
    **_each("multi_match combined_fields simple_query_string", _SEARCHED),
    "more_like_this": {**_SEARCHED, "like": Role.LIKE, "unlike": Role.LIKE, "stop_words": Role.VALUES},
    "knn": _KNN,
    "sparse_vector": {**_FIELD, "query": Role.NOT_HERE, "query_vector": Role.NAMES},
    **_each("span_term span_gap", _FIELDED),
    **_each("span_near span_or", {"clauses": Role.QUERY}),
    "span_not": _each("include exclude", Role.QUERY),
    **_each("span_first span_multi", {"match": Role.QUERY}),
    **_each("span_containing span_within", _each("big little", Role.QUERY)),
    **_each("span_field_masking field_masking_span", {**_QUERY, **_FIELD}),
}
"""The queries that may run."""

SINGLE_BUCKET = frozenset(
    "filter missing nested reverse_nested global sampler diversified_sampler random_sampler children parent".split()
)
HISTOGRAMS = frozenset("histogram date_histogram ip_prefix time_series rare_terms".split())
SIZED = frozenset(
    "terms significant_terms significant_text multi_terms composite categorize_text frequent_item_sets geohash_grid "
    "geotile_grid geohex_grid".split()
)
COUNTED = frozenset("auto_date_histogram variable_width_histogram".split())
RANGES = frozenset("range date_range ip_range geo_distance".split())
METRICS = frozenset(
    "avg sum min max stats extended_stats value_count cardinality percentiles percentile_ranks boxplot rate "
    "median_absolute_deviation string_stats geo_bounds geo_centroid cartesian_bounds cartesian_centroid matrix_stats "
    "weighted_avg t_test geo_line top_metrics top_hits".split()
)
PIPELINES = frozenset(
    "avg_bucket sum_bucket min_bucket max_bucket stats_bucket extended_stats_bucket percentiles_bucket "
    "bucket_correlation bucket_count_ks_test bucket_script bucket_selector bucket_sort change_point "
    "cumulative_cardinality cumulative_sum derivative moving_fn moving_percentiles normalize serial_diff".split()
)

_INCLUDED: Spec = {**_VALUE, **_each("include exclude", Role.INCLUDE)}
_SIGNIFICANT: Spec = {**_INCLUDED, "background_filter": Role.QUERY, "source_fields": Role.FETCHED}
AGGREGATIONS: Mapping[str, Spec] = {
    **_each(SINGLE_BUCKET | HISTOGRAMS | SIZED | COUNTED | RANGES | METRICS, _VALUE),
    **_each(PIPELINES, {"buckets_path": Role.NAMES}),
    **_each("histogram date_histogram", {**_VALUE, "order": Role.NAMES}),
    **_each("terms rare_terms", {**_INCLUDED, "order": Role.NAMES}),
    **_each("significant_terms significant_text", _SIGNIFICANT),
    "categorize_text": {**_VALUE, "categorization_analyzer": Role.NOT_HERE},
    "multi_terms": {"terms": _VALUE, "order": Role.NAMES},
    "composite": {"sources": Role.SOURCES, "after": Role.NAMES},
    "frequent_item_sets": {"fields": _INCLUDED, "filter": Role.QUERY},
    **_each("nested reverse_nested", {"path": Role.FIELD}),
    **_each("filters adjacency_matrix", {"filters": Role.QUERIES}),
    "matrix_stats": {"fields": Role.DOC_VALUES, "missing": Role.NAMES},
    "weighted_avg": _each("value weight", _VALUE),
    "t_test": _each("a b", {**_VALUE, "filter": Role.QUERY}),
    "geo_line": _each("point sort", _VALUE),
    "top_metrics": {"metrics": _VALUE, "sort": Role.SORT},
    "top_hits": TOP_HITS,
    "bucket_sort": {"sort": Role.NAMES},
}
"""The aggregations that may run; the value of ``filter`` is a query itself."""

_SORT_NESTED: dict[str, Role | Spec] = {"path": Role.FIELD, "filter": Role.QUERY}
_SORT_NESTED["nested"] = _SORT_NESTED
SORTED: Spec = {"nested": _SORT_NESTED}
SORTED_BY_DISTANCE: Spec = {
    **_each("order unit mode distance_type validation_method ignore_unmapped", Role.OPTION),
    **SORTED,
    "*": Role.BY_FIELD,
}
