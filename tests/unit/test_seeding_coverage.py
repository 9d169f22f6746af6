"""What is covered, and what is asked for next."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from nlq.seeding.coverage import KINDS, Plan, cells
from nlq.seeding.facts import Facts, facts_of, gather
from nlq.types import Body, Field, IndexSchema
from tests.fakes.teacher import hotels_engine

ENGINE = hotels_engine()
INDEX = ENGINE.schema("hotels")
NESTED = IndexSchema(
    "n", (Field("shelf", "keyword"), Field("loans", "nested"), Field("loans.fee", "double", nested="loans"))
)


def _facts() -> Facts:
    return gather(ENGINE, INDEX, seed=1, timeout=1)


def _field(name: str) -> Field:
    found = INDEX.field(name)
    assert found
    return found


def test_facts_tell_values_that_group_from_those_that_identify() -> None:
    facts = _facts()

    assert facts.documents == 40
    assert set(facts.literals(_field("city"))) == {"Oslo", "Lima", "Kyoto", "Porto"}
    assert facts.groups(_field("city"))
    assert facts.identifies(_field("phone"))
    assert not facts.groups(_field("phone"))
    assert facts.partly(_field("phone"))
    assert not facts.partly(_field("city"))
    assert facts.of(_field("title.keyword")) == facts.of(_field("title"))


@pytest.mark.parametrize(
    ("document", "values"),
    [
        ({"loans": [{"fee": 1}, {"fee": [2, 3]}, {}]}, (1, 2, 3)),
        ({"loans": {"fee": None}}, ()),
        ({"loans.fee": 4}, (4,)),
        ({"loans": "no object"}, ()),
        ({}, ()),
    ],
)
def test_values_are_found_wherever_a_document_holds_them(document: Body, values: tuple[int, ...]) -> None:
    assert facts_of([document], NESTED, documents=1).values["loans.fee"] == values


@pytest.mark.parametrize("value", ["two\nlines", " padded ", "", "x" * 61, "bell\a"])
def test_a_value_that_cannot_be_said_is_no_literal(value: str) -> None:
    index = IndexSchema("i", (Field("a", "keyword"),))

    assert facts_of([{"a": value}], index, documents=1).literals(index.fields[0]) == ()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"query": {"term": {"city": "Oslo"}}, "size": 0}, {("term", "city")}),
        ({"query": {"bool": {"must_not": [{"term": {"city": "Oslo"}}]}}}, {("must_not", "city")}),
        ({"query": {"exists": {"field": "phone"}}, "_source": ["title"]}, {("exists", "phone")}),
        ({"query": {"match_all": {}}, "sort": [{"price": {"order": "asc"}}]}, {("sort", "price")}),
        (
            {"aggs": {"groups": {"terms": {"field": "city"}, "aggs": {"value": {"avg": {"field": "price"}}}}}},
            {("group", "city"), ("avg", "price")},
        ),
        (
            {"aggs": {"groups": {"terms": {"field": "city", "min_doc_count": 5}}}},
            {("group", "city"), ("having", "city")},
        ),
        (
            {
                "aggs": {
                    "groups": {"terms": {"field": "city"}},
                    "over": {"avg_bucket": {"buckets_path": "groups>_count"}},
                }
            },
            {("group", "city"), ("over", "city")},
        ),
        ({"query": {"term": {"unknown": 1}}, "city": [3]}, set()),
    ],
)
def test_the_cells_of_a_query_are_its_clauses_with_their_fields(query: Body, found: set[tuple[str, str]]) -> None:
    assert cells(query, INDEX) == found


def test_kinds_come_as_often_as_their_weights_say() -> None:
    plan, rng, got = Plan(INDEX, _facts()), random.Random(5), Counter[str]()
    for _ in range(200):
        target = plan.target(rng)
        assert target
        got[target.kind.name] += 1
        plan.note(target.kind.name, target.cell, kept=True)
    total = sum(kind.weight for kind in KINDS)

    assert all(abs(got[k.name] - 200 * k.weight / total) <= 2 for k in KINDS)


def test_every_cell_is_covered_before_any_of_its_clause_is_covered_three_times() -> None:
    plan, rng = Plan(INDEX, _facts()), random.Random(6)
    while not all(plan.kept[cell] for cell in plan.possible):
        target = plan.target(rng)
        assert target
        fields = [cell for cell in plan.possible if cell[0] == target.clause]
        assert plan.kept[target.cell] - min(plan.kept[cell] for cell in fields) <= 1
        plan.note(target.kind.name, target.cell, kept=True)


def test_a_cell_that_never_succeeds_does_not_keep_others_waiting() -> None:
    plan, rng, got = Plan(INDEX, _facts()), random.Random(7), Counter[str]()
    for _ in range(300):
        target = plan.target(rng)
        assert target
        got[target.field.name] += 1
        plan.note(target.kind.name, target.cell, kept=target.field.name != "city")

    assert got["city"] < 200
    assert min(got[name] for name in ("stars", "price", "open", "built")) > 5


def test_an_index_without_values_gives_no_target() -> None:
    empty = facts_of([{}], INDEX, documents=1)

    assert Plan(INDEX, empty).target(random.Random(1)) is None
