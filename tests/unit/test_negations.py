"""Values that a question excludes and a query demands."""

from __future__ import annotations

from typing import Any

import pytest

from nlq.negations import excluded
from nlq.types import LinkedValue
from tests.support import lines


@pytest.mark.parametrize("case", lines("negations.jsonl"), ids=lambda case: f"{case['question']}: {case['query']}")
def test_a_demanded_value_is_excluded_where_the_question_says_so(case: dict[str, Any]) -> None:
    links = [LinkedValue(*link) for link in case.get("links", ())]
    body = {"query": case["query"], "size": 0}

    assert excluded(body, case["question"], links) == {"query": case.get("becomes", case["query"]), "size": 0}


def test_a_body_without_a_query_stays_as_it_is() -> None:
    assert excluded({"size": 0}, "not in English", ()) == {"size": 0}
