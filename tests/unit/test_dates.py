"""Years and months as bounds."""

from __future__ import annotations

from typing import Any

import pytest

from nlq.dates import whole_periods
from tests.support import library_schema


@pytest.mark.parametrize(
    ("asked", "runs"),
    [
        ({"gt": "1995"}, {"gte": "1996"}),
        ({"lte": "1995"}, {"lt": "1996"}),
        ({"gt": "1995-12"}, {"gte": "1996-01"}),
        ({"gte": "1995-01", "lte": "1995-03"}, {"gte": "1995-01", "lt": "1995-04"}),
        ({"gte": "1995", "lt": "1996"}, {"gte": "1995", "lt": "1996"}),
        ({"lte": "1995-03-05"}, {"lte": "1995-03-05"}),
        ({"gt": "now-1y/d"}, {"gt": "now-1y/d"}),
    ],
)
def test_a_year_or_month_bounds_a_range_as_a_whole(asked: dict[str, Any], runs: dict[str, Any]) -> None:
    body = {"query": {"bool": {"filter": [{"range": {"bought": asked}}]}}}

    assert whole_periods(body, library_schema()) == {"query": {"bool": {"filter": [{"range": {"bought": runs}}]}}}


def test_numbers_are_left_alone() -> None:
    body = {"query": {"range": {"pages": {"gt": 1995}}}}

    assert whole_periods(body, library_schema()) == body
