"""Periods of time that a question names relative to today, and those whose bounds are easy to get wrong.

All periods are whole days, half-open: from ``start`` up to but not including ``end``. Weeks start on Monday (ISO 8601),
decades on their round year, centuries in the year '01. How phrases are read, on Saturday 2026-11-21:

    phrase                                          reading                             start        end
    today, yesterday, tomorrow                      that day                            2026-11-21   2026-11-22
    the day before yesterday, after tomorrow        that day                            2026-11-19   2026-11-20
    this|current week, month, quarter, year         all of the one that holds today     2026-11-01   2026-12-01
    last|previous month, the previous month         all of the one before               2026-10-01   2026-11-01
    next|coming month                               all of the one after                2026-12-01   2027-01-01
    past month, the last month                      back to the same day, and today     2026-10-21   2026-11-22
    last|past 3 weeks, the last two years           back to the same day, and today     2026-10-31   2026-11-22
    next 10 days                                    today, and on to the same day       2026-11-21   2026-12-02
    3 days ago, two years ago, a month ago          all of the day, week, … back there  2024-01-01   2025-01-01
    this|last|next weekend                          Saturday and Sunday of that week    2026-11-14   2026-11-16
    last Monday                                     the latest before today             2026-11-16   2026-11-17
    next Monday                                     the first after today               2026-11-23   2026-11-24
    this Monday                                     the one of this week                2026-11-16   2026-11-17
    in March, during March                          the latest that has begun           2026-03-01   2026-04-01
    last|this|next March                            latest ended, this year's, to begin 2027-03-01   2027-04-01
    from March to May                               the latest whose start has begun    2026-03-01   2026-06-01
    March 2020, Q3 2021, third quarter of 2021, H1 2020   that one                      2020-03-01   2020-04-01
    Q3                                              the latest that has begun           2026-07-01   2026-10-01
    year to date, so far this year                  from its first day, and today       2026-01-01   2026-11-22
    1990s, the 90s, '90s, the nineties              the ten years                       1990-01-01   2000-01-01
    19th century, the nineteenth century            the hundred years                   1801-01-01   1901-01-01
    since X, for any of these, since Monday         from its first day, and today       2026-11-16   2026-11-22

Left out as unclear or well enough understood without help: hours and minutes, "recently", bare weekdays ("on Monday"),
"the 1800s", "the twenties", parts ("early 1990s", "the last week of March"), full dates ("3 March 2020"), single years,
ages ("in his 40s") and distances ("more than 2 years ago").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

UNITS = ("day", "week", "month", "quarter", "year")
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = tuple(
    "january february march april may june july august september october november december".split()
)  # fmt: skip
_SHORT = {"jan": 1, "feb": 2, "mar": 3, "apr": 4, "jun": 6, "jul": 7, "aug": 8, "sep": 9, "sept": 9, "oct": 10}
_SHORT |= {"nov": 11, "dec": 12}
_WORDS = "one two three four five six seven eight nine ten eleven twelve".split()
_NUMBERS = {word: i for i, word in enumerate(_WORDS, 1)} | {"a": 1, "an": 1, "couple of": 2}
_ORDINALS = {"first": 1, "1st": 1, "second": 2, "2nd": 2, "third": 3, "3rd": 3, "fourth": 4, "4th": 4, "last": 4}
_DECADES = {"thirties": 1930, "forties": 1940, "fifties": 1950, "sixties": 1960, "seventies": 1970}
_DECADES |= {"eighties": 1980, "nineties": 1990}
_CENTURIES = {"seventeenth": 17, "eighteenth": 18, "nineteenth": 19, "twentieth": 20, "twenty-first": 21}
_MONTH_OF = {name: i for i, name in enumerate(MONTHS, 1)} | _SHORT


@dataclass(frozen=True, slots=True)
class Period:
    """Words of a question and the days they mean: ``start`` is in, ``end`` is not."""

    text: str
    start: date
    end: date


Days = tuple[date, date]
_Reading = Callable[[re.Match[str], date], Days | None]


def periods(question: str, today: date) -> tuple[Period, ...]:
    """The periods that the question names, in its order, none inside another; () where it names none."""
    found: list[tuple[int, int, Days]] = []
    for pattern, reading in _GRAMMAR:
        for match in pattern.finditer(question):
            first, last = match.span("said" if "said" in pattern.groupindex else 0)
            if any(first < end and start < last for start, end, _ in found):
                continue
            try:
                days = reading(match, today)
            except (OverflowError, ValueError):  # beyond the years 1 to 9999
                continue
            if days and days[0] < days[1]:
                found.append((first, last, days))
    return tuple(dict.fromkeys(_named(question, today, found)))


def _named(question: str, today: date, found: list[tuple[int, int, Days]]) -> Iterator[Period]:
    for start, end, days in sorted(found):
        text = question[start:end]
        far = text.casefold().endswith("ago") and _DISTANCE.search(question, 0, start)
        dated = text.split()[0].rstrip(".").casefold() in _MONTH_OF and _DAY_OF.search(question, 0, start)
        if far or dated or _PART.search(question, 0, start):
            continue
        since = _SINCE.search(question, 0, start)
        if since and days[0] <= today:
            yield Period(question[since.start() : end], days[0], _after(today))
        else:
            yield Period(text, *days)


def _after(day: date) -> date:
    return day + timedelta(days=1)


def _moved(day: date, unit: str, n: int) -> date:
    """The same day ``n`` units on, or the last of a shorter month."""
    if unit in ("day", "week"):
        return day + timedelta(days=n * (7 if unit == "week" else 1))
    months = day.year * 12 + day.month - 1 + n * {"month": 1, "quarter": 3, "year": 12}[unit]
    first = date(months // 12, months % 12 + 1, 1)
    return min(first + timedelta(days=day.day - 1), _whole(first, "month")[1] - timedelta(days=1))


def _whole(day: date, unit: str) -> Days:
    """The calendar unit that holds ``day``."""
    start = {
        "day": day,
        "week": day - timedelta(days=day.weekday()),
        "month": day.replace(day=1),
        "quarter": date(day.year, (day.month - 1) // 3 * 3 + 1, 1),
        "year": date(day.year, 1, 1),
    }[unit]
    if unit in ("day", "week"):
        return start, start + timedelta(days=7 if unit == "week" else 1)
    months = start.year * 12 + start.month - 1 + {"month": 1, "quarter": 3, "year": 12}[unit]
    return start, date(months // 12, months % 12 + 1, 1)


def _number(text: str) -> int:
    return int(text) if text.isdigit() else _NUMBERS[" ".join(text.casefold().split())]


def _step(word: str) -> int:
    """Which one "last", "this" or "next" is, counted from the present one."""
    return {"this": 0, "current": 0, "next": 1, "coming": 1, "upcoming": 1}.get(word.casefold(), -1)


def _named_day(match: re.Match[str], today: date) -> Days:
    offsets = {"today": 0, "yesterday": -1, "tomorrow": 1}
    text = " ".join(match[0].casefold().split())
    far = {"before": -1, "after": 1}.get(text.split()[-2] if " " in text else "", 0)
    return _whole(today + timedelta(days=offsets[text.split()[-1]] + far), "day")


def _unit(match: re.Match[str], today: date) -> Days:
    unit, word = match["unit"].casefold(), match["step"].casefold()
    if unit != "day" and (word == "past" or (match["the"] and word == "last")):
        return _moved(today, unit, -1), _after(today)
    return _whole(_moved(today, unit, _step(word)), unit)


def _span(match: re.Match[str], today: date) -> Days | None:
    n, unit = _number(match["n"]), match["unit"].casefold()
    if n == 0:
        return None
    if _step(match["step"]) > 0:
        return today, _after(_moved(today, unit, n))
    return _moved(today, unit, -n), _after(today)


def _ago(match: re.Match[str], today: date) -> Days:
    unit = match["unit"].casefold()
    return _whole(_moved(today, unit, -_number(match["n"])), unit)


def _weekend(match: re.Match[str], today: date) -> Days:
    monday = _whole(today, "week")[0] + timedelta(days=7 * _step(match["step"]))
    return monday + timedelta(days=5), monday + timedelta(days=7)


def _weekday(match: re.Match[str], today: date) -> Days:
    wanted, step = _DAYS.index(match["day"].casefold()), _step(match["step"])
    here = _whole(today, "week")[0] + timedelta(days=wanted)
    if step < 0 and here >= today:
        here -= timedelta(days=7)
    if step > 0 and here <= today:
        here += timedelta(days=7)
    return _whole(here, "day")


def _since_weekday(match: re.Match[str], today: date) -> Days:
    back = (today.weekday() - _DAYS.index(match["said"].casefold())) % 7
    return _whole(today - timedelta(days=back), "day")


def _month(match: re.Match[str], today: date) -> Days | None:
    name, word = match["said"].split()[-1], match["word"].casefold()
    month, year = _MONTH_OF[name.casefold()], today.year
    if name in ("may", "march") and word in _BEFORE_VERBS:
        return None
    if word == "last" and month >= today.month:
        year -= 1
    elif word == "next" and month <= today.month:
        year += 1
    elif word not in ("last", "next", "this") and month > today.month:
        year -= 1
    return _whole(date(year, month, 1), "month")


def _months(match: re.Match[str], today: date) -> Days:
    first, last = _MONTH_OF[match["month"].casefold()], _MONTH_OF[match["last"].casefold()]
    if match["year"]:
        start = date(int(match["year"]) - (first > last), first, 1)
    else:
        start = date(today.year - (first > today.month), first, 1)
    return start, _moved(start, "month", (last - first) % 12 + 1)


def _dated_month(match: re.Match[str], today: date) -> Days:
    del today
    return _whole(date(int(match["year"]), _MONTH_OF[match["month"].casefold()], 1), "month")


def _part_of_year(match: re.Match[str], today: date) -> Days | None:
    """A quarter or a half, of a year or else the latest that has begun."""
    groups, months = match.groupdict(), 6 if match["kind"].casefold() in ("h", "half") else 3
    year = groups.get("year") or groups.get("before")
    number = _ORDINALS.get(groups.get("ordinal", "").casefold()) or int(groups["number"])
    number = min(number, 12 // months) if "ordinal" in groups else number
    if number * months > 12 or not (year or match[0].startswith("Q")):
        return None
    start = date(int(year) if year else today.year, (number - 1) * months + 1, 1)
    if not year and start > today:
        start = start.replace(year=start.year - 1)
    return start, _moved(start, "month", months)


def _to_date(match: re.Match[str], today: date) -> Days:
    unit = next((match[name] for name in ("unit", "unit2", "unit3") if match[name]), "year")
    return _whole(today, unit.casefold())[0], _after(today)


def _decade(match: re.Match[str], today: date) -> Days | None:
    del today
    groups = match.groupdict()
    word, digits = groups.get("word"), groups.get("digits") or groups.get("two") or ""
    start = _DECADES[word.casefold()] if word else int(digits) + (1900 if len(digits) == 2 else 0)
    if start % 100 == 0 and start != 2000:
        return None
    return date(start, 1, 1), date(start + 10, 1, 1)


def _century(match: re.Match[str], today: date) -> Days:
    del today
    number = int(match["number"]) if match["number"] else _CENTURIES[match["word"].casefold()]
    return date(number * 100 - 99, 1, 1), date(number * 100 + 1, 1, 1)


def _pattern(text: str) -> re.Pattern[str]:
    """White space and the words in capitals stand for what they say."""
    words = {
        "NUMBER": r"[0-9]{1,4}|an?|couple\s+of|" + "|".join(_WORDS),
        "UNIT": "|".join(UNITS),
        "STEP": "this|current|last|previous|past|next|coming|upcoming",
        "DAY": "|".join(_DAYS),
        "MONTH": "|".join(sorted(_MONTH_OF, key=len, reverse=True)),
        "ORDINAL": "|".join(_ORDINALS),
        "DECADE": "|".join(_DECADES),
        "CENTURY": "|".join(_CENTURIES),
        "YEAR": "[12][0-9]{3}",
    }
    spelled = re.sub(r"\b[A-Z]{3,}\b", lambda word: f"(?:{words[word[0]]})", text)
    return re.compile(rf"(?<![\w'’-])(?:{spelled})(?![\w-])".replace(" ", r"\s+"), re.IGNORECASE)


_SINCE = re.compile(r"\bsince\s+(?:the\s+)?$", re.IGNORECASE)
_DISTANCE = re.compile(r"\b(?:more than|less than|over|under|at least|older than|before)\s+$", re.IGNORECASE)
_PART = re.compile(
    r"\b(?:early|mid|late|(?:beginning|start|end|middle|days?|weeks?|weekend) of)\s+(?:in\s+)?(?:the\s+)?$",
    re.IGNORECASE,
)
_DAY_OF = re.compile(r"[0-9](?:st|nd|rd|th)?\s+(?:of\s+)?$", re.IGNORECASE)
_BEFORE_VERBS = frozenset({"for", "of", "by", "from", "before", "after"})

# In the order of precedence: what an earlier line has read, a later one does not see.
_GRAMMAR: tuple[tuple[re.Pattern[str], _Reading], ...] = (
    (_pattern(r"(?P<unit>UNIT) to date|so far this (?P<unit2>UNIT)|this (?P<unit3>UNIT) so far|ytd"), _to_date),
    (_pattern(r"(?:the )?day (?:before yesterday|after tomorrow)|today|yesterday|tomorrow"), _named_day),
    (_pattern(r"(?:the )?(?P<ordinal>ORDINAL) (?P<kind>quarter|half) of (?P<year>YEAR)"), _part_of_year),
    (_pattern(r"(?P<before>YEAR) (?P<kind>h|q)(?P<number>[1-4])"), _part_of_year),
    (_pattern(r"(?P<kind>h|q)(?P<number>[1-4])(?:(?: of)? (?P<year>YEAR))?"), _part_of_year),
    (
        _pattern(
            r"(?:from|between) (?P<month>MONTH) (?:to|and|until|till|through) (?P<last>MONTH)(?: (?P<year>YEAR))?"
        ),
        _months,
    ),
    (_pattern(r"(?P<month>MONTH)\.?(?: of|,)? (?P<year>YEAR)"), _dated_month),
    (_pattern(r"(?P<step>last|past|previous|next|coming) (?P<n>NUMBER) (?P<unit>UNIT)s?(?! of\b)"), _span),
    (_pattern(r"(?P<n>NUMBER) (?P<unit>UNIT)s? ago"), _ago),
    (_pattern(r"(?P<step>STEP) weekend(?! of\b)"), _weekend),
    (_pattern(r"(?P<the>the )?(?P<step>STEP) (?P<unit>UNIT)(?! of\b)"), _unit),
    (_pattern(r"(?P<step>this|last|next|previous|coming) (?P<day>DAY)"), _weekday),
    (_pattern(r"since (?P<said>DAY)"), _since_weekday),
    (_pattern(r"(?P<said>(?P<word>last|this|next) MONTH)(?! [0-9])"), _month),
    (
        _pattern(
            r"(?P<word>in|during|for|from|until|till|by|before|after|throughout|since|of) (?P<said>MONTH)(?! [0-9])"
        ),
        _month,
    ),
    (_pattern(r"(?P<digits>[12][0-9]{2}0)['’]?s|(?:the )?['’](?P<two>[3-9]0)s"), _decade),
    (_pattern(r"the (?:(?P<two>[3-9]0)s|(?P<word>DECADE))"), _decade),
    (_pattern(r"(?:the )?(?:(?P<number>1[0-9]|2[01])(?:th|st)|(?P<word>CENTURY)) century"), _century),
)
