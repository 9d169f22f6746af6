"""The edits of what comes back: documents, counts or groups, in which order and how many."""

from __future__ import annotations

import re
from typing import Any

from nlq.neighbours.places import Edited
from nlq.ranking import DIFFERENT, group_field, of_documents, values_counted
from nlq.signals.facts import Facts
from nlq.signals.parts import base, is_ranked, kind_of
from nlq.signals.shapes import asked_shapes
from nlq.types import Body

_MEASURES = frozenset({"max", "min", "sum", "avg"})
_DOWN = re.compile(
    r"\b(?:desc\w*|decreasing|most|top|(?:high|larg|bigg|great|long|new|late|old|fast|heav|tall)\w*est|best|latest|newest"
    r"|recent|last|maximum|max|reverse)\b",
    re.IGNORECASE,
)
_COMMON = re.compile(r"\b(?:most|least)\s+(?:common|frequent|popular|used|often)\w*\b", re.IGNORECASE)
_MANY = 100


def shape(facts: Facts) -> Edited:
    """A count, documents or groups in place of what the question does not ask for."""
    asked = asked_shapes(facts)
    shapes = facts.parts.shapes
    common = _COMMON.search(facts.asked.text)
    if "groups" not in shapes and len(facts.parts.shown) == 1 and (common or (asked and "hits" not in asked[1])):
        yield from _grouped(facts, facts.parts.shown[0])
    if asked is None or asked[1] & shapes:
        return
    if "count" in asked[1]:
        yield _query_of(facts) | {"size": 0}, "their number"
    elif "hits" in asked[1] and shapes <= {"count", "metric"}:
        named = (*facts.parts.aggregated, *(f for f in facts.fully_named() if f not in facts.parts.filtered))
        shown = list(dict.fromkeys(named))
        yield _query_of(facts) | ({"_source": shown} if shown else {}), "the documents, not a number"


def order(facts: Facts) -> Edited:
    """Lowest first where documents are sorted highest first and nothing in the question says so."""
    sort = facts.body.get("sort")
    if not isinstance(sort, list) or _DOWN.search(facts.asked.text):
        return
    turned = [_upwards(key) for key in sort]
    if turned != sort:
        yield facts.body | {"sort": turned}, "lowest first"


def top(facts: Facts) -> Edited:
    """As few of the first documents or groups as the question names, one where it names no number."""
    asked = asked_shapes(facts)
    if asked is None or "ranked" not in asked[1] or "hits" in asked[1]:
        return
    few = _few(facts)
    if "hits" in facts.parts.shapes and facts.body.get("sort") and facts.body.get("size", _MANY) >= _MANY:
        yield facts.body | {"size": few}, f"the first {few}"
    for name, agg in (facts.body.get("aggs") or {}).items():
        spec = agg.get("terms")
        if isinstance(spec, dict) and spec.get("size", _MANY) >= _MANY and "_key" not in (spec.get("order") or {}):
            cut = {**agg, "terms": {**spec, "size": few}}
            yield facts.body | {"aggs": {**facts.body["aggs"], name: cut}}, f"the first {few} groups"


def hits(facts: Facts) -> Edited:
    """Documents sorted by a field in place of groups ordered by a measure of it."""
    for agg in (facts.body.get("aggs") or {}).values():
        spec = agg.get("terms")
        by = spec.get("order") if isinstance(spec, dict) and is_ranked(agg) else None
        name, direction = next(iter(by.items()), ("", "")) if isinstance(by, dict) else ("", "")
        measure = (agg.get("aggs") or {}).get(name) or {}
        field = (measure.get(kind_of(measure)) or {}).get("field") if kind_of(measure) in _MEASURES else None
        if field is None:
            continue
        shown = base(spec["field"], facts.view.index)
        sorted_by = {"sort": [{field: {"order": direction}}], "size": _few(facts), "_source": [shown]}
        yield _query_of(facts) | sorted_by, f"documents sorted by {field}, not groups of {spec['field']}"


def counts(facts: Facts) -> Edited:
    """The number of documents of each group in place of how many values of a field they have."""
    if DIFFERENT.search(facts.asked.text):
        return
    for name, agg in (facts.body.get("aggs") or {}).items():
        if values_counted(agg) is None:
            continue
        groups = {**facts.body["aggs"], name: of_documents(agg)}
        yield facts.body | {"aggs": groups}, "the number of documents of each group"


def _grouped(facts: Facts, field: str) -> Edited:
    """The values of a field with their numbers in place of documents that show it."""
    found = group_field(field, facts.view.index)
    if found is None:
        return
    size = {"size": _few(facts)} if _COMMON.search(facts.asked.text) else {}
    groups = {"groups": {"terms": {"field": found.name, **size}}}
    yield _query_of(facts) | {"size": 0, "aggs": groups}, f"groups of {found.name}"


def _few(facts: Facts) -> int:
    """The first whole number of the question that may be a number of documents, or 1."""
    found = (int(n.value) for n in facts.asked.numbers if n.needed and n.value == int(n.value))
    return next((number for number in found if 0 < number <= _MANY), 1)


def _upwards(key: Any) -> Any:
    if not isinstance(key, dict):
        return key
    return {name: {**how, "order": "asc"} if isinstance(how, dict) else "asc" for name, how in key.items()}


def _query_of(facts: Facts) -> Body:
    return {"query": facts.body.get("query", {"match_all": {}})}
