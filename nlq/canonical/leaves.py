"""The canonical spelling of query clauses that hold no query."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nlq.canonical.parts import Scores, distinct, kind_of, one_item, ordered, without_boost, without_defaults
from nlq.canonical.places import place_clause
from nlq.canonical.values import is_date, spans, value_of
from nlq.query_schema.kinds import BOOLEAN, DATE, KEYWORD, NUMBER, TEXT
from nlq.types import Body, IndexSchema

_EXPANDED: Mapping[str, Any] = {"prefix_length": 0, "max_expansions": 50, "fuzzy_transpositions": True}
_ANALYZED: Mapping[str, Any] = {
    "lenient": False,
    "zero_terms_query": "none",
    "auto_generate_synonyms_phrase_query": True,
}
_CASE: Mapping[str, Any] = {"case_insensitive": False}
_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "match": {**_EXPANDED, **_ANALYZED, "minimum_should_match": 1},
    "match_phrase": {"slop": 0, "zero_terms_query": "none"},
    "match_phrase_prefix": {"slop": 0, "max_expansions": 50, "zero_terms_query": "none"},
    "match_bool_prefix": {**_EXPANDED, "operator": "or"},
    "multi_match": {**_EXPANDED, **_ANALYZED, "slop": 0, "type": "best_fields"},
    "combined_fields": {**_ANALYZED, "operator": "or"},
    "term": _CASE,
    "prefix": _CASE,
    "wildcard": _CASE,
    "regexp": {**_CASE, "flags": "ALL", "max_determinized_states": 10_000},
    "fuzzy": {"prefix_length": 0, "max_expansions": 50, "transpositions": True},
}
_VALUE: Mapping[str, str] = {
    **dict.fromkeys(("match", "match_phrase", "match_phrase_prefix", "match_bool_prefix"), "query"),
    **dict.fromkeys(("term", "prefix", "wildcard", "regexp", "fuzzy"), "value"),
}
_SINGLE: Mapping[str, str] = {"best_fields": "match", "phrase": "match_phrase"}
_ANY = frozenset({"query", "analyzer", "zero_terms_query", "boost", "_name"})
_TAKEN: Mapping[str, frozenset[str]] = {
    "match": _ANY | _EXPANDED.keys() | _ANALYZED.keys() | {"operator", "fuzziness", "minimum_should_match"},
    "match_phrase": _ANY | {"slop"},
}
_SHORT = frozenset({"term", "match_phrase", "match_phrase_prefix"})
_PATTERNS = frozenset({"prefix", "wildcard", "regexp"})
_PLACES = frozenset({"geo_distance", "geo_bounding_box", "geo_shape"})
_EXACT = KEYWORD | NUMBER | BOOLEAN | DATE | {"ip"}


def leaf(kind: str, content: Any, index: IndexSchema, scores: Scores) -> Body:
    """``{kind: content}`` in its canonical spelling, which may be another kind's."""
    if not isinstance(content, dict):
        return {kind: content}
    content = without_boost(content, scores)
    if kind in _VALUE:
        return _by_field(kind, content, index, scores)
    if kind in _PLACES:
        return {kind: place_clause(kind, content, index)}
    own = _OWN.get(kind)
    return own(content, index, scores) if own else {kind: content}


def _by_field(kind: str, content: Body, index: IndexSchema, scores: Scores) -> Body:
    found = one_item(content)
    if found is None:
        return {kind: content}
    name, spec = found
    key = _VALUE[kind]
    options = {key: spec} if not isinstance(spec, dict) else dict(spec)
    if kind == "wildcard" and "wildcard" in options and key not in options:
        options[key] = options.pop("wildcard")
    if key not in options or isinstance(options[key], dict | list) or options[key] is None:
        return {kind: content}
    of = kind_of(name, index)
    options = _options(kind, without_boost(options, scores))
    options[key] = value_of(options[key], of)
    if kind == "match" and of in TEXT:
        options.setdefault("operator", "or")
    return _written(kind, name, options, of)


def _options(kind: str, options: Body) -> Body:
    """What the options say beyond Elasticsearch's defaults; of a fuzzy clause, its fuzziness."""
    out = _plain(options)
    out = without_defaults(out, _DEFAULTS[kind])
    if kind == "fuzzy":
        out.setdefault("fuzziness", "AUTO")
    if kind in _PATTERNS and str(out.get("rewrite", "")).startswith("constant_score"):
        del out["rewrite"]
    return out


def _plain(options: Body) -> Body:
    """Words in the case in which the decoded schema writes them, numbers as numbers."""
    out = dict(options)
    for key, write in (("operator", str.lower), ("fuzziness", str.upper), ("zero_terms_query", str.lower)):
        if isinstance(out.get(key), str):
            out[key] = write(out[key])
    if out.get("fuzziness") == "AUTO:3,6":
        out["fuzziness"] = "AUTO"
    least = out.get("minimum_should_match")
    if isinstance(least, str) and least.isascii() and least.isdigit() and len(least) < 10:
        out["minimum_should_match"] = int(least)
    return out


