from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from examples_db.mask import mask, shape, values_of
from nlq.types import LinkedValue

CASES: list[dict[str, Any]] = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "fixtures" / "example_patterns.jsonl").read_text().splitlines()
]


def linked(*texts: str) -> tuple[LinkedValue, ...]:
    return tuple(LinkedValue(text=text, field="any", value=text) for text in texts)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["question"][:40])
def test_a_question_has_the_expected_pattern(case: dict[str, Any]) -> None:
    assert mask(case["question"], linked(*case.get("values", ()))) == case["pattern"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["question"][:40])
def test_masking_a_pattern_changes_nothing(case: dict[str, Any]) -> None:
    assert mask(case["pattern"]) == case["pattern"]


@pytest.mark.parametrize("part", ["'", '"a ', "1,", "jan ", "ten ", "“", " 'a", "a"])
def test_a_question_of_100_kb_has_a_pattern(part: str) -> None:
    assert isinstance(mask(part * (100_000 // len(part))), str)


def test_the_literals_of_a_query_are_found_in_its_question() -> None:
    query = {
        "query": {
            "bool": {
                "filter": [{"term": {"genre": "Comedy"}}, {"match": {"director": {"query": "Tim Burton"}}}],
                "must_not": [{"range": {"year": {"gt": 1995}}}, {"terms": {"country": ["FR", "Spain"]}}],
            }
        },
        "size": 3,
    }

    found = values_of("the 3 longest comedies of Tim Burton, not from Spain, after 1995", query)

    assert [(v.text, v.value) for v in found] == [
        ("comedies", "Comedy"),
        ("Tim Burton", "Tim Burton"),
        ("1995", 1995),
        ("Spain", "Spain"),
        ("3", 3),
    ]


def test_names_of_fields_and_options_are_no_literals() -> None:
    query = {
        "query": {"match": {"title": {"query": "whale", "operator": "and"}}},
        "aggs": {"groups": {"terms": {"field": "genre", "order": {"value": "desc"}}}},
    }

    assert values_of("title and genre in order desc", query) == ()


def test_queries_that_differ_in_linked_values_only_have_one_shape() -> None:
    shapes = [
        shape(query := {"query": {"term": {"director": name}}, "size": 0}, values_of(f"films by {name}", query))
        for name in ("Tim Burton", "Jane Campion")
    ]

    assert shapes[0] == shapes[1] == {"query": {"term": {"director": "[value]"}}, "size": 0}
