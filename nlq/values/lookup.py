"""What a question asks the engine about its words, as the bodies of one search, and how the answers are read."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nlq.query_schema import DATE, KEYWORD, NUMBER, TEXT
from nlq.types import Body, Failure, Field, IndexSchema, LinkedValue, Result
from nlq.values.catalog import SHORTEST_NEAR, Catalog
from nlq.values.mentions import Mention, dates, numbers
from nlq.values.words import Span, common, names, spans, taken_names, worth

Kind = str
KINDS: frozenset[Kind] = frozenset({"keyword", "prefix", "part", "fuzzy", "number", "date", "boolean", "text"})
"""How a link was found; see ``nlq.values.links``."""

SHOWN = KINDS - {"date"}
"""Kinds that help more than they harm: small models put a linked year on every date field that holds it."""

PER_FIELD = 1000
BUCKETS = 20_000  # folding them takes a quarter of a second; below Elasticsearch's search.max_buckets, 65,536
MOST_SPELLINGS = 1000
MOST_SPELLED = 100
MOST_NAMES = 4
MOST_FIELDS = 40
MOST_FILTERS = 400
LINKABLE = KEYWORD - {"flattened", "ip", "wildcard"}


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Something of the question that the engine found in a field."""

    kind: Kind
    link: LinkedValue
    start: int


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of the index's values for one question.

    ``listing`` is worth keeping for the next questions (None: the engine did not answer, ask again); ``catalog`` holds
    its values, ``more`` those that were looked up for this question alone.
    """

    listing: Catalog | None
    catalog: Catalog = dataclasses.field(default_factory=lambda: Catalog({}))
    more: Catalog = dataclasses.field(default_factory=lambda: Catalog({}))
    occurrences: tuple[Occurrence, ...] = ()


@dataclass(frozen=True, slots=True)
class Lookup:
    """``bodies`` go to the engine in one call; ``read`` takes its answers, one per body, in their order."""

    bodies: tuple[Body, ...]
    read: Callable[[Sequence[Result | Failure]], Seen]


@dataclass(frozen=True, slots=True)
class _Check:
    """Whether ``query`` finds anything; if so, ``link`` occurs."""

    kind: Kind
    link: LinkedValue
    start: int
    query: Body
    field: Field


def lookup(
    question: str, schema: IndexSchema, *, kept: Catalog | None = None, kinds: frozenset[Kind] = KINDS
) -> Lookup:
    """What to ask about ``question``: the listing of values unless one was ``kept``, values of long lists that its
    words spell or nearly spell, and where its numbers, dates and names occur. Often nothing, where one was kept."""
    long = [f for f in keywords(schema) if kept is None or f.name not in kept.complete]
    strings = kinds & {"keyword", "prefix", "part", "fuzzy"}
    checks = tuple(_checks(question, schema, kinds))[:MOST_FILTERS]
    asked = {
        "listing": _listing(schema) if kept is None else None,
        "spelled": _spelled(question, schema, long) if strings else None,
        "near": _near(question, schema, long) if strings - {"keyword"} else None,
        "occurs": {"size": 0, "aggs": {str(i): _within(c.field, {"filter": c.query}) for i, c in enumerate(checks)}}
        if checks
        else None,
    }
    parts = {part: body for part, body in asked.items() if body is not None}

    def read(results: Sequence[Result | Failure]) -> Seen:
        answered = {part: r for part, r in zip(parts, results, strict=True) if isinstance(r, Result)}
        listing = _catalog(schema, [answered["listing"]]) if "listing" in answered else kept
        if "listing" not in parts and listing is None:
            listing = Catalog({})  # an index without such fields
        more = _catalog(schema, [answered[part] for part in ("spelled", "near") if part in answered])
        occurs = answered.get("occurs")
        found = tuple(_occurring(checks, occurs.aggregations)) if occurs else ()
        return Seen(listing, listing or Catalog({}), Catalog(more.values), found)

    return Lookup(tuple(parts.values()), read)


def keywords(schema: IndexSchema) -> list[Field]:
    """The fields whose values are linked and repaired."""
    return [f for f in schema.fields if f.kind in LINKABLE and f.aggregatable]


def _listing(schema: IndexSchema) -> Body | None:
    fields = keywords(schema)
    return _terms(schema, fields, {"size": min(PER_FIELD, max(1, BUCKETS // max(1, len(fields))))})


def _spelled(question: str, schema: IndexSchema, fields: Sequence[Field]) -> Body | None:
    """The values of ``fields`` that phrases of the question spell, but for case."""
    taken = taken_names(schema)
    phrases = sorted((s for s in spans(question) if worth(s, taken)), key=lambda s: (not s.strong, s.words))
    spellings = list(dict.fromkeys(spelling for span in phrases for spelling in _spellings(span.text)))
    options = {"size": 50, "include": spellings[:MOST_SPELLINGS]}
    return _terms(schema, fields[:MOST_SPELLED], options) if spellings else None


def _spellings(text: str) -> tuple[str, ...]:
    """How a value of a long list may be written. Of single words only as they are: among thousands of titles, every
    common word is one."""
    if " " not in text:
        return (text,)
    return text, text.lower(), text.upper(), text.title(), text[:1].upper() + text[1:]


def _wanted(question: str, schema: IndexSchema) -> list[Span]:
    """The names that the question is asked about."""
    taken = taken_names(schema)
    return [span for span in names(question) if worth(span, taken)][:MOST_NAMES]


def _near(question: str, schema: IndexSchema, fields: Sequence[Field]) -> Body | None:
    """The values of ``fields`` that are like the question's names."""
    wanted = _wanted(question, schema)
    asked = [f for f in fields if f.searchable][:MOST_FIELDS]
    if not wanted or not asked:
        return None
    texts, aggs = _texts(schema), {}
    for field in asked:
        like = [_like(span, field, analyzed=field.parent if field.parent in texts else None) for span in wanted]
        terms = {"values": {"terms": {"field": field.name, "size": 50}}}
        aggs[field.name] = _within(field, {"filter": {"bool": {"should": like}}, "aggs": terms})
    return _numbered(schema, aggs)


