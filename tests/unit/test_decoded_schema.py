"""The schema of the fixture index: what it accepts, what it refuses, in which order it is written."""

from __future__ import annotations

import json
from typing import Any

import llguidance
import pytest
from jsonschema import Draft202012Validator

from nlq.json_schema import problem
from nlq.query_schema import query_schema
from nlq.samplers.grammar import compact_schema
from nlq.types import Field, IndexSchema
from tests.support import library_schema, lines

ACCEPTED = lines("bodies_accepted.jsonl")
REFUSED = lines("bodies_refused.jsonl")


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return query_schema(library_schema())


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


def test_no_object_is_open_ended(schema: dict[str, Any]) -> None:
    def objects(node: Any) -> list[dict[str, Any]]:
        if isinstance(node, list):
            return [o for item in node for o in objects(item)]
        if not isinstance(node, dict):
            return []
        here = [node] if node.get("type") == "object" else []
        return here + [o for value in node.values() for o in objects(value)]

    assert all(o["additionalProperties"] is False for o in objects(schema))


def test_an_index_without_fields_can_still_be_counted() -> None:
    schema = query_schema(IndexSchema("empty", ()))

    assert problem({"query": {"match_all": {}}, "size": 0}, schema) is None
    assert problem({"query": {"exists": {"field": "x"}}}, schema) is not None


@pytest.mark.parametrize("name", ["a b", 'quo"te', "dot.ted", "名前", "back\\slash"])
def test_odd_field_names_can_be_asked(name: str) -> None:
    schema = query_schema(IndexSchema("odd", (Field(name, "keyword"), Field("n", "long"))))

    assert problem({"query": {"term": {name: "x"}}, "sort": [{name: {"order": "asc"}}]}, schema) is None


@pytest.mark.parametrize("fields", [1, 10, 50])
def test_it_compiles_to_a_grammar(fields: int) -> None:
    kinds = ("text", "keyword", "long", "double", "date", "boolean", "geo_point")
    index = IndexSchema("wide", tuple(Field(f"field_{i}", kinds[i % len(kinds)]) for i in range(fields)))
    grammar = llguidance.grammar_from("json_schema", compact_schema(query_schema(index)))

    assert llguidance.LLMatcher.validate_grammar(grammar) == ""
