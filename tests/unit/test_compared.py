"""A bound is on the field that the question compares."""

from __future__ import annotations

from typing import Any

import pytest

from nlq.compared import compared
from nlq.types import Field, IndexSchema
from tests.support import lines

INDEX = IndexSchema(
    "library",
    (
        Field("shelf", "keyword"),
        Field("pages", "integer"),
        Field("price", "double"),
        Field("sales", "long"),
        Field("total_sales", "long"),
        Field("bought", "date"),
    ),
)


@pytest.mark.parametrize("case", lines("compared.jsonl"), ids=lambda case: f"{case['question']}: {case['body']}")
def test_a_bound_is_on_the_field_that_stands_before_it(case: dict[str, Any]) -> None:
    assert compared(case["body"], case["question"], INDEX) == case.get("becomes", case["body"])
