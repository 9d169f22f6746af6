"""The canonical spelling: what it makes of bodies, and that it stays within the schemas."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from nlq.canonical import canonical
from nlq.elastic.fields import flatten
from nlq.evaluation.walks import Walker
from nlq.json_schema import minified, problem
from nlq.query_schema import accepted_schema, decoded_schema
from nlq.types import Body, IndexSchema
from tests.mappings import index
from tests.support import lines

NAMES = ("shop", "single", "logs", "wide", "odd", "full")
KEYS = ("boost", "order", "sort", "script", "aggs", "filter", "ranges", "fields", "x")
JUNK: tuple[Any, ...] = (None, True, 0, 1.5, "x", "", [], {}, [[]], [{}], {"a": 1}, -1, 1e300, {"query": None}, [None])


def schema_of(name: str) -> IndexSchema:
    return IndexSchema(name, tuple(flatten(index(name)["mappings"])))


SHOP = schema_of("shop")


def bodies_of(name: str) -> list[Body]:
    return [row["body"] for row in lines(f"bodies/{name}.jsonl")]


@pytest.mark.parametrize("case", lines("canonical.jsonl"), ids=lambda case: case["why"])
def test_a_body_is_brought_into_its_canonical_spelling(case: dict[str, Any]) -> None:
    assert minified(canonical(case["body"], SHOP)) == minified(case["canonical"])


@pytest.mark.parametrize("case", lines("canonical.jsonl"), ids=lambda case: case["why"])
def test_a_canonical_body_stays_as_it_is(case: dict[str, Any]) -> None:
    assert minified(canonical(case["canonical"], SHOP)) == minified(case["canonical"])


@pytest.mark.parametrize("name", NAMES)
def test_what_is_accepted_and_what_is_decoded_stays_so(name: str) -> None:
    schema = schema_of(name)
    accepted, decoded = accepted_schema(schema), decoded_schema(schema)
    spelled = [(body, canonical(body, schema)) for body in bodies_of(name)]

    refused = [new for _, new in spelled if problem(new, accepted)]
    lost = [old for old, new in spelled if not problem(old, decoded) and problem(new, decoded)]

    assert refused == []
    assert lost == []


def test_more_of_the_corpus_has_a_decoded_spelling_than_is_written_in_it() -> None:
    decoded = decoded_schema(SHOP)
    before = sum(problem(body, decoded) is None for body in bodies_of("shop"))
    after = sum(problem(canonical(body, SHOP), decoded) is None for body in bodies_of("shop"))

    assert before * 2 < after
    assert after >= 140


@pytest.mark.parametrize("name", NAMES)
def test_what_the_model_may_write_keeps_to_the_decoded_schema(name: str) -> None:
    schema = schema_of(name)
    decoded = decoded_schema(schema)
    walker = Walker(decoded)
    spelled = [canonical(walker.walk(random.Random(seed), depth=9), schema) for seed in range(60)]

    assert [body for body in spelled if problem(body, decoded)] == []
    assert [body for body in spelled if minified(canonical(body, schema)) != minified(body)] == []


@pytest.mark.parametrize("name", ["shop", "odd", "full"])
def test_what_is_accepted_is_spelled_once_and_for_all(name: str) -> None:
    schema = schema_of(name)
    walker = Walker(accepted_schema(schema))
    spelled = [canonical(walker.walk(random.Random(seed), depth=10), schema) for seed in range(60)]

    assert [body for body in spelled if minified(canonical(body, schema)) != minified(body)] == []


def test_any_body_comes_out_as_a_body() -> None:
    rng = random.Random(7)
    corpus = bodies_of("shop")
    for _ in range(3000):
        body = spoiled(rng.choice(corpus), rng)
        if isinstance(body, dict):
            once = canonical(body, SHOP)

            assert isinstance(once, dict)
            assert canonical(once, SHOP) == once


def spoiled(node: Any, rng: random.Random) -> Any:
    """A copy in which some values are of another type and some keys are others."""
    if rng.random() < 0.12:
        return rng.choice(JUNK)
    if isinstance(node, dict):
        renamed = {rng.choice(KEYS) if rng.random() < 0.05 else key: value for key, value in node.items()}
        return {key: spoiled(value, rng) for key, value in renamed.items()}
    return [spoiled(value, rng) for value in node] if isinstance(node, list) else node


def test_a_body_nested_too_deep_stays_as_it_is() -> None:
    body: Body = {"match_all": {}}
    for _ in range(20_000):
        body = {"bool": {"must": [body]}}
    body = {"query": body}

    assert canonical(body, SHOP) is body


def test_the_body_given_is_not_changed() -> None:
    for body in bodies_of("shop"):
        before = minified(body)
        canonical(body, SHOP)

        assert minified(body) == before


def test_an_option_about_unmapped_fields_stays_where_an_index_lacks_the_field() -> None:
    partial = IndexSchema("some", tuple(f if f.name != "reviews" else replace(f, partial=True) for f in SHOP.fields))
    nested = {"path": "reviews", "query": {"term": {"reviews.author": "ann"}}, "ignore_unmapped": True}

    assert canonical({"query": {"nested": nested}}, partial)["query"]["nested"] == nested
    assert "ignore_unmapped" not in canonical({"query": {"nested": nested}}, SHOP)["query"]["nested"]
