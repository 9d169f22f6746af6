"""The decoded schema: what the model may write, what it cannot, in which order."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import llguidance
import pytest
from jsonschema import Draft202012Validator

from nlq.evaluation.walks import Walker
from nlq.json_schema import problem
from nlq.query_schema import accepted_schema, decoded_schema
from nlq.samplers.grammar import compact_schema
from nlq.types import Field, IndexSchema
from nlq.verify import check
from tests.mappings import LOADABLE
from tests.support import index_schema, library_schema, lines

ACCEPTED = lines("bodies_accepted.jsonl")
REFUSED = lines("bodies_refused.jsonl")


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return decoded_schema(library_schema())


def test_it_is_itself_a_valid_json_schema(schema: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("body", ACCEPTED, ids=json.dumps)
def test_a_sensible_body_is_accepted(schema: dict[str, Any], body: dict[str, Any]) -> None:
    assert problem(body, schema) is None


@pytest.mark.parametrize("case", REFUSED, ids=lambda c: c["why"])
def test_a_body_that_cannot_be_asked_of_the_index_is_refused_with_its_fault(
    schema: dict[str, Any], case: dict[str, Any]
) -> None:
    said = problem(case["body"], schema)

    assert said is not None
    assert case["says"] in said


def test_the_filter_is_written_before_what_is_computed(schema: dict[str, Any]) -> None:
    hits, numbers = schema["anyOf"]

    assert list(hits["properties"]) == ["query", "sort", "from", "size", "_source"]
    assert list(numbers["properties"]) == ["query", "size", "aggs"]


def objects(node: Any) -> list[dict[str, Any]]:
    if isinstance(node, list):
        return [o for item in node for o in objects(item)]
    if not isinstance(node, dict):
        return []
    here = [node] if node.get("type") == "object" else []
    return here + [o for value in node.values() for o in objects(value)]


def test_no_object_is_open_ended(schema: dict[str, Any]) -> None:
    assert all(o["additionalProperties"] is False for o in objects(schema))


@pytest.mark.parametrize("name", [*LOADABLE, "full"])
def test_whatever_is_decoded_is_accepted_and_within_the_policy(name: str) -> None:
    index = index_schema(name)
    decoded, accepted = Walker(decoded_schema(index)), accepted_schema(index)

    for seed in range(60):
        body = decoded.walk(random.Random(seed), depth=9)
        assert check(body, accepted) is None, body


def test_an_order_by_a_metric_needs_that_metric_below() -> None:
    schema = decoded_schema(library_schema())
    terms = {"field": "shelf", "order": {"value": "desc"}}
    above = {"query": {"match_all": {}}, "size": 0}

    assert problem({**above, "aggs": {"groups": {"terms": terms}}}, schema) is not None
    below = {"aggs": {"value": {"avg": {"field": "pages"}}}}
    assert problem({**above, "aggs": {"groups": {"terms": terms, **below}}}, schema) is None
    many = {"aggs": {"value": {"stats": {"field": "pages"}}}}
    assert problem({**above, "aggs": {"groups": {"terms": terms, **many}}}, schema) is not None


def test_a_condition_on_groups_names_a_metric_that_is_there() -> None:
    schema = decoded_schema(replace(library_schema(), features=frozenset()))
    keep = {"bucket_selector": {"buckets_path": {"a": "value"}, "script": "params.a > 300"}}
    counted = {"bucket_selector": {"buckets_path": {"a": "_count"}, "script": "params.a > 1"}}
    above = {"query": {"match_all": {}}, "size": 0}

    def by_shelf(aggs: dict[str, Any]) -> dict[str, Any]:
        return {**above, "aggs": {"groups": {"terms": {"field": "shelf"}, "aggs": aggs}}}

    assert problem(by_shelf({"value": {"avg": {"field": "pages"}}, "keep": keep}), schema) is None
    assert problem(by_shelf({"keep": counted}), schema) is None
    assert problem(by_shelf({"keep": keep}), schema) is not None
    assert problem(by_shelf({"keep": {"bucket_selector": {**counted["bucket_selector"], "script": "1 == 1"}}}), schema)


@pytest.mark.parametrize(
    ("missing", "clause"),
    [
        ("lang-painless", {"keep": {"bucket_selector": {"buckets_path": {"a": "_count"}, "script": "params.a > 1"}}}),
        ("aggregations", {"order": {"bucket_sort": {"sort": [{"_count": {"order": "desc"}}]}}}),
    ],
)
def test_what_the_engine_lacks_cannot_be_written(missing: str, clause: dict[str, Any]) -> None:
    whole = replace(library_schema(), features=frozenset({"lang-painless", "aggregations"}))
    lacking = replace(whole, features=whole.features - {missing})
    monthly = {"date_histogram": {"field": "bought", "calendar_interval": "month"}, "aggs": clause}
    body = {"query": {"match_all": {}}, "size": 0, "aggs": {"groups": monthly}}

    assert problem(body, decoded_schema(whole)) is None
    assert problem(body, decoded_schema(lacking)) is not None


def test_an_index_without_fields_can_still_be_counted() -> None:
    schema = decoded_schema(IndexSchema("empty", ()))

    assert problem({"query": {"match_all": {}}, "size": 0}, schema) is None
    assert problem({"query": {"exists": {"field": "x"}}}, schema) is not None


@pytest.mark.parametrize("name", ["a b", 'quo"te', "dot.ted", "名前", "back\\slash"])
def test_odd_field_names_can_be_asked(name: str) -> None:
    schema = decoded_schema(IndexSchema("odd", (Field(name, "keyword"), Field("n", "long"))))

    assert problem({"query": {"term": {name: "x"}}, "sort": [{name: {"order": "asc"}}]}, schema) is None


@pytest.mark.parametrize("fields", [1, 10, 50])
def test_it_compiles_to_a_grammar(fields: int) -> None:
    kinds = ("text", "keyword", "long", "double", "date", "boolean", "geo_point")
    index = IndexSchema("wide", tuple(Field(f"field_{i}", kinds[i % len(kinds)]) for i in range(fields)))
    grammar = llguidance.grammar_from("json_schema", compact_schema(decoded_schema(index)))

    assert llguidance.LLMatcher.validate_grammar(grammar) == ""
