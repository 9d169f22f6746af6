"""Bounds of ranges, strict or not as the question words them."""

from __future__ import annotations

from typing import Any

import pytest

from nlq.bounds import as_worded
from nlq.types import Body
from tests.support import lines

CASES = lines("bounds.jsonl")


def _body(bounds: Any) -> Body:
    return {"query": {"bool": {"filter": [{"range": {"pages": bounds}}]}}}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['question']}: {case['range']}")
def test_a_bound_is_left_out_or_kept_as_the_question_says(case: dict[str, Any]) -> None:
    assert as_worded(_body(case["range"]), case["question"]) == _body(case["as_worded"])


def test_bounds_in_filters_of_aggregations_are_worded_too() -> None:
    body = {"aggs": {"long": {"filter": {"range": {"pages": {"gte": 300}}}}}}
    assert as_worded(body, "how many over 300 pages")["aggs"]["long"]["filter"]["range"]["pages"] == {"gt": 300}


def test_a_number_that_bounds_two_fields_is_left_alone() -> None:
    body = {"query": {"bool": {"filter": [{"range": {name: {"gte": 50}}} for name in ("pages", "price")]}}}
    assert as_worded(body, "over 50 pages") == body


def test_a_negated_range_is_left_alone() -> None:
    body = {"query": {"bool": {"must_not": [{"range": {"pages": {"gte": 50}}}]}}}
    assert as_worded(body, "those that are not over 50 pages") == body


def test_the_body_that_came_in_is_not_changed() -> None:
    body = _body({"gte": 50})
    as_worded(body, "over 50")
    assert body == _body({"gte": 50})
