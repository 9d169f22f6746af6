"""Ranges that a question leaves open: "after 12 May 1990" has no last day.

Models that have seen many whole months and years add the other end ("before 1990-06-01"). It is taken out where the
question says one end only: its words compare with one number or date, in one direction, and nothing in them could be
the other end. "From 2015" is left alone: it may mean that year.
"""

from __future__ import annotations

import re
from typing import Any

from nlq.bounds import LESS, MORE
from nlq.rewrite import Walk
from nlq.types import Body
from nlq.values.mentions import Mention, amount, dates

_LOWER, _UPPER = ("gt", "gte"), ("lt", "lte")
_AFTER = (
    r"after|since|past|starting(?:\s+(?:in|from|with|on))?|over|above|beyond|exceed\w*"
    rf"|(?:{MORE}|newer)\s+than|at\s+least|minimum\s+of"
)
_BEFORE = (
    r"before|until|till|prior\s+to|up\s+to|under|below"
    rf"|(?:{LESS}|older)\s+than|at\s+most|maximum\s+of"
)
_DIGITS = r"[$€£]?\d[\d,]*(?:\.\d+)?"
_SPAN = re.compile(
    r"\b(?:between|within|during|range|ranging)\b|(?<![-\d])\d+\s*[-–—]\s*\d+(?![-\d])"
    rf"|\b(?:to|through|thru|and)\s+{_DIGITS}|\d0['’]?s\b",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"\b(?:decades?|centur(?:y|ies)|quarters?|halfs?|halves|summer|winter|spring|autumn|fall|weekends?|today|yesterday"
    r"|(?:last|past|next|this|same|recent)\s+\w*\s*(?:days?|weeks?|months?|years?))\b",
    re.IGNORECASE,
)


def open_ended(body: Body, question: str) -> Body:
    """A copy without the ends of ranges that ``question`` leaves open."""
    after, before = (_compared(words, question) for words in (_AFTER, _BEFORE))
    if _SPAN.search(question) or len(after) + len(before) != 1:
        return body
    asked, invented = (_LOWER, _UPPER) if after else (_UPPER, _LOWER)
    [said] = after or before
    named = list(dates(question))

    def leaf(kind: str, content: Any) -> Body:
        if kind != "range" or not isinstance(content, dict):
            return {kind: content}
        return {kind: {field: _open(spec) for field, spec in content.items()}}

    def _open(spec: Any) -> Any:
        ends = [spec[key] for key in asked if key in spec] if isinstance(spec, dict) else []
        others = [spec[key] for key in invented if key in spec] if ends else []
        if len(ends) != 1 or len(others) != 1 or not _is_said(ends[0], said, named) or _meant(others[0], question):
            return spec
        if isinstance(ends[0], str) and (len(named) != 1 or _TIME.search(question)):
            return spec
        return {key: value for key, value in spec.items() if key not in invented}

    return Walk(leaf=leaf).body(body)


def _compared(words: str, question: str) -> list[str]:
    """What stands behind such words and begins a number or a date."""
    cue = rf"\b(?:{words})\s+(?:the\s+year\s+|the\s+)?(?=[$€£]?\d|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec))"
    return [question[found.end() :] for found in re.finditer(cue, question, re.IGNORECASE)]


def _is_said(end: Any, said: str, named: list[Mention]) -> bool:
    """Whether the end of a range is what the question compares with: the date or number that ``said`` begins with."""
    if isinstance(end, str):
        return any(
            said.startswith(m.text) and (end.startswith(str(m.value)) or end in (m.end, _first(m))) for m in named
        )
    found = re.match(_DIGITS, said)
    return found is not None and not isinstance(end, bool) and isinstance(end, int | float) and amount(found[0]) == end


def _first(mention: Mention) -> str:
    """The first day after a year or a month, which a model may write in full."""
    return mention.end + "-01" * (2 - mention.end.count("-"))


def _meant(end: Any, question: str) -> bool:
    """Whether the question may have meant this end of a range: it has the number, or the text is no date."""
    if isinstance(end, str):
        return not re.match(r"\d{4}|now", end)
    return isinstance(end, bool) or any(amount(found) == end for found in re.findall(_DIGITS, question))
