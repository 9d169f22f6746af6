from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from examples_db.mask import lesson_of, mask, pattern_of, shape, values_of
from nlq.types import Example, LinkedValue

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


NAMES = ("order_date:date", "unitPrice:double", "customer.name:text", "customer.name.keyword:keyword", "field:text")
NAMED = [
    ("average unit price by order date", "average [field] by [field]"),
    ("Order_Dates and unitPrice", "[field] and [field]"),
    ("names of customers", "[field] of customers"),
    ("keyword of the date of an order", "keyword of the date of an order"),
    ("what is a [field], 'name' or 5", "what is a [field], [value] or [number]"),
    ("", ""),
]


@pytest.mark.parametrize(("question", "pattern"), NAMED)
def test_names_of_fields_are_masked_where_they_are_given(question: str, pattern: str) -> None:
    masked = mask(question, fields=NAMES)

    assert masked == pattern
    assert mask(masked, fields=NAMES) == pattern


def test_a_long_question_and_many_fields_have_a_pattern() -> None:
    fields = [f"level.field_{n}:long" for n in range(2000)]

    assert mask("field 7 " * 12_000, fields=fields).startswith("[field] [field]")


def test_the_pattern_of_an_example_masks_what_its_query_and_fields_name() -> None:
    query = {"query": {"term": {"genre": "Comedy"}}, "size": 0}
    example = Example("how many comedies per genre after 1990", query, "films", ("genre:keyword",))

    assert pattern_of(example) == "how many [value] per genre after [number]"
    assert pattern_of(example, mask_fields=True) == "how many [value] per [field] after [number]"


def test_examples_that_differ_in_values_only_teach_the_same() -> None:
    one, other, third = (
        lesson_of(Example(question, {"query": {"term": {field: value}}}, "i"))
        for question, field, value in (
            ("Films by Ann", "a", "Ann"),
            ("films by Bob", "a", "Bob"),
            ("by Bob", "b", "Bob"),
        )
    )

    assert one == other != third


def test_queries_that_differ_in_linked_values_only_have_one_shape() -> None:
    shapes = [
        shape(query := {"query": {"term": {"director": name}}, "size": 0}, values_of(f"films by {name}", query))
        for name in ("Tim Burton", "Jane Campion")
    ]

    assert shapes[0] == shapes[1] == {"query": {"term": {"director": "[value]"}}, "size": 0}