def _written(kind: str, name: str, options: Body, of: str) -> Body:
    key = _VALUE[kind]
    if kind in ("match", "match_phrase") and of in _EXACT and not options.keys() - {key, "operator", "boost", "_name"}:
        # Fields that are not analyzed are matched whole, as by a term.
        rest = {k: v for k, v in options.items() if k not in (key, "operator")}
        return _written("term", name, {"value": options[key], **rest}, of)
    if kind == "term" and of in DATE and is_date(options["value"]) and not options.keys() - {"value", "boost", "_name"}:
        rest = {k: v for k, v in options.items() if k != "value"}
        return {"range": {name: {"gte": options["value"], "lte": options["value"], **rest}}}
    if kind in _SHORT and len(options) == 1:
        return {kind: {name: options[key]}}
    return {kind: {name: ordered(options, (key, "operator", "fuzziness", "minimum_should_match"))}}


def _terms(content: Body, index: IndexSchema, scores: Scores) -> Body:
    rest = {k: v for k, v in content.items() if k in ("boost", "_name")}
    found = one_item({k: v for k, v in content.items() if k not in rest})
    if found is None or not isinstance(found[1], list) or any(isinstance(v, dict | list) for v in found[1]):
        return {"terms": content}
    name, values = found[0], distinct(value_of(v, kind_of(found[0], index)) for v in found[1])
    if len(values) == 1 and not rest and scores is Scores.UNUSED:  # a term's score depends on how rare it is
        return leaf("term", {name: values[0]}, index, scores)
    return {"terms": {name: values, **rest}}


def _range(content: Body, index: IndexSchema, scores: Scores) -> Body:
    boosted = {f: without_boost(spec, scores) if isinstance(spec, dict) else spec for f, spec in content.items()}
    return {"range": spans(boosted, index)}


def _multi_match(content: Body, index: IndexSchema, scores: Scores) -> Body:
    out = _fielded("multi_match", content, index, scores)
    if scores is Scores.UNUSED and out.get("type") == "most_fields":
        del out["type"]
    kind = out.get("type", "best_fields")
    if "tie_breaker" in out and (scores is Scores.UNUSED or (kind == "best_fields" and _is_zero(out["tie_breaker"]))):
        del out["tie_breaker"]
    fields = out.get("fields")
    single = _SINGLE.get(kind) if isinstance(kind, str) else None
    if single and isinstance(fields, list) and len(fields) == 1 and isinstance(fields[0], str) and "^" not in fields[0]:
        options = {k: v for k, v in out.items() if k not in ("fields", "type", "tie_breaker")}
        if options.keys() <= _TAKEN[single]:
            return leaf(single, {fields[0]: options}, index, scores)
    if kind == "best_fields":
        out.setdefault("operator", "or")
    return {"multi_match": ordered(out, ("query", "fields", "operator", "type", "fuzziness"))}


def _is_zero(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == 0


def _fielded(kind: str, content: Body, index: IndexSchema, scores: Scores) -> Body:
    """The options of a clause over several fields."""
    out = without_defaults(_plain(content), _DEFAULTS[kind])
    fields = [out["fields"]] if isinstance(out.get("fields"), str) else out.get("fields")
    if isinstance(fields, list) and all(isinstance(f, str) for f in fields):
        # The boost of one field alone changes no order.
        free = scores is Scores.UNUSED or (scores is Scores.ORDER and len(fields) == 1)
        out["fields"] = distinct(map(_unboosted, fields)) if free else fields
        kinds = [kind_of(_unboosted(f), index) for f in fields]
        if all(k in TEXT | KEYWORD - {"ip", "version"} for k in kinds):
            out.pop("lenient", None)  # words cannot fail to be read by fields of words
    return out


def _unboosted(name: str) -> str:
    head, _, boost = name.rpartition("^")
    number = boost.isascii() and boost.replace(".", "", 1).isdigit()
    return head if head and number and float(boost) > 0 else name


def _combined_fields(content: Body, index: IndexSchema, scores: Scores) -> Body:
    return {"combined_fields": ordered(_fielded("combined_fields", content, index, scores), ("query", "fields"))}


def _ids(content: Body, index: IndexSchema, scores: Scores) -> Body:
    del index, scores
    values = content.get("values")
    listed = [values] if isinstance(values, str) else values
    return {"ids": {**content, "values": distinct(listed)} if isinstance(listed, list) else content}


def _more_like_this(content: Body, index: IndexSchema, scores: Scores) -> Body:
    del index, scores
    like = content.get("like")
    if isinstance(like, list) and len(like) == 1 and isinstance(like[0], str):
        content = {**content, "like": like[0]}
    return {"more_like_this": ordered(content, ("fields", "like", "min_term_freq", "min_doc_freq"))}


_OWN: Mapping[str, Callable[[Body, IndexSchema, Scores], Body]] = {
    "terms": _terms,
    "range": _range,
    "multi_match": _multi_match,
    "combined_fields": _combined_fields,
    "ids": _ids,
    "more_like_this": _more_like_this,
}
