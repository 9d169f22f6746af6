"""Names that most documents have are groups, not the end of the alphabet."""

from __future__ import annotations

from typing import Any

import pytest

from nlq.ranking import tallied
from tests.support import library_schema, lines


@pytest.mark.parametrize("case", lines("tallied.jsonl"), ids=lambda case: f"{case['question']}: {case['body']['sort']}")
def test_a_name_with_the_most_documents_is_a_group(case: dict[str, Any]) -> None:
    body = case["body"]
    query = {"query": body["query"]} if "query" in body else {}
    groups = {"size": 0, "aggs": {"groups": {"terms": case["terms"]}}} if "terms" in case else {}

    assert tallied(body, case["question"], library_schema()) == ({**query, **groups} if groups else body)
