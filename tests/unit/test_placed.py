"""What a question says to be in a text is looked for there."""

from __future__ import annotations

from typing import Any

import pytest

from nlq.placed import placed
from nlq.types import Field, IndexSchema, LinkedValue
from tests.support import lines

INDEX = IndexSchema(
    "library",
    (
        Field("title", "text"),
        Field("title.keyword", "keyword", parent="title"),
        Field("note", "text"),
        Field("back_cover_text", "text"),
        Field("subjects", "keyword"),
        Field("shelf", "keyword"),
    ),
)
LINKS = (LinkedValue("gardens", "subjects", "garden"),)


@pytest.mark.parametrize("case", lines("placed.jsonl"), ids=lambda case: f"{case['question']}: {case['query']}")
def test_words_are_matched_in_the_text_that_the_question_places_them_in(case: dict[str, Any]) -> None:
    body = {"query": case["query"], "size": 3}

    assert placed(body, case["question"], INDEX, LINKS) == {"query": case.get("becomes", case["query"]), "size": 3}
