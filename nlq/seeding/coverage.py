"""What has been covered so far, clauses × fields, and what to ask for next."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from nlq.query_schema import BOOLEAN, DATE, KEYWORD, NUMBER, TEXT
from nlq.seeding.facts import Facts
from nlq.types import Body, Field, IndexSchema

Cell = tuple[str, str]
"""A clause and a field that it is used on."""

_EXACT = KEYWORD - {"flattened", "join", "version", "ip"}
_TRIED = 0.3  # what a try that failed counts beside one that was kept: cells that never succeed do not starve others


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause with the fields it makes sense on, and how often it is asked for beside the others of its kinds.
    ``says`` tells a teacher what is meant."""

    name: str
    weight: int
    says: str
    fits: Callable[[Field, Facts], bool]


def _searched(kinds: frozenset[str]) -> Callable[[Field, Facts], bool]:
    return lambda f, facts: f.searchable and f.kind in kinds and bool(facts.literals(f))


def _computed(kinds: frozenset[str]) -> Callable[[Field, Facts], bool]:
    return lambda f, facts: f.aggregatable and f.kind in kinds and facts.distinct(f) > 1


def _grouped(f: Field, facts: Facts) -> bool:
    return f.aggregatable and f.kind in _EXACT | BOOLEAN and facts.groups(f)


def _partly(f: Field, facts: Facts) -> bool:
    return f.searchable and f.parent is None and f.kind != "nested" and facts.partly(f)


def _common(f: Field, facts: Facts) -> bool:
    return _searched(_EXACT | BOOLEAN)(f, facts) and facts.groups(f)


def _other(f: Field, facts: Facts) -> bool:
    """Values that somebody would exclude; of two, one names the other."""
    return _common(f, facts) and f.kind not in BOOLEAN and facts.distinct(f) > 2


def _many(f: Field, facts: Facts) -> bool:
    return _grouped(f, facts) and facts.distinct(f) > 2


def _rare(f: Field, facts: Facts) -> bool:
    return _searched(_EXACT)(f, facts) and facts.identifies(f)


def _several(f: Field, facts: Facts) -> bool:
    return _searched(_EXACT)(f, facts) and facts.distinct(f) > 3 and not facts.identifies(f)


def _names(f: Field, facts: Facts) -> bool:
    """Values whose first letters somebody would search for."""
    return _searched(_EXACT)(f, facts) and facts.distinct(f) > 12


def _summed(f: Field, facts: Facts) -> bool:
    return _computed(NUMBER)(f, facts) and not yearly(f, facts)


def yearly(f: Field, facts: Facts) -> bool:
    """Whether the numbers of a field are years."""
    values = facts.of(f)
    whole = bool(values) and all(isinstance(v, int) and 1000 <= v <= 2100 for v in values)
    return whole and facts.distinct(f) > 3 and max(values) - min(values) < 300


