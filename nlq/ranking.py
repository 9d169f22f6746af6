"""Groups that are really single documents in an order, and documents that are really groups."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from nlq.narrow import split, stem, stems
from nlq.query_schema import KEYWORD, NUMBER, SORTABLE
from nlq.types import Body, Field, IndexSchema

_METRICS = frozenset({"sum", "avg", "max", "min"})
_COUNTS = ("cardinality", "value_count")
_NUMBERS = _METRICS.union(_COUNTS)
_TOP = re.compile(r"\b(?:top|bottom)\s+(?P<few>[1-9]\d{0,2})\b", re.IGNORECASE)
_FIRST = re.compile(
    r"(?<!at )\b(?:highest|lowest|largest|smallest|greatest|biggest|longest|shortest|most|least|fewest|best|worst"
    r"|oldest|youngest|cheapest)\b",
    re.IGNORECASE,
)
_LOW = re.compile(r"bottom|lowest|smallest|shortest|least|fewest|worst|youngest|cheapest", re.IGNORECASE)
_MANY = re.compile(r"\b(?:how many|numbers? of|count)\b", re.IGNORECASE)
DIFFERENT = re.compile(r"\b(?:different|distinct|unique|various|kinds? of|types? of)\b", re.IGNORECASE)
_BY = re.compile(r"\bby\b(?!\s+(?:the\s+|their\s+)?(?:numbers?|counts?)\b)", re.IGNORECASE)
_MOST = re.compile(r"\b(?:most|least|fewest)\b", re.IGNORECASE)
_ALPHABET = re.compile(
    r"\balphabet\w*|\b[az] ?(?:to|-) ?[az]\b|\b(?:order|sort)(?:ed)?\b|\b(?:first|last)\b", re.IGNORECASE
)
_WHO = re.compile(r"\bwho\b", re.IGNORECASE)
_NEAR = 3
"""Words behind "how many" or "highest" that are looked at."""
_CALLED = frozenset({"title", "name", "subject", "headline"})
_EACH = re.compile(r"\b(?:each|per|every)\b", re.IGNORECASE)
_COMMON = re.compile(r"\b(?:(?P<few>\d{1,3})\s+)?(?:most|least)\s+(?:common|frequent)(?:ly)?\b", re.IGNORECASE)


def group_field(name: str, index: IndexSchema) -> Field | None:
    """The field, or the multi-field of it, by whose values documents can be grouped."""
    named = (f for f in index.fields if name in (f.name, f.parent) and f.aggregatable)
    return next((f for f in named if f.kind in SORTABLE), None)


def values_counted(agg: Mapping[str, Any]) -> str | None:
    """The field whose values the one metric of groups counts; None where they have another metric, or several."""
    below = list((agg.get("aggs") or {}).values())
    counts = [below[0][kind] for kind in _COUNTS if kind in below[0]] if len(below) == 1 else []
    return str(counts[0].get("field", "")) if counts and isinstance(counts[0], Mapping) else None


def grouped(body: Body, question: str, index: IndexSchema) -> Body:
    """Groups of a field's values instead of documents in no order that show this field alone, where ``question`` asks
    for the most common ones; as many as it or the body says, else one."""
    asked, shown = _COMMON.search(question), body.get("_source")
    if not asked or body.keys() - {"query", "size", "_source"} or not isinstance(shown, list) or len(shown) != 1:
        return body
    field = group_field(shown[0], index)
    if field is None or field.nested:
        return body
    size = int(asked["few"] or 0) or body.get("size") or 1
    rare = {"order": {"_count": "asc"}} if "least" in asked[0].lower() else {}
    out = {"query": body["query"]} if "query" in body else {}
    return out | {"size": 0, "aggs": {"groups": {"terms": {"field": field.name, "size": size, **rare}}}}


def tallied(body: Body, question: str, index: IndexSchema) -> Body:
    """Groups by a name instead of documents sorted by it, where ``question`` names the field, or asks who, and wants
    the one with most or fewest of something else: of "which author has published most" it is not the last of the
    alphabet."""
    sort = body.get("sort")
    if body.keys() - {"query", "size", "_source", "sort"} or not isinstance(sort, list) or len(sort) != 1:
        return body
    if not (most := _MOST.search(question)) or _ALPHABET.search(question):
        return body
    [(name, _)] = sort[0].items() if isinstance(sort[0], Mapping) and len(sort[0]) == 1 else [("", None)]
    field, words = index.field(name), set(map(stem, split(name.removesuffix(".keyword"))))
    if field is None or field.kind not in KEYWORD or field.nested:
        return body
    if not (words & stems(question) or _WHO.search(question)):
        return body
    if any(words & near for near in _behind(_MOST, question)):
        return body  # the most of what the field counts, kept as text
    few = {"order": {"_count": "asc"}} if most[0].lower() != "most" else {}
    out = {"query": body["query"]} if "query" in body else {}
    return out | {"size": 0, "aggs": {"groups": {"terms": {"field": name, "size": body.get("size") or 1, **few}}}}


def counted(body: Body, question: str, index: IndexSchema) -> Body:
    """Numbers of documents of groups, instead of how many values of a field they have that ``question`` does not name
    ("how many articles per year" is not the number of different titles), where these are what the documents are called
    by, or it says how many of what is in the index: of "how many writers" the field may be a synonym."""
    aggs = body.get("aggs")
    if not isinstance(aggs, Mapping) or DIFFERENT.search(question) or not _MANY.search(question):
        return body
    said, of_index = stems(question), _counts_documents(question, index)
    out = {}
    for name, agg in aggs.items():
        words = split((values_counted(agg) or "").removesuffix(".keyword"))
        is_other = not words or said & set(map(stem, words)) or not (of_index or _CALLED.issuperset(words[-1:]))
        out[name] = agg if is_other else of_documents(agg)
    return {**body, "aggs": out}


def of_documents(agg: Body) -> Body:
    """Groups without their one metric; an order by it is one by the number of documents."""
    metrics = agg["aggs"].keys()
    out = {kind: held for kind, held in agg.items() if kind != "aggs"}
    for kind, held in out.items():
        order = held.get("order") if isinstance(held, Mapping) else None
        by = {name.partition(".")[0]: way for each in _all(order) for name, way in each.items()}
        if by.keys() & metrics:
            rest = {key: value for key, value in held.items() if key != "order"}
            out[kind] = {**rest, "order": {"_count": "asc"}} if "asc" in by.values() else rest
    return out


def _all(order: Any) -> list[Mapping[str, Any]]:
    """The orders, the first first."""
    return [each for each in (order if isinstance(order, list) else [order]) if isinstance(each, Mapping)]


def _counts_documents(question: str, index: IndexSchema) -> bool:
    """Whether the words behind "how many" name what is in the index."""
    return any(stems(index.index) & words for words in _behind(_MANY, question))


def _behind(cue: re.Pattern[str], question: str) -> list[frozenset[str]]:
    """Stems of the words right behind each place of the cue."""
    return [stems(" ".join(question[found.end() :].split()[:_NEAR])) for found in cue.finditer(question)]


def ordered(body: Body, question: str) -> Body:
    """Groups in the order of their one metric, where ``question`` asks for the first of them by it ("authors by average
    page views, top 3") and the body leaves the order open: Elasticsearch's own is by the number of documents. The
    "highest" of a maximum is the metric itself, and "the most orders, and their average total" is in the order of
    documents: behind "most" the metric's field must be named, and "by" must not be "by number of"."""
    aggs, few = body.get("aggs"), _TOP.search(question)
    asked = few or (None if _EACH.search(question) else _FIRST.search(question))
    if not asked or _COMMON.search(question) or not isinstance(aggs, Mapping):
        return body
    ordering = _NUMBERS if few else _NUMBERS - {"max", "min"}
    by_metric = bool(_BY.search(question)) if few else not _MOST.search(asked[0])
    out = {}
    for name, agg in aggs.items():
        spec, below = agg.get("terms"), agg.get("aggs") or {}
        by = [name for name, metric in below.items() if metric.keys() <= ordering]
        is_open = (
            isinstance(spec, Mapping) and "order" not in spec and not any("bucket_sort" in m for m in below.values())
        )
        if not is_open or len(by) != 1 or not (by_metric or _named(below[by[0]], question)):
            out[name] = agg
            continue
        size = {"size": int(few["few"])} if few and "size" not in spec else {}
        direction = "asc" if _LOW.search(asked[0]) else "desc"
        out[name] = {**agg, "terms": {**spec, **size, "order": {by[0]: direction}}}
    return {**body, "aggs": out}


def _named(metric: Mapping[str, Any], question: str) -> bool:
    """Whether the words right behind "highest", "most" and the like name the metric's field."""
    spec = next(iter(metric.values()), None)
    field = split(str(spec.get("field", "")).removesuffix(".keyword")) if isinstance(spec, Mapping) else []
    return any(words & set(map(stem, field)) for words in _behind(_FIRST, question))


def ranked(body: Body, index: IndexSchema) -> Body:
    """Documents sorted by a number instead of groups by that number ordered by a metric over the same one.

    "Top 5 films by gross" makes models group by ``gross`` and order by its sum: what is meant are films.
    """
    aggs = body.get("aggs")
    if not isinstance(aggs, Mapping) or set(aggs) != {"groups"} or not isinstance(aggs["groups"], Mapping):
        return body
    terms, inner = aggs["groups"].get("terms"), aggs["groups"].get("aggs")
    if not isinstance(terms, Mapping) or not _measured(inner, name := str(terms.get("field"))):
        return body
    known = index.field(name)
    if known is None or known.kind not in NUMBER or known.nested:
        return body
    out = {key: value for key, value in body.items() if key not in ("aggs", "size")}
    out["sort"] = [{name: {"order": _direction(terms.get("order"))}}]
    return out | ({"size": terms["size"]} if "size" in terms else {})


def _measured(inner: Any, field: str) -> bool:
    """Whether each aggregation within a group is a metric over the field that the groups are made by."""
    if not isinstance(inner, Mapping) or not inner:
        return False
    return all(
        isinstance(agg, Mapping)
        and set(agg) <= _METRICS
        and all(isinstance(spec, Mapping) and spec.get("field") == field for spec in agg.values())
        for agg in inner.values()
    )


def _direction(order: Any) -> str:
    """Largest first, unless the values themselves are to rise; an order by counts says nothing."""
    first = order[0] if isinstance(order, list) and order else order
    by = next(iter(first.items()), ("", "")) if isinstance(first, Mapping) else ("", "")
    return "asc" if by[0] != "_count" and by[1] == "asc" else "desc"
