"""Intervals and span queries: where in a text words stand."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nlq.readback.terms import range_
from nlq.readback.words import Odd, Spec, many, shown

_FILTERS = {
    "after": "after",
    "before": "before",
    "contained_by": "inside",
    "containing": "around",
    "not_contained_by": "not inside",
    "not_containing": "not around",
    "not_overlapping": "not overlapping",
    "overlapping": "overlapping",
}


def intervals(spec: Spec) -> str:
    """Follows the name of the field."""
    return f"contains {_rule(spec)}"


def _rule(spec: Spec) -> str:
    kind = next((key for key in spec.keys if key in _RULES), None)
    if kind is None:
        raise Odd
    rule = spec.child(spec.need(kind))
    text = _RULES[kind](rule)
    if rule.take("ordered"):
        text += " in this order"
    filters = rule.take("filter")
    text = rule.rest(text)
    return text if filters is None else f"{text} {_filters(rule.child(filters))}"


def _filters(spec: Spec) -> str:
    found = [f"{_FILTERS[key]} {_inner(spec, spec.take(key))}" for key in spec.keys if key in _FILTERS]
    return spec.rest(" and ".join(found))


def _inner(spec: Spec, value: object) -> str:
    rule = spec.child(value)
    return rule.rest(_rule(rule))


def _all_or_any(spec: Spec, joint: str) -> str:
    rules = [_inner(spec, rule) for rule in many(spec.need("intervals"))]
    if not rules:
        raise Odd
    return f"({joint.join(rules)})"


_RULES: Mapping[str, Callable[[Spec], str]] = {
    "match": lambda spec: shown(spec.need("query")),
    "all_of": lambda spec: _all_or_any(spec, " and "),
    "any_of": lambda spec: _all_or_any(spec, " or "),
    "prefix": lambda spec: f"a word that starts with {shown(spec.need('prefix'))}",
    "wildcard": lambda spec: f"a word that looks like {shown(spec.need('pattern'))}",
    "regexp": lambda spec: f"a word that matches the pattern {shown(spec.need('pattern'))}",
    "fuzzy": lambda spec: f"a word spelled about like {shown(spec.need('term'))}",
    "range": lambda spec: f"a word {range_(spec)}",
}


def span_term(spec: Spec) -> str:
    field, value = spec.field("boost", "_name")
    return f"{field} has the word {shown(spec.child(value, 'value').need('value', 'term'))}"


def span_near(spec: Spec) -> str:
    text = _joined(spec, " near ")
    order = spec.take("in_order")
    return text if order is None else f"{text}, {'in this order' if order is True else 'in any order'}"


def span_or(spec: Spec) -> str:
    return _joined(spec, " or ")


def span_not(spec: Spec) -> str:
    return f"{_span(spec, 'include')} not overlapping {_span(spec, 'exclude')}"


def span_first(spec: Spec) -> str:
    return f"{_span(spec, 'match')} within the first {shown(spec.need('end'))} words"


def span_containing(spec: Spec) -> str:
    return f"{_span(spec, 'big')} around {_span(spec, 'little')}"


def span_within(spec: Spec) -> str:
    return f"{_span(spec, 'little')} inside {_span(spec, 'big')}"


def span_multi(spec: Spec) -> str:
    return f"a word where {spec.clause('match')}"


def span_field_masking(spec: Spec) -> str:
    return f"{_span(spec, 'query')} taken as in {spec.name('field')}"


def span_gap(spec: Spec) -> str:
    field, width = spec.field()
    return f"a gap of {shown(width)} in {field}"


def _joined(spec: Spec, joint: str) -> str:
    clauses = [f"({spec.read(clause)})" for clause in many(spec.need("clauses"))]
    if not clauses:
        raise Odd
    return joint.join(clauses)


def _span(spec: Spec, key: str) -> str:
    return f"({spec.clause(key)})"
