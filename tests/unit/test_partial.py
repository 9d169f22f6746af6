"""Bodies that an index without some of the fields would refuse."""

from __future__ import annotations

import copy

import pytest

from nlq.elastic.fields import flatten, unite
from nlq.partial import tolerant
from nlq.types import Body, Field, IndexSchema
from tests.support import lines

[INDEX] = lines("partial_index.jsonl")
CASES = lines("bodies_partial.jsonl")
PARTIAL = IndexSchema("logs-*", unite([INDEX["mappings"], INDEX["other"]]))
WHOLE = IndexSchema("logs", flatten(INDEX["mappings"]))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_missing_field_is_excused(case: Body) -> None:
    given = copy.deepcopy(case["body"])

    assert tolerant(given, PARTIAL) == case["tolerant"]
    assert given == case["body"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_body_stays_as_it_is_where_every_index_has_the_fields(case: Body) -> None:
    assert tolerant(case["body"], WHOLE) == case["body"]


@pytest.mark.parametrize("case", lines("bodies_not_partial.jsonl"), ids=lambda case: case["name"])
def test_what_cannot_fail_stays_as_it_is(case: Body) -> None:
    assert tolerant(case["body"], PARTIAL) == case["body"]


def test_a_range_over_indices_with_other_formats_is_read_in_any_of_them() -> None:
    each = [{"properties": {"d": {"type": "date", "format": form}}} for form in ("yyyy", "dd/MM/yyyy")]
    index = IndexSchema("logs-*", unite(each))

    body = tolerant({"query": {"range": {"d": {"gte": "2020"}}}}, index)

    assert body == {"query": {"range": {"d": {"gte": "2020", "format": "yyyy||dd/MM/yyyy"}}}}


def test_a_range_keeps_the_format_it_names() -> None:
    body: Body = {"query": {"range": {"day": {"gte": "2020", "format": "yyyy"}}}}

    assert tolerant(body, PARTIAL) == body


def test_kinds_that_need_options_of_a_mapping_are_sorted_as_others() -> None:
    kinds = {"scaled_float": "double", "wildcard": "keyword", "token_count": "integer", "date_nanos": "date_nanos"}
    fields = tuple(Field(kind, kind, partial=True) for kind in kinds)

    body = tolerant({"sort": list(kinds)}, IndexSchema("i", fields))

    assert {name: how["unmapped_type"] for key in body["sort"] for name, how in key.items()} == kinds


@pytest.mark.parametrize("case", lines("bodies_odd.jsonl"), ids=str)
def test_a_body_of_odd_shape_comes_back(case: Body) -> None:
    assert tolerant(case, PARTIAL) == case
