"""Periods that a question names."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from nlq.periods import UNITS, periods
from tests.support import lines

TODAY = date(2026, 11, 21)
# Leap days, the turns of years and of ISO weeks, the ends of long and short months.
DAYS = [date(2023, 12, 20) + timedelta(days=i) for i in range(430)] + [date(2000, 2, 29), date(1, 12, 31)]


@pytest.mark.parametrize("case", lines("periods.jsonl"), ids=lambda c: c["question"])
def test_phrases_are_read_as_the_table_says(case: dict[str, Any]) -> None:
    found = [[p.text, p.start.isoformat(), p.end.isoformat()] for p in periods(case["question"], TODAY)]

    assert found == case["periods"]


@pytest.mark.parametrize(
    "phrase",
    [
        *(f"{step} {unit}" for step in ("this", "current", "past", "the last") for unit in UNITS if unit != "day"),
        *(f"{unit} to date" for unit in UNITS),
        *(f"last 5 {unit}s" for unit in UNITS),
        *(f"next twelve {unit}s" for unit in UNITS),
        *("today", "since yesterday", "since Friday", "since March", "so far this year"),
    ],
)
def test_a_period_that_reaches_today_contains_it(phrase: str) -> None:
    for today in DAYS[:-1]:
        (period,) = periods(phrase, today)

        assert period.start <= today < period.end


@pytest.mark.parametrize(
    "phrase",
    [
        *(f"{step} {unit}" for step in ("last", "previous") for unit in UNITS),
        *(f"2 {unit}s ago" for unit in UNITS),
        *("yesterday", "last weekend", "last Sunday", "last February", "the day before yesterday"),
    ],
)
def test_a_period_that_is_over_ends_before_today_does(phrase: str) -> None:
    for today in DAYS[:-1]:
        (period,) = periods(phrase, today)

        assert period.start < period.end <= today


@pytest.mark.parametrize("phrase", [*(f"next {unit}" for unit in UNITS), "tomorrow", "next Sunday", "next weekend"])
def test_a_period_to_come_begins_after_today(phrase: str) -> None:
    for today in DAYS:
        (period,) = periods(phrase, today)

        assert today < period.start < period.end


def test_months_that_have_begun_are_the_latest() -> None:
    for today in DAYS[:-1]:
        (period,) = periods("in February", today)

        assert period.start <= today
        assert (today - period.start).days < 366


def test_what_lies_beyond_the_calendar_is_no_period() -> None:
    assert periods("last year", date(1, 1, 1)) == ()
    assert periods("next year and this decade and next 9999 weeks", date(9999, 6, 1)) == ()


def test_a_phrase_that_is_repeated_is_one_period() -> None:
    assert len(periods("since the last week, " * 50 + "the " * 200, TODAY)) == 1