CLAUSES: Mapping[str, Clause] = {
    c.name: c
    for c in (
        Clause("term", 4, "a field has exactly this value", _common),
        Clause("lookup", 1, "one document is found by a value that only it has", _rare),
        Clause("terms", 2, "a field has one of several values", _several),
        Clause("must_not", 2, "a field does not have this value", _other),
        Clause("range", 4, "a number or date is above, below or between", _searched(NUMBER | DATE)),
        Clause("exists", 2, "a field is filled, or is empty", _partly),
        Clause("prefix", 1, "a value begins with these letters", _names),
        Clause("match", 3, "a text has these words", _searched(TEXT)),
        Clause("match_phrase", 1, "a text has these words in this order", _searched(TEXT)),
        Clause("sort", 1, "documents in the order of a field", _computed(NUMBER | DATE)),
        Clause("avg", 4, "the average of a field", _summed),
        Clause("sum", 3, "the sum of a field", _summed),
        Clause("min", 2, "the lowest value of a field", _computed(NUMBER | DATE)),
        Clause("max", 3, "the highest value of a field", _computed(NUMBER | DATE)),
        Clause("cardinality", 3, "how many different values a field has", _computed(_EXACT)),
        Clause("group", 1, "one group of documents for each value of a field", _grouped),
        Clause("having", 1, "only those groups of a field whose count or number is above or below", _many),
        Clause("date_histogram", 1, "one group for each year, month, week or day", _computed(DATE)),
        Clause("over", 1, "one number over the groups of a field: the average or highest count", _many),
    )
}
_CONDITIONS = ("term", "terms", "must_not", "range", "exists", "prefix", "match", "match_phrase")
_METRICS = ("avg", "sum", "min", "max", "cardinality")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of query that people ask: how often among 100, and the clauses it is made around, each of which needs a
    field. It also needs one for ``besides``, where that is given."""

    name: str
    weight: int
    clauses: tuple[str, ...]
    says: str
    besides: str = ""


KINDS = (
    Kind("count", 14, _CONDITIONS, "how many documents meet one to three conditions"),
    Kind("list", 18, _CONDITIONS, "the documents that meet one to three conditions"),
    Kind("fields", 8, _CONDITIONS, "one to three named fields of the documents that meet a condition"),
    Kind("lookup", 5, ("lookup",), "one or two fields of the one document with a certain name or number"),
    Kind("top", 11, ("sort",), "the first few documents in an order, with or without a condition"),
    Kind("sorted", 4, ("sort",), "all documents that meet a condition, in an order"),
    Kind("metric", 12, _METRICS, "one number over documents, with or without conditions"),
    Kind("groups", 9, ("group",), "the number of documents for each value of a field"),
    Kind("best group", 4, ("group",), "the value, or the few values, with the most documents"),
    Kind("group numbers", 7, ("group",), "a number for each value of a field, in an order or not", besides="avg"),
    Kind("having", 5, ("having",), "the groups whose count or number is above or below a limit"),
    Kind("timeline", 5, ("date_histogram",), "a count or number for each year, month, week or day"),
    Kind("over groups", 2, ("over",), "one number over all groups, as the average count per group"),
)
"""How much of each kind is made. Nested fields and texts come with the cells: every field has the same claim."""


@dataclass(frozen=True, slots=True)
class Target:
    """What to make next: a kind of query around one clause on one field."""

    kind: Kind
    clause: str
    field: Field

    @property
    def cell(self) -> Cell:
        return self.clause, self.field.name


@dataclass(slots=True)
class Plan:
    """Counts what was kept and what was tried, by kind and by cell; gives the target that lacks most."""

    index: IndexSchema
    facts: Facts
    kept: Counter[Cell] = field(default_factory=Counter)
    tried: Counter[Cell] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    kinds_tried: Counter[str] = field(default_factory=Counter)
    possible: tuple[Cell, ...] = ()

    def __post_init__(self) -> None:
        self.possible = tuple(
            (c.name, f.name) for c in CLAUSES.values() for f in self.index.fields if c.fits(f, self.facts)
        )

    def target(self, rng: random.Random) -> Target | None:
        """The kind furthest behind its weight, the clause of it that is, and the field on which that was covered
        least; None where nothing can be asked of the index."""
        reached = {clause for clause, _ in self.possible}
        kinds = [k for k in KINDS if reached.intersection(k.clauses) and (k.besides in reached or not k.besides)]
        if not kinds:
            return None
        kind = min(kinds, key=lambda k: (self._made(k.name) + rng.random()) / k.weight)
        made = dict.fromkeys(reached, 0.0)
        for cell in self.possible:
            made[cell[0]] += self._covered(cell)
        clauses = [CLAUSES[name] for name in kind.clauses if name in reached]
        clause = min(clauses, key=lambda c: (made[c.name] + rng.random()) / c.weight).name
        cells = [cell for cell in self.possible if cell[0] == clause]
        _, name = min(cells, key=lambda c: self._covered(c) + rng.random() / 2)
        found = self.index.field(name)
        return Target(kind, clause, found) if found else None

    def targets(self, number: int, rng: random.Random) -> list[Target]:
        """Several targets, each chosen as if those before it were kept; fewer where there are none."""
        found: list[Target] = []
        ahead = replace(self, kept=self.kept.copy(), kinds=self.kinds.copy())
        while len(found) < number and (target := ahead.target(rng)):
            ahead.note(target.kind.name, target.cell, kept=True)
            found.append(target)
        return found

    def note(self, kind: str, cell: Cell, query: Body | None = None, *, kept: bool) -> None:
        """Count what was made for a target, ``query`` None where nothing could be."""
        (self.kinds if kept else self.kinds_tried)[kind] += 1
        found = cells(query, self.index) if query else frozenset[Cell]()
        (self.kept if kept else self.tried).update(found | {cell})

    def _covered(self, cell: Cell) -> float:
        return self.kept[cell] + _TRIED * self.tried[cell]

    def _made(self, kind: str) -> float:
        return self.kinds[kind] + _TRIED * self.kinds_tried[kind]


def cells(query: Body, index: IndexSchema) -> frozenset[Cell]:
    """The clauses of a body with the fields they are on, named as in CLAUSES."""
    return frozenset(_cells(query, {f.name for f in index.fields}, under=""))


def _cells(node: Any, names: set[str], *, under: str) -> Iterator[Cell]:
    if isinstance(node, list):
        for item in node:
            yield from _cells(item, names, under=under)
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        if key in names and under:
            yield under, key
        elif key == "field" and isinstance(value, str) and value in names:
            yield ("group" if under == "terms" else under), value
        elif key == "must_not":
            yield from (("must_not", name) for _, name in _cells(value, names, under=key))
        elif key != "_source":
            yield from _cells(value, names, under=key)
    if _grouping(node) and ({"keep"} & node.get("aggs", {}).keys() or "min_doc_count" in node["terms"]):
        yield "having", node["terms"]["field"]
    if "over" in node and isinstance(groups := node.get("groups"), dict) and _grouping(groups):
        yield "over", groups["terms"]["field"]


def _grouping(node: Mapping[str, Any]) -> bool:
    terms = node.get("terms")
    return isinstance(terms, dict) and isinstance(terms.get("field"), str)
