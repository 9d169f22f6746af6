"""The canonical spelling of bool clauses: filters where scores do not count, no bool that only groups."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nlq.canonical.parts import Scores, distinct, one_item
from nlq.canonical.scores import is_constant
from nlq.query_schema.kinds import FAMILIES, FLOAT, INTEGER, KEYWORD, MAX_TERMS
from nlq.types import Body, IndexSchema

_OCCURS = ("must", "filter", "should", "must_not")
_MATCH_ALL: Body = {"match_all": {}}
_SHARE = re.compile(r"(-?)([0-9]{1,9})(%?)")
_LISTED = KEYWORD | INTEGER | FLOAT | FAMILIES["ip"]

Clauses = list[Any]


@dataclass(frozen=True, slots=True)
class Bool:
    """Rewrites bool clauses; ``query`` rewrites what is inside them."""

    index: IndexSchema
    query: Callable[[Any, Scores], Any]

    def clause(self, content: Body, scores: Scores) -> Any:
        parts = _parts(content)
        if parts is None:
            return {"bool": content}
        rest = {k: v for k, v in content.items() if k not in _OCCURS}
        if rest.get("adjust_pure_negative") is True:
            del rest["adjust_pure_negative"]
        least = _least(rest.pop("minimum_should_match", None), parts)
        count = len(parts["should"])
        odd = least is None or least > count or (count > 0 and least == 0 and not parts["must"] + parts["filter"])
        if odd or rest:
            return {"bool": self._as_it_is(content, parts)}
        return self._plain(parts, least or 0, scores)

    def _as_it_is(self, content: Body, parts: dict[str, Clauses]) -> Body:
        """The clauses inside one that cannot be changed itself."""
        done = {
            occur: [self.query(c, Scores.EXACT if occur in ("must", "should") else Scores.UNUSED) for c in cs]
            for occur, cs in parts.items()
            if cs
        }
        return done | {k: v for k, v in content.items() if k not in _OCCURS}

    def _plain(self, parts: dict[str, Clauses], least: int, scores: Scores) -> Any:
        must, filters, should = list(parts["must"]), list(parts["filter"]), list(parts["should"])
        if should and least == len(should) and (scores is Scores.UNUSED or len(should) == 1):
            must, should, least = must + should, [], 0  # all of them must match
        if scores is Scores.UNUSED:
            filters, must = must + filters, []
            should = should if least else []
        elif scores is Scores.ORDER:
            # A constant changes no order.
            filters = [c for c in must if is_constant(c, self.index)] + filters
            must = [c for c in must if not is_constant(c, self.index)]
        alone = Scores.ORDER if scores is Scores.ORDER and len(must) == 1 and not should else Scores.EXACT
        filters = [self.query(c, Scores.UNUSED) for c in filters]
        negated = [self.query(c, Scores.UNUSED) for c in parts["must_not"]]
        optional = [self.query(c, Scores.UNUSED if scores is Scores.UNUSED else Scores.EXACT) for c in should]
        out = _Flat([self.query(c, alone) for c in must], filters, optional, negated, least=least).flattened()
        if scores is Scores.UNUSED and out.should and out.least == 1:
            out.should = self._together(out.should)
            if len(out.should) == 1:
                out.filters, out.should, out.least = [*out.filters, *out.should], [], 0
        return out.written(scores, unscored=bool(parts["filter"]))

    def _together(self, should: Clauses) -> Clauses:
        """Alternatives that are values of one field as one list of values."""
        pairs = [_values(clause) for clause in distinct(should)]
        names = {pair[0] for pair in pairs if pair}
        name = next(iter(names), "")
        field = self.index.field(name)
        if None in pairs or len(names) != 1 or field is None or field.kind not in _LISTED:
            return distinct(should)
        values = distinct(v for pair in pairs if pair for v in pair[1])
        if len(values) > MAX_TERMS:
            return distinct(should)
        return [{"terms": {name: values}} if len(values) > 1 else {"term": {name: values[0]}}]


@dataclass(slots=True)
class _Flat:
    """The parts of a bool clause while they are put together."""

    must: Clauses
    filters: Clauses
    should: Clauses
    negated: Clauses
    least: int

    def flattened(self) -> _Flat:
        """With the parts of inner bools that only group, and without clauses that are there twice or match all."""
        had_required = bool(self.must or self.filters)
        must: Clauses = []
        filters: Clauses = []
        for clause in self.must:
            inner = _inner(clause, {"must", "filter", "must_not"})
            must += inner["must"] if inner else [clause]
            filters += inner["filter"] if inner else []
            self.negated += inner["must_not"] if inner else []
        for clause in self.filters:
            inner = _inner(clause, {"filter", "must_not"})
            filters += inner["filter"] if inner else [clause]
            self.negated += inner["must_not"] if inner else []
        self.must = must
        self.filters = [c for c in distinct(filters) if c != _MATCH_ALL]
        self.should = [c for clause in self.should for c in _alternatives(clause, among=self.least < 2)]
        self.negated = distinct(c for clause in self.negated for c in _alternatives(clause, among=True))
        if had_required and self.should and not self.least and not self.must and not self.filters:
            self.filters = [dict(_MATCH_ALL)]  # without it, one of the others would have to match
        return self

    def written(self, scores: Scores, *, unscored: bool) -> Any:
        """The clause; ``unscored`` says whether there were filters."""
        parts = {"must": self.must, "filter": self.filters, "should": self.should, "must_not": self.negated}
        found = {key: clauses for key, clauses in parts.items() if clauses}
        if not found:
            # What only filters scores 0, where match_all scores 1.
            exact = unscored and scores is Scores.EXACT
            return {"bool": {"filter": [dict(_MATCH_ALL)]}} if exact else dict(_MATCH_ALL)
        only = next(iter(found)) if len(found) == 1 and len(next(iter(found.values()))) == 1 else None
        if only == "must" or (only == "filter" and scores is Scores.UNUSED):
            return found[only][0]
        least = {"minimum_should_match": self.least} if self.should and self.least else {}
        return {"bool": {**found, **least}}


def _parts(content: Body) -> dict[str, Clauses] | None:
    """The clauses by how they occur; None where they have another shape than lists of objects."""
    parts: dict[str, Clauses] = {}
    for occur in _OCCURS:
        clauses = content.get(occur, [])
        listed = [clauses] if isinstance(clauses, dict) else clauses
        if not isinstance(listed, list) or not all(isinstance(c, dict) for c in listed):
            return None
        parts[occur] = listed
    return parts


def _least(given: Any, parts: dict[str, Clauses]) -> int | None:
    """How many of the ``should`` clauses must match; None where it is not said plainly."""
    count = len(parts["should"])
    if given is None:
        return 1 if count and not parts["must"] and not parts["filter"] else 0
    if count == 0 or isinstance(given, bool):
        return None
    if isinstance(given, int):
        return max(given if given >= 0 else count + given, 0)
    found = _SHARE.fullmatch(given) if isinstance(given, str) else None
    if found is None:
        return None
    number = count * int(found[2]) // 100 if found[3] else int(found[2])
    return max(count - number if found[1] else number, 0)


def _inner(clause: Any, allowed: set[str]) -> dict[str, Clauses] | None:
    """The parts of a bool that has no others than the allowed ones."""
    found = one_item(clause)
    if not found or found[0] != "bool" or not isinstance(found[1], dict) or found[1].keys() - allowed:
        return None
    return _parts(found[1])


def _alternatives(clause: Any, *, among: bool) -> Clauses:
    """The clauses of which a bool wants one, where they may stand in its place."""
    found = one_item(clause)
    inside = found[1] if found and found[0] == "bool" and isinstance(found[1], dict) else {}
    plain = among and inside.keys() <= {"should", "minimum_should_match"} and inside.get("minimum_should_match") == 1
    return list(inside["should"]) if plain and isinstance(inside.get("should"), list) else [clause]


def _values(clause: Any) -> tuple[str, list[Any]] | None:
    """The field and the values of a plain term or terms clause."""
    found = one_item(clause)
    inside = one_item(found[1]) if found and found[0] in ("term", "terms") else None
    if not inside or isinstance(inside[1], dict):
        return None
    return inside[0], inside[1] if isinstance(inside[1], list) else [inside[1]]
