"""The accepted schema: the whole read-only DSL over an index's own fields, and nothing else."""

from __future__ import annotations

import json
import random
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from nlq.evaluation.walks import Walker
from nlq.json_schema import problem
from nlq.query_schema import accepted_schema, client
from nlq.query_schema.agg_table import BUCKETS, IN_SERIES, METRICS, PER_BUCKET, SIBLINGS
from nlq.query_schema.table import LEFT_OUT, QUERIES
from nlq.types import Field, IndexSchema
from tests.mappings import LOADABLE
from tests.support import index_schema, library_schema, lines

MAPPINGS = (*LOADABLE, "full")
SCHEMAS: dict[str, Any] = {}


def schema_of(name: str) -> dict[str, Any]:
    if name not in SCHEMAS:
        SCHEMAS[name] = accepted_schema(index_schema(name))
    found: dict[str, Any] = SCHEMAS[name]
    return found


def corpus() -> list[Any]:
    return [
        pytest.param(name, row["body"], id=f"{name}-{number}-{row['clause']}")
        for name in MAPPINGS
        for number, row in enumerate(lines(f"bodies/{name}.jsonl"))
    ]


@pytest.mark.parametrize("name", MAPPINGS)
def test_it_is_itself_a_valid_json_schema(name: str) -> None:
    Draft202012Validator.check_schema(schema_of(name))


@pytest.mark.parametrize("name", MAPPINGS)
def test_references_need_no_escapes_in_a_uri_or_a_json_pointer(name: str) -> None:
    """RFC 3986 (fragment) and RFC 6901."""
    found = set(re.findall(r'"\$ref": "([^"]*)"', json.dumps(schema_of(name))))

    assert found
    assert [ref for ref in found if not re.fullmatch(r"#/\$defs/[\w\-.!$&'()*+,;=:@?]+", ref)] == []


@pytest.mark.parametrize(("name", "body"), corpus())
def test_a_valid_body_over_the_index_is_accepted(name: str, body: dict[str, Any]) -> None:
    assert problem(body, schema_of(name)) is None


REFUSED = [case for case in lines("bodies_refused.jsonl") if not case.get("decoded_only")]


@pytest.mark.parametrize("case", REFUSED, ids=lambda c: c["why"])
def test_a_body_that_cannot_be_asked_of_the_index_is_refused(case: dict[str, Any]) -> None:
    assert problem(case["body"], accepted_schema(library_schema())) is not None


def test_every_clause_of_the_client_is_in_the_tables_or_left_out_for_a_reason() -> None:
    aggregations = {**BUCKETS, **METRICS, **SIBLINGS, **PER_BUCKET, **IN_SERIES}

    assert set(client.queries()) <= {*QUERIES, *LEFT_OUT}
    assert set(client.aggregations()) <= {*aggregations, *LEFT_OUT}
    assert not set(LEFT_OUT) & {*QUERIES, *aggregations}


@pytest.mark.parametrize(
    "word", ["script", "runtime_mappings", "stored_fields", "indexed_shape", "wrapper", "percolate"]
)
def test_no_key_lets_a_forbidden_word_in(word: str) -> None:
    def keys(node: Any) -> set[str]:
        if isinstance(node, list):
            return {key for item in node for key in keys(item)}
        if not isinstance(node, dict):
            return set()
        own = set(node.get("properties", {}))
        return own.union(*(keys(value) for value in node.values()))

    pipelines = {"bucket_selector", "bucket_script", "moving_fn"}
    schema = schema_of("shop")
    below = {key: value for key, value in schema["$defs"].items() if not any(p in key for p in pipelines)}

    assert word not in keys({**schema, "$defs": below})


@pytest.mark.parametrize(
    ("clause", "names"),
    [
        ({"match": {"reviews.text": "good"}}, "reviews.text"),
        ({"range": {"title": {"gte": 3}}}, "title"),
        ({"term": {"stock": "many"}}, "stock"),
        ({"term": {"nothing": 1}}, "nothing"),
        ({"nested": {"path": "reviews", "query": {"term": {"category": "toys"}}}}, "category"),
        ({"terms": {"category": {"index": "other", "id": "1", "path": "x"}}}, "terms"),
        ({"prefix": {"price": "1"}}, "price"),
        ({"knn": {"field": "embedding", "query_vector": [1, 2], "k": 3}}, "knn"),
    ],
    ids=json.dumps,
)
def test_a_field_is_only_asked_what_its_kind_can_answer(clause: dict[str, Any], names: str) -> None:
    said = problem({"query": clause}, schema_of("shop"))

    assert said is not None
    assert names.split(".", maxsplit=1)[0] in said


def test_an_aggregation_of_the_whole_index_stands_on_top_only() -> None:
    whole = {"global": {}, "aggs": {"mean": {"avg": {"field": "price"}}}}

    assert problem({"size": 0, "aggs": {"all": whole}}, schema_of("shop")) is None
    below = {"filter": {"match_all": {}}, "aggs": {"all": whole}}
    assert problem({"size": 0, "aggs": {"some": below}}, schema_of("shop")) is not None


def test_what_the_engine_lacks_is_left_out() -> None:
    fields = (Field("link", "join", relations=(("question", "answer"),)), Field("views", "rank_feature"))
    joined = {"query": {"has_child": {"type": "answer", "query": {"match_all": {}}}}}
    ranked = {"query": {"rank_feature": {"field": "views"}}}

    whole = accepted_schema(IndexSchema("i", fields, features=frozenset({"parent-join", "mapper-extras"})))
    bare = accepted_schema(IndexSchema("i", fields, features=frozenset({"aggregations"})))
    silent = accepted_schema(IndexSchema("i", fields))

    assert [problem(joined, s) is None for s in (whole, bare, silent)] == [True, False, True]
    assert [problem(ranked, s) is None for s in (whole, bare, silent)] == [True, False, True]


def test_a_version_that_lacks_a_clause_is_not_offered_it() -> None:
    fields = (Field("v", "dense_vector", dims=2),)
    near = {"query": {"knn": {"field": "v", "query_vector": [0.1, 0.2], "k": 3}}}

    assert problem(near, accepted_schema(IndexSchema("i", fields, version="8.13.0"))) is None
    assert problem(near, accepted_schema(IndexSchema("i", fields, version="8.11.0"))) is not None


def test_deep_aggregations_are_checked_to_the_bottom() -> None:
    body: dict[str, Any] = {"avg": {"field": "price"}}
    for _ in range(6):
        body = {"filter": {"match_all": {}}, "aggs": {"a": body}}
    schema = schema_of("shop")

    assert problem({"size": 0, "aggs": {"a": body}}, schema) is None
    wrong = json.loads(json.dumps(body).replace('"price"', '"title"'))
    assert problem({"size": 0, "aggs": {"a": wrong}}, schema) is not None


@pytest.mark.parametrize("name", MAPPINGS)
def test_random_walks_fit_it(name: str) -> None:
    walker = Walker(schema_of(name))

    for seed in range(40):
        body = walker.walk(random.Random(seed), depth=9)
        assert problem(body, schema_of(name)) is None, body
