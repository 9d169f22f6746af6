"""Bounds as the question words them: "more than 50" leaves 50 out, "at least 50" keeps it.

    more, higher, later, longer, … than; over, above, beyond, exceeding, after        gt
    less, fewer, lower, earlier, … than; under, below, before                         lt
    older, younger, better, worse than                                                gt or lt, as the query has it
    at least, minimum of, since, from; N or more, or later, or above, …               gte
    at most, maximum of, up to; N or less, or earlier, or below, …                    lte

"No more than", "not before" and their like are the opposite, kept; "more than or equal to" is kept too. A model gets
the direction right and the strictness often wrong: beside words like "over" one in six of its bounds kept what it
should leave out (305 bounds of recorded candidates). A year is all its days: "after 1990" begins with 1991. Days
("after 12 May 1990") are read as numbers are.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from nlq.rewrite import Walk
from nlq.types import Body
from nlq.values.mentions import dates

_SCALES = {"k": 1e3, "thousand": 1e3, "million": 1e6, "mn": 1e6, "billion": 1e9, "bn": 1e9}
_NUMBER = (
    r"[$€£]?(?P<number>\d+(?:,\d{3})*(?:\.\d+)?)"
    rf"(?:[ -]?(?P<scale>{'|'.join(_SCALES)}))?(?![\w%]|[.,:/-]\d)"
)
MORE = "more|greater|higher|larger|bigger|longer|taller|heavier|later"
LESS = "less|fewer|lower|smaller|shorter|lighter|earlier"
_EITHER = "older|younger|better|worse"
_THAN = rf"\s+than\s+(?P<equal>or\s+equal\s+to\s+)?(?:the\s+year\s+)?{_NUMBER}"
_OR = rf"{_NUMBER}\s+(?:\w+\s+)?or\s+"

_NOT = re.compile(r"\b(?:no|not|nothing|never|none)\s+(?:\w+\s+)?$", re.IGNORECASE)
_ANY_NUMBER = re.compile(_NUMBER, re.IGNORECASE)
_CUES = tuple(
    (re.compile(rf"\b{words}", re.IGNORECASE), strict, bounds)
    for words, strict, bounds in (
        (rf"(?:{MORE}){_THAN}", True, ("gt", "gte")),
        (rf"(?:{LESS}){_THAN}", True, ("lt", "lte")),
        (rf"(?:{_EITHER}){_THAN}", True, ("gt", "gte", "lt", "lte")),
        (rf"(?:over|above|beyond|exceed(?:s|ed|ing)?|after)\s+(?:the\s+year\s+)?{_NUMBER}", True, ("gt", "gte")),
        (rf"(?:under|below|before)\s+(?:the\s+year\s+)?{_NUMBER}", True, ("lt", "lte")),
        (rf"(?:at\s+least|minimum\s+of|since|from)\s+{_NUMBER}", False, ("gt", "gte")),
        (rf"(?:at\s+most|maximum\s+of|up\s+to)\s+{_NUMBER}", False, ("lt", "lte")),
        (rf"{_OR}(?:{MORE}|above|over|after|up)\b", False, ("gt", "gte")),
        (rf"{_OR}(?:{LESS}|below|under|before)\b", False, ("lt", "lte")),
    )
)
_DAY_CUES = tuple(
    (re.compile(rf"\b(?:{words})\s+(?:the\s+)?$", re.IGNORECASE), strict, bounds)
    for words, strict, bounds in (
        (r"(?<!\bor\s)after|(?:later|newer)\s+than", True, ("gt", "gte")),
        (r"(?<!\bor\s)before|prior\s+to|(?:earlier|older)\s+than", True, ("lt", "lte")),
        (r"since", False, ("gt", "gte")),
    )
)
_DAY = re.compile(r"[12]\d{3}-\d{2}-\d{2}")
_YEAR = re.compile(r"[12]\d{3}")
_STRICT = {"gte": "gt", "lte": "lt"}
_KEPT = {"gt": "gte", "lt": "lte"}

Worded = Mapping[str, tuple[bool, tuple[str, ...]]]
"""Numbers as plain digits; whether the question leaves them out, and the bounds that its words speak of."""


def as_worded(body: Body, question: str) -> Body:
    """A copy whose ranges leave out or keep their bounds as ``question`` says.

    Left alone: a number that the question has twice or the body has as two bounds, one whose direction is not the
    question's, and a body that negates a range.
    """
    said = _worded(question)
    if not said or _negates_a_range(body):
        return body
    bounds = Counter(_bounds(body, said))
    clear = {number: said[number] for number, times in bounds.items() if times == 1}

    def leaf(kind: str, content: Any) -> Body:
        if kind != "range" or not isinstance(content, dict):
            return {kind: content}
        return {kind: {field: _range(spec, clear) for field, spec in content.items()}}

    return Walk(leaf=leaf).body(body) if clear else body


def _worded(question: str) -> Worded:
    times = Counter(map(_amount, _ANY_NUMBER.finditer(question)))
    said: dict[str, tuple[bool, tuple[str, ...]]] = {}
    for cue, strict, bounds in _CUES:
        for found in cue.finditer(question):
            number = _amount(found)
            negated = _NOT.search(question, 0, found.start()) is not None
            if times[number] != 1 or (negated and not strict):
                continue
            turned = tuple(_opposite(bound) for bound in bounds) if negated else bounds
            said[number] = (strict and not negated and not found.groupdict().get("equal"), turned)
    return {**said, **_worded_days(question)}


def _worded_days(question: str) -> Worded:
    days = [mention for mention in dates(question) if _DAY.fullmatch(str(mention.value))]
    said: dict[str, tuple[bool, tuple[str, ...]]] = {}
    for day in days:
        for cue, strict, bounds in _DAY_CUES:
            found = cue.search(question, 0, day.start)
            if not found or sum(day.value == other.value for other in days) > 1:
                continue
            negated = _NOT.search(question, 0, found.start()) is not None
            if strict or not negated:
                said[str(day.value)] = (strict and not negated, tuple(map(_opposite, bounds)) if negated else bounds)
    return said


def _range(spec: Any, said: Worded) -> Any:
    if not isinstance(spec, dict):
        return spec
    out: Body = {}
    for bound, value in spec.items():
        found = _said(bound, value, said)
        if found is None:
            out[bound] = value
            continue
        number, strict = found
        turn = _STRICT if strict else _KEPT
        new = turn.get(bound) or bound
        whole_year = isinstance(value, str) and (new != bound or new == "gt")
        out[new] = number if whole_year else value
    return out


def _bounds(node: Any, said: Worded) -> Iterator[str]:
    """The numbers of the question that are bounds in the node, each as often as it is one."""
    if isinstance(node, list):
        for item in node:
            yield from _bounds(item, said)
    elif isinstance(node, dict):
        for key, value in node.items():
            if (found := _said(key, value, said)) is not None:
                yield found[0]
            yield from _bounds(value, said)


def _said(bound: str, value: Any, said: Worded) -> tuple[str, bool] | None:
    """The number of the question that a bound has, and whether it is left out; None where the question says neither."""
    if bound not in ("gt", "gte", "lt", "lte"):
        return None
    number = _number(value)
    strict, bounds = said.get(number, (False, ()))
    return (number, strict) if bound in bounds else None


def _number(value: Any) -> str:
    """Plain digits of a number, or of a year written as its first day; a day as it is; "" for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return ""
    if isinstance(value, str) and _DAY.fullmatch(value) and not value.endswith("-01-01"):
        return value
    text = str(value).removesuffix("-01-01").removesuffix("-01") if isinstance(value, str) else repr(value)
    return text if isinstance(value, str) and _YEAR.fullmatch(text) else _plain(text)


def _amount(found: re.Match[str]) -> str:
    return _plain(found["number"], scale=_SCALES.get((found["scale"] or "").lower(), 1))


def _plain(number: str, *, scale: float = 1) -> str:
    try:
        return f"{float(number.replace(',', '')) * scale:.12g}"
    except ValueError:
        return ""


def _opposite(bound: str) -> str:
    return {"gt": "lt", "gte": "lte", "lt": "gt", "lte": "gte"}[bound]


def _negates_a_range(node: Any, *, negated: bool = False) -> bool:
    if isinstance(node, list):
        return any(_negates_a_range(item, negated=negated) for item in node)
    return isinstance(node, dict) and any(
        (negated and key == "range") or _negates_a_range(value, negated=negated or key == "must_not")
        for key, value in node.items()
    )