def _like(span: Span, field: Field, *, analyzed: str | None) -> Body:
    """Finds values that hold the span's words (where an analysed field tells), else begin with them, or nearly so."""
    text = span.text[:200]
    fuzzy = {"fuzziness": "AUTO", "prefix_length": 1, "max_expansions": 20} if _mistypable(text) else {}
    if analyzed:
        return {"match": {analyzed: {"query": text, "operator": "and", **fuzzy}}}
    begins = {"prefix": {field.name: {"value": text, "case_insensitive": True}}}
    if field.kind != "keyword" or not fuzzy:
        return begins
    return {"bool": {"should": [begins, {"fuzzy": {field.name: {"value": text, **fuzzy}}}]}}


def _mistypable(text: str) -> bool:
    return len(text) >= SHORTEST_NEAR and not any(c.isdigit() for c in text)


def _checks(question: str, schema: IndexSchema, kinds: frozenset[Kind]) -> Iterator[_Check]:
    mentions = [*numbers(question), *dates(question)]
    for mention in (m for m in mentions if m.kind in kinds):
        of = NUMBER if mention.kind == "number" else DATE
        for field in [f for f in schema.fields if f.kind in of and f.searchable][:MOST_FIELDS]:
            link = LinkedValue(mention.text, field.name, mention.value)
            yield _Check(mention.kind, link, mention.start, _holds(mention, field.name), field)
    for span in _wanted(question, schema) if "text" in kinds else ():
        for field in list(_texts(schema).values())[:MOST_FIELDS] if not common(span) else ():
            link = LinkedValue(span.text, field.name, span.text)
            yield _Check("text", link, span.start, {"match_phrase": {field.name: span.text[:200]}}, field)


def _holds(mention: Mention, name: str) -> Body:
    if mention.kind == "number":
        return {"term": {name: mention.value}}
    bounds = {"gte": mention.value, "lt": mention.end, "format": "strict_date_optional_time"}
    return {"range": {name: bounds}}


def _texts(schema: IndexSchema) -> dict[str, Field]:
    return {f.name: f for f in schema.fields if f.kind in TEXT and f.searchable and f.parent is None}


def _terms(schema: IndexSchema, fields: Iterable[Field], options: Body) -> Body | None:
    aggs = {f.name: _within(f, {"terms": {"field": f.name, **options}}) for f in fields}
    return _numbered(schema, aggs) if aggs else None


def _numbered(schema: IndexSchema, aggs: Mapping[str, Body]) -> Body:
    """Fields stand for their numbers: names of aggregations may not hold every character that names of fields may."""
    numbers_ = {f.name: str(i) for i, f in enumerate(keywords(schema))}
    return {"size": 0, "aggs": {numbers_[name]: agg for name, agg in aggs.items()}}


def _within(field: Field, agg: Body) -> Body:
    return {"nested": {"path": field.nested}, "aggs": {"values": agg}} if field.nested else agg


def _innermost(agg: Mapping[str, Any]) -> Mapping[str, Any]:
    while "values" in agg:
        agg = agg["values"]
    return agg


def _catalog(schema: IndexSchema, results: Iterable[Result]) -> Catalog:
    """The values in answers to listings and look-ups."""
    fields = keywords(schema)
    values: dict[str, dict[str, None]] = {}
    complete = set()
    for result in results:
        for key, agg in result.aggregations.items():
            name, found = fields[int(key)].name, _innermost(agg)
            values.setdefault(name, {}).update((str(b["key"]), None) for b in found["buckets"])
            if not found.get("sum_other_doc_count"):
                complete.add(name)
    return Catalog({name: tuple(found) for name, found in values.items()}, frozenset(complete))


def _occurring(checks: Sequence[_Check], aggregations: Mapping[str, Any]) -> Iterator[Occurrence]:
    for i, check in enumerate(checks):
        if _innermost(aggregations[str(i)])["doc_count"]:
            yield Occurrence(check.kind, check.link, check.start)
