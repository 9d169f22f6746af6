"""One query clause in words, by the table of its kind; JSON where no table knows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nlq.readback import compound, fulltext, geo, positions, scoring, terms
from nlq.readback.words import Odd, Spec, shown

Phrase = Callable[[Spec], str]

_OF_ONE_FIELD: Mapping[str, tuple[str | None, Phrase]] = {
    "match": ("query", fulltext.match),
    "match_bool_prefix": ("query", fulltext.match_bool_prefix),
    "match_phrase": ("query", fulltext.match_phrase),
    "match_phrase_prefix": ("query", fulltext.match_phrase_prefix),
    "intervals": (None, positions.intervals),
    "term": ("value", terms.term),
    "range": (None, terms.range_),
    "prefix": ("value", terms.prefix),
    "wildcard": ("value", terms.wildcard),
    "regexp": ("value", terms.regexp),
    "fuzzy": ("value", terms.fuzzy),
    "terms_set": (None, terms.terms_set),
}
"""Clauses of the form {field: options}: the key that a value in place of the options stands for, and the phrase that
follows the field's name."""

_CLAUSES: Mapping[str, Phrase] = {
    "match_all": lambda spec: compound.EVERYTHING,
    "match_none": lambda spec: "nothing",
    "multi_match": fulltext.multi_match,
    "combined_fields": fulltext.combined_fields,
    "query_string": fulltext.query_string,
    "simple_query_string": fulltext.simple_query_string,
    "semantic": fulltext.semantic,
    "terms": terms.terms,
    "exists": terms.exists,
    "ids": terms.ids,
    "parent_id": compound.parent_id,
    "more_like_this": terms.more_like_this,
    "bool": compound.bool_,
    "nested": compound.nested,
    "has_child": compound.has_child,
    "has_parent": compound.has_parent,
    "constant_score": scoring.constant_score,
    "dis_max": scoring.dis_max,
    "boosting": scoring.boosting,
    "pinned": scoring.pinned,
    "function_score": scoring.function_score,
    "distance_feature": scoring.distance_feature,
    "rank_feature": scoring.rank_feature,
    "knn": scoring.knn,
    "sparse_vector": scoring.sparse_vector,
    "geo_distance": geo.geo_distance,
    "geo_bounding_box": geo.geo_bounding_box,
    "geo_polygon": geo.geo_polygon,
    "geo_shape": geo.geo_shape,
    "shape": geo.geo_shape,
    "geo_grid": geo.geo_grid,
    "span_term": positions.span_term,
    "span_near": positions.span_near,
    "span_or": positions.span_or,
    "span_not": positions.span_not,
    "span_first": positions.span_first,
    "span_containing": positions.span_containing,
    "span_within": positions.span_within,
    "span_multi": positions.span_multi,
    "span_field_masking": positions.span_field_masking,
    "span_gap": positions.span_gap,
}


def clause(value: object) -> str:
    """What a document must be like; the clause's JSON where its kind or its shape is unknown. Never raises."""
    try:
        return _clause(value)
    except Odd:
        return shown(value)


def _clause(value: object) -> str:
    outer = Spec(value, clause)
    if len(outer.keys) != 1:
        raise Odd
    (kind,) = outer.keys
    spec = outer.child(outer.need(kind))
    if kind in _CLAUSES:
        return spec.rest(_CLAUSES[kind](spec))
    if kind not in _OF_ONE_FIELD:
        raise Odd
    short, phrase = _OF_ONE_FIELD[kind]
    field, options = spec.field("boost", "_name")
    return spec.rest(f"{field} {phrase(spec.child(options, short))}")
