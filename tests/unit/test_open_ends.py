"""Ranges end where the question says so, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

from nlq.open_ends import open_ended
from tests.support import lines


@pytest.mark.parametrize("case", lines("open_ends.jsonl"), ids=lambda case: f"{case['question']}: {case['range']}")
def test_an_end_that_the_question_leaves_open_is_taken_out(case: dict[str, Any]) -> None:
    body = {"query": {"bool": {"filter": [{"range": {"x": case["range"]}}]}}, "size": 3}
    expected = {"query": {"bool": {"filter": [{"range": {"x": case.get("becomes", case["range"])}}]}}, "size": 3}

    assert open_ended(body, case["question"]) == expected
