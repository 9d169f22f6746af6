"""Words of a question that are values of the index."""

from __future__ import annotations

from typing import Any

import pytest

from nlq.types import Failure, LinkedValue, Outcome, Result
from nlq.values import Catalog, catalog_body, link, lookup_body, read_catalog, repair
from tests.support import library_schema, lines

CATALOG = Catalog(
    {
        "shelf": ("Crime", "Travel", "Poetry", "No"),
        "title.keyword": ("The Blue Lamp", "Blue Water", "Night Train"),
        "loans.reader": ("Ada", "Bo"),
        "中": ("恐怖",),
    },
    frozenset({"shelf", "loans.reader"}),
)


@pytest.mark.parametrize("case", lines("links.jsonl"), ids=lambda c: c["question"])
def test_words_are_linked_to_the_values_they_name(case: dict[str, Any]) -> None:
    assert link(case["question"], CATALOG) == tuple(LinkedValue(*found) for found in case["links"])


def test_values_are_found_in_scripts_without_spaces() -> None:
    assert link("有多少恐怖电影", CATALOG) == (LinkedValue("恐怖", "中", "恐怖"),)


def test_a_word_that_is_a_value_of_too_many_fields_means_nothing() -> None:
    catalog = Catalog({f"f{i}": ("yellow",) for i in range(4)})

    assert link("yellow things", catalog) == ()


def test_a_term_that_differs_by_case_alone_becomes_the_value_that_exists() -> None:
    body = {"query": {"bool": {"filter": [{"term": {"shelf": "crime"}}, {"terms": {"shelf": ["POETRY", "Sci-Fi"]}}]}}}

    assert repair(body, CATALOG) == {
        "query": {"bool": {"filter": [{"term": {"shelf": "Crime"}}, {"terms": {"shelf": ["Poetry", "Sci-Fi"]}}]}}
    }


def test_a_term_that_two_values_differ_from_by_case_alone_is_left() -> None:
    body = {"query": {"term": {"k": "aB"}}}

    assert repair(body, Catalog({"k": ("ab", "AB")})) == body


def test_every_keyword_field_is_listed_nested_ones_inside_their_path() -> None:
    body = catalog_body(library_schema())

    assert body is not None
    assert body["size"] == 0
    assert {_field(agg) for agg in body["aggs"].values()} == {"title.keyword", "shelf", "loans.reader"}


def test_long_lists_are_asked_for_the_words_of_the_question_alone() -> None:
    body = lookup_body(library_schema(), "who made night train", ["title.keyword"])

    assert body is not None
    (agg,) = body["aggs"].values()
    assert {"night train", "Night Train", "night"} <= set(agg["terms"]["include"])
    assert "Made" not in agg["terms"]["include"]


def test_a_catalog_knows_which_lists_are_whole() -> None:
    schema = library_schema()
    whole = {"buckets": [{"key": "Ada", "doc_count": 1}], "sum_other_doc_count": 0}
    cut = {"buckets": [{"key": "Night Train", "doc_count": 1}], "sum_other_doc_count": 7}
    catalog = read_catalog(schema, Result((), 1, {"0": cut, "2": {"doc_count": 3, "values": whole}}))

    assert catalog.values == {"title.keyword": ("Night Train",), "loans.reader": ("Ada",)}
    assert catalog.complete == {"loans.reader"}


def test_an_engine_that_does_not_answer_in_time_costs_the_links_not_the_question() -> None:
    assert read_catalog(library_schema(), Failure(Outcome.TIMED_OUT, "too slow")).values == {}


def _field(agg: dict[str, Any]) -> str:
    inner = agg["aggs"]["values"] if "nested" in agg else agg
    field: str = inner["terms"]["field"]
    return field
