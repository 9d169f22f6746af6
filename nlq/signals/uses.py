"""Whether a query uses what its question says: a number, a linked value."""

from __future__ import annotations

from typing import Any

from nlq.signals.asked import Number, day, numbers
from nlq.signals.facts import Facts
from nlq.types import LinkedValue
from nlq.values.words import fold


def uses_number(number: Number, facts: Facts) -> bool:
    """Whether the query has the number anywhere; one inside a linked value or a period counts with it."""
    end = number.start + len(number.text)
    periods = [p for p in facts.view.periods if _covers(p.text, number.start, end, facts)]
    links = [v for v in facts.view.values if _covers(v.text, number.start, end, facts)]
    by_period = any(float(p.start.year) in facts.parts.numbers for p in periods)
    return by_period or any(uses_link(link, facts) for link in links) or _has(number, facts)


def uses_link(link: LinkedValue, facts: Facts) -> bool:
    """Whether the query has the linked value, a boolean on its own field, another on any."""
    held = facts.parts.values
    if isinstance(link.value, bool):
        return any(v.field == link.field and (v.value != v.negated) is link.value for v in held)
    said = [number for number in numbers(str(link.value)) if number.text == str(link.value)]
    if said and _has(said[0], facts):
        return True
    wanted = {fold(str(link.value)), fold(link.text)}
    texts = [f" {fold(v.value)} " for v in held if isinstance(v.value, str)]
    return any(f" {each} " in text for text in texts for each in wanted)


def _has(number: Number, facts: Facts) -> bool:
    """Whether the query has the number, or a bound at the next one: 16 or more is more than 15."""
    wanted = {number.value, number.value / 100} if number.percent else {number.value}
    if any(abs(n - have) < 1e-9 * max(1.0, n) for n in wanted for have in facts.parts.numbers):
        return True
    bounds = [_plain(v.value) for v in facts.parts.values if v.bound]
    return any(bound is not None and abs(abs(bound) - number.value) == 1 for bound in bounds)


def _plain(value: Any) -> float | None:
    """A number, or the year of a date."""
    if isinstance(value, int | float):
        return float(value)
    when = day(value)
    return float(when.year) if when else None


def _covers(text: str, start: int, end: int, facts: Facts) -> bool:
    at = facts.asked.text.find(text)
    return 0 <= at <= start and end <= at + len(text)
