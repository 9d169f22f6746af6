"""Documents in memory and the query clauses that FakeEngine knows."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from nlq.elastic.fields import flatten
from nlq.types import Body, Field
from tests.fakes.date_math import computed

NUMBERS = frozenset({"long", "integer", "short", "byte", "double", "float", "half_float"})
METADATA = frozenset({"_score", "_seq_no"})
BOUNDS = {"gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le}


class Refused(Exception):
    """What the real engine would answer with status 400."""


@dataclass(slots=True)
class Index:
    """``numbers`` are documents' ``_seq_no`` by their identity, where these can be sorted by."""

    mapping: dict[str, Any]
    documents: dict[str, Body] = field(default_factory=dict)
    numbers: dict[int, int] = field(default_factory=dict)

    def field(self, name: str) -> Field | None:
        return next((known for known in flatten(self.mapping) if known.name == name), None)

    def values(self, document: Body, name: str) -> list[Any]:
        if name in METADATA:
            return [1.0 if name == "_score" else self.numbers[id(document)]]
        known = self.field(name)
        path = known.parent if known and known.parent else name
        return [] if known is None else [_value(known, raw) for raw in walk(document, path.split("."))]


def matches(index: Index, query: Body, document: Body) -> bool:
    if len(query) != 1:
        raise Refused("[query] malformed, expected one clause")
    [(kind, content)] = query.items()
    if kind not in _CLAUSES:
        raise Refused(f"unknown query [{kind}]")
    return _CLAUSES[kind](index, content, document)


def _all(_index: Index, _content: Body, _document: Body) -> bool:
    return True


def _exists(index: Index, content: Body, document: Body) -> bool:
    return bool(index.values(document, content["field"]))


def _term(index: Index, content: Body, document: Body) -> bool:
    [(name, value)] = content.items()
    return _terms(index, {name: [value["value"] if isinstance(value, dict) else value]}, document)


def _terms(index: Index, content: Body, document: Body) -> bool:
    [(name, values)] = content.items()
    known = index.field(name)
    return known is not None and bool({_query_value(known, v) for v in values} & set(_tokens(index, known, document)))


def _match(index: Index, content: Body, document: Body) -> bool:
    [(name, value)] = content.items()
    text, how = (value["query"], value.get("operator", "or")) if isinstance(value, dict) else (value, "or")
    known = index.field(name)
    if known is None or known.kind != "text":
        return _term(index, {name: text}, document)
    words, held = _words(str(text)), set(_tokens(index, known, document))
    return (all if how.lower() == "and" else any)(word in held for word in words)


def _match_phrase(index: Index, content: Body, document: Body) -> bool:
    [(name, value)] = content.items()
    text, known = value["query"] if isinstance(value, dict) else value, index.field(name)
    if known is None or known.kind != "text":
        return _term(index, {name: text}, document)
    words, held = _words(str(text)), [_words(value) for value in index.values(document, name)]
    return any(words == of[i : i + len(words)] for of in held for i in range(len(of)))


def _range(index: Index, content: Body, document: Body) -> bool:
    [(name, bounds)] = content.items()
    known = index.field(name)
    if strange := sorted(set(bounds) - set(BOUNDS) - {"format", "boost"}):
        raise Refused(f"[range] query does not support [{strange[0]}]")
    if known is None:
        return False
    checks = [(BOUNDS[k], _query_value(known, v, late=k in ("gt", "lte"))) for k, v in bounds.items() if k in BOUNDS]
    return any(all(holds(value, bound) for holds, bound in checks) for value in _tokens(index, known, document))


def _bool(index: Index, content: Body, document: Body) -> bool:
    groups = {}
    for key in ("must", "filter", "should", "must_not"):
        clauses = content.get(key, [])
        clauses = [clauses] if isinstance(clauses, dict) else clauses
        groups[key] = [matches(index, clause, document) for clause in clauses]
    if strange := sorted(set(content) - set(groups) - {"minimum_should_match", "boost"}):
        raise Refused(f"[bool] query does not support [{strange[0]}]")
    optional = not groups["should"] or bool(groups["must"] or groups["filter"])
    least = int(content.get("minimum_should_match", 0 if optional else 1))
    return all(groups["must"] + groups["filter"]) and not any(groups["must_not"]) and sum(groups["should"]) >= least


_CLAUSES: dict[str, Callable[[Index, Body, Body], bool]] = {
    "match_all": _all,
    "exists": _exists,
    "term": _term,
    "terms": _terms,
    "match": _match,
    "match_phrase": _match_phrase,
    "range": _range,
    "bool": _bool,
}


def need_doc_values(index: Index, name: str) -> None:
    known = index.field(name)
    if known is not None and known.kind == "text":
        raise Refused(f"Fielddata is disabled on [{name}]. Please use a keyword field instead.")


def _tokens(index: Index, known: Field, document: Body) -> list[Any]:
    values = index.values(document, known.name)
    return [word for value in values for word in _words(value)] if known.kind == "text" else values


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def walk(value: Any, path: list[str]) -> Iterator[Any]:
    if isinstance(value, list):
        for entry in value:
            yield from walk(entry, path)
    elif path and isinstance(value, dict):
        yield from walk(value.get(path[0]), path[1:])
    elif not path and value is not None:
        yield value


def _value(known: Field, raw: Any) -> Any:
    if known.kind == "date":
        return _millis(str(raw))
    return raw if known.kind in NUMBERS or known.kind == "boolean" else str(raw)


def _query_value(known: Field, raw: Any, *, late: bool = False) -> Any:
    try:
        if known.kind in NUMBERS:
            return float(raw)
        return _millis(str(raw), late=late) if known.kind == "date" else _value(known, raw)
    except ValueError as exc:
        raise Refused(f'failed to create query: For input string: "{raw}"') from exc


def _millis(text: str, *, late: bool = False) -> int:
    """Milliseconds since 1970. As in Elasticsearch a short date is its first day, at the last moment where ``late``;
    what follows "||" is date math. There is no "now" here: bodies that run name their moment."""
    anchor, fixed, math = text.partition("||")
    day = f"{anchor}-01-01"[:10]
    moment = datetime.fromisoformat(anchor if len(anchor) > len(day) else day)
    moment = computed(moment.replace(tzinfo=moment.tzinfo or UTC), math, late=late)
    whole_day = late and not fixed and len(anchor) <= len(day)
    return round(moment.timestamp() * 1000) + (86_400_000 - 1 if whole_day else 0)
