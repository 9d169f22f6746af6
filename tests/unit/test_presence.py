"""A date that is only asked to be there is not compared with the present."""

from __future__ import annotations

from typing import Any

import pytest

from nlq.presence import present
from tests.support import lines


@pytest.mark.parametrize("case", lines("presence.jsonl"), ids=lambda case: f"{case['question']}: {case['range']}")
def test_a_date_that_is_asked_to_be_there_exists(case: dict[str, Any]) -> None:
    compared = {"range": {"delivered": case["range"]}}
    expected = {"exists": {"field": "delivered"}} if case.get("exists") else compared

    assert present({"query": {"bool": {"filter": [compared]}}, "size": 3}, case["question"]) == {
        "query": {"bool": {"filter": [expected]}},
        "size": 3,
    }


def test_a_date_that_is_asked_to_be_missing_stays_negated() -> None:
    body = {"query": {"bool": {"must_not": [{"range": {"delivered": {"gte": "now"}}}]}}}

    assert present(body, "orders without a delivery date") == {
        "query": {"bool": {"must_not": [{"exists": {"field": "delivered"}}]}}
    }
