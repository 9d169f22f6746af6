"""Queries made of queries: booleans, nested objects, parents and children."""

from __future__ import annotations

from nlq.readback.fulltext import at_least
from nlq.readback.hits import inner_hits
from nlq.readback.words import Spec, many, name, shown

EVERYTHING = "everything"

_PARENTHESES = frozenset(
    "bool constant_score dis_max boosting function_score pinned distance_feature rank_feature more_like_this knn "
    "intervals span_near span_or".split()
)
"""Clauses whose readings may hold "and", "or" or a comma, so that they need parentheses beside others."""


def bool_(spec: Spec) -> str:
    parts = [_beside(clause, spec.read(clause)) for key in ("must", "filter") for clause in _clauses(spec, key)]
    should = _clauses(spec, "should")
    excluded = [_not(clause, spec) for clause in _clauses(spec, "must_not")]
    either = [_should(spec, should, optional=bool(parts), alone=not parts and not excluded)] if should else []
    return " and ".join(part for part in (*parts, *either, *excluded) if part != EVERYTHING) or EVERYTHING


def _clauses(spec: Spec, key: str) -> list[object]:
    value = spec.take(key)
    return [] if value is None else many(value)


def _should(spec: Spec, should: list[object], *, optional: bool, alone: bool) -> str:
    """The alternatives and how many of them it takes; without a minimum, one, or none beside required clauses.
    ``alone`` says that nothing follows, so that they need no parentheses."""
    least = spec.get("minimum_should_match")
    needed = at_least(least)
    texts = [spec.read(clause) for clause in should]
    clauses = [_beside(clause, text) for clause, text in zip(should, texts, strict=True)]
    either = f"({' or '.join(clauses if len(clauses) > 1 else texts)})"
    if least is not None and needed is None and str(least).strip("+") != "0":
        return either  # a formula: it is said with the rest
    spec.take("minimum_should_match")
    if needed is None and (optional or least is not None):
        return f"preferably {either}"
    if needed in (None, "at least 1"):
        return " or ".join(clauses) if alone or len(clauses) == 1 else either
    return f"{needed} of {either}"


def _not(clause: object, spec: Spec) -> str:
    exists = clause.get("exists") if isinstance(clause, dict) and set(clause) == {"exists"} else None
    if isinstance(exists, dict) and set(exists) == {"field"} and isinstance(exists["field"], str):
        return f"{name(exists['field'])} has no value"
    return f"not ({spec.read(clause)})"


def _beside(clause: object, text: str) -> str:
    """The reading of a clause as it stands beside others."""
    alone = isinstance(clause, dict) and _PARENTHESES.isdisjoint(clause)
    return text if alone or text == EVERYTHING else f"({text})"


def nested(spec: Spec) -> str:
    return f"some of {spec.name('path')} has ({spec.clause('query')}){inner_hits(spec)}"


def has_child(spec: Spec) -> str:
    least, most = spec.take("min_children"), spec.take("max_children")
    amounts = [] if least is None else [f"at least {shown(least)}"]
    amounts += [] if most is None else [f"at most {shown(most)}"]
    some = f"{' and '.join(amounts)} children" if amounts else "a child"
    return f"it has {some} of type {spec.name('type')} with ({spec.clause('query')}){inner_hits(spec)}"


def has_parent(spec: Spec) -> str:
    return f"it has a parent of type {spec.name('parent_type')} with ({spec.clause('query')}){inner_hits(spec)}"


def parent_id(spec: Spec) -> str:
    return f"it is a child of type {spec.name('type')} of {shown(spec.need('id'))}"
