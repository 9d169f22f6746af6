"""Numbers and dates as a question writes them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from nlq.periods import MONTHS

_NUMBER = re.compile(r"(?<![\w.,:/-])[$€£]?(\d{1,3}(?:,\d{3})+|\d{1,15})(\.\d{1,9})?(?![\w/:%-]|[.,]\d)")
# A number after one of these is a bound or a size, hardly a value.
_BOUND = re.compile(
    r"\b(?:over|under|above|below|than|least|most|exceeds?|exceeding|beyond|top|first|last|next|limit|up|to|and|about|"
    r"around|between|from|every|reach(?:ed|es)?|past|nearly|almost|approximately|roughly)\W{0,3}$",
    re.IGNORECASE,
)
_SHORT = [name[:3] for name in MONTHS]
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|"
    r"oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_YEAR = r"(?P<year>[12]\d{3})"
_DATES = tuple(
    re.compile(rf"(?<![\w.,:/-])(?:{pattern})(?![\w:/-]|[.,]\d)", re.IGNORECASE)
    for pattern in (
        r"(?P<year>[12]\d{3})(?P<sep>[-/])(?P<number>0[1-9]|1[0-2])(?P=sep)(?P<day>0[1-9]|[12]\d|3[01])",
        rf"{_MONTH}\s+(?P<day>[0-3]?\d)(?:st|nd|rd|th)?,?\s+{_YEAR}",
        rf"(?P<day>[0-3]?\d)(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH},?\s+{_YEAR}",
        r"(?P<year>[12]\d{3})-(?P<number>0[1-9]|1[0-2])",
        rf"{_MONTH},?\s+(?:of\s+)?{_YEAR}",
        _YEAR,
    )
)


@dataclass(frozen=True, slots=True)
class Mention:
    """A number, or a day, month or year in ISO 8601 with its half-open ``end``."""

    kind: str
    text: str
    start: int
    value: str | int | float
    end: str = ""


def numbers(question: str) -> Iterator[Mention]:
    """Numbers with three digits or more, or with decimals, that nothing compares with."""
    for found in _NUMBER.finditer(question):
        whole, decimals = found[1].replace(",", ""), found[2]
        if (len(whole) < 3 and not decimals) or _BOUND.search(question, 0, found.start()):
            continue
        value = float(whole + decimals) if decimals else int(whole)
        yield Mention("number", found[0], found.start(), value)


def amount(digits: str) -> float:
    """The number of digits that may have commas and a currency before them."""
    return float(digits.lstrip("$€£").replace(",", ""))


def dates(question: str) -> Iterator[Mention]:
    """Days, months and years of four digits, the most exact reading of each."""
    taken: list[tuple[int, int]] = []
    for pattern in _DATES:
        for found in pattern.finditer(question):
            if any(found.start() < end and start < found.end() for start, end in taken):
                continue
            if mention := _date(found, found.groupdict()):
                taken.append(found.span())
                yield mention


def _date(found: re.Match[str], parts: dict[str, str | None]) -> Mention | None:
    year, month, day = int(parts["year"] or 0), _month(parts), int(parts.get("day") or 0)
    try:
        first = date(year, month or 1, day or 1)
    except ValueError:
        return None
    if day:
        value, end = first.isoformat(), (first + timedelta(days=1)).isoformat()
    elif month:
        value, end = f"{year}-{month:02d}", f"{year + month // 12}-{month % 12 + 1:02d}"
    else:
        value, end = str(year), str(year + 1)
    return Mention("date", found[0], found.start(), value, end)


def _month(parts: dict[str, str | None]) -> int:
    if name := parts.get("month"):
        return _SHORT.index(name[:3].casefold()) + 1
    return int(parts.get("number") or 0)
