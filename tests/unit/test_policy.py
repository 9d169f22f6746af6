"""The policy: attacks are refused with a reason, treacherous names are not, and the page tells the table."""

from __future__ import annotations

import inspect
import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import elasticsearch.dsl.aggs
import elasticsearch.dsl.query
import pytest

from nlq.policy import PolicyLimits, check_policy, check_shape, fields_of
from nlq.policy.document import document
from nlq.policy.grammar import AGGREGATIONS, QUERIES
from nlq.policy.rules import BY_PLACE, RULES, Place
from nlq.types import Body, Field, IndexSchema, Outcome
from tests.support import lines

ATTACKS = lines("policy_attacks.jsonl")
FINE = lines("policy_fine.jsonl")
FIELDS = fields_of(
    IndexSchema(
        "library",
        (
            Field("title", "text"),
            Field("title.keyword", "keyword", parent="title"),
            Field("author.name", "keyword"),
            Field("labels", "flattened"),
            Field("loans", "nested"),
            Field("loans.fee", "double", nested="loans"),
            Field("kin", "join", relations=(("parent", "child"),)),
        ),
    )
)


@pytest.mark.parametrize("case", ATTACKS, ids=lambda c: c["name"])
def test_an_attack_is_refused_with_its_reason(case: dict[str, Any]) -> None:
    refusal = check_policy(case["body"])

    assert refusal is not None
    assert refusal.outcome is Outcome.REFUSED
    assert case["reason_contains"] in refusal.reason
    assert "\n" not in refusal.reason


@pytest.mark.parametrize("case", FINE, ids=lambda c: c["name"])
def test_names_and_values_like_forbidden_keys_are_fine(case: dict[str, Any]) -> None:
    assert check_policy(case["body"]) is None


@pytest.mark.parametrize("kind", sorted(set(AGGREGATIONS) - {"filter"}))
def test_a_script_is_refused_beside_the_options_of_every_aggregation(kind: str) -> None:
    for script in ("doc.x.value", {"source": "1"}, {"id": "stored"}):
        refusal = check_policy({"aggs": {"x": {kind: {"script": script}}}})

        assert refusal is not None
        assert "script" in refusal.reason


@pytest.mark.parametrize("kind", sorted(QUERIES))
def test_a_forbidden_option_is_refused_in_every_query(kind: str) -> None:
    option = {"script": {"source": "1"}}
    by_field = "*" in QUERIES[kind]
    refusal = check_policy(
        {"query": {kind: {"shelf": [option] if kind == "terms" else option} if by_field else option}}
    )

    assert refusal is not None


def test_everything_the_client_knows_is_either_in_the_grammar_or_in_the_table() -> None:
    names = {
        name: {getattr(c, "name", None) for c in vars(module).values() if inspect.isclass(c) and issubclass(c, base)}
        for name, module, base in (
            ("query", elasticsearch.dsl.query, elasticsearch.dsl.query.Query),
            ("aggregation", elasticsearch.dsl.aggs, elasticsearch.dsl.aggs.Agg),
        )
    }
    refused = {place: BY_PLACE[Place.ANYWHERE].keys() | BY_PLACE[place].keys() for place in Place}

    assert names["query"] - QUERIES.keys() - refused[Place.QUERY] - {"", None} == set()
    # "line" is the client's wrong name of geo_line.
    assert names["aggregation"] - AGGREGATIONS.keys() - refused[Place.AGGREGATION] - {"", None, "line"} == set()


def test_no_name_is_both_in_the_grammar_and_in_the_table() -> None:
    for rule in RULES:
        assert not (rule.place in (Place.ANYWHERE, Place.QUERY) and QUERIES.keys() & set(rule.keys))
        assert not (rule.place in (Place.ANYWHERE, Place.AGGREGATION) and AGGREGATIONS.keys() & set(rule.keys))


@pytest.mark.parametrize(
    "body",
    [
        {"query": {"term": {"title.keyword": "x"}}, "sort": ["_score"], "_source": ["author", "loans.*"]},
        {"query": {"term": {"labels.env": "prod"}}},
        {"query": {"exists": {"field": "author"}}},
        {"query": {"nested": {"path": "loans", "query": {"range": {"loans.fee": {"gt": 1}}}}}},
        {"query": {"multi_match": {"query": "x", "fields": ["title^2", "*.keyword", "*"]}}},
        {"query": {"ids": {"values": ["1"]}}, "aggs": {"g": {"terms": {"field": "kin#parent"}}}},
        {"query": {"terms": {"_id": ["1"]}}, "fields": ["_id", "ti*"], "docvalue_fields": ["author.name"]},
    ],
    ids=json.dumps,
)
def test_fields_of_the_index_may_be_named(body: Body) -> None:
    assert check_policy(body, fields=FIELDS) is None


@pytest.mark.parametrize(
    "body",
    [
        {"query": {"term": {"secret": "x"}}},
        {"query": {"terms": {"secret": ["x"]}}},
        {"query": {"wildcard": {"secret": "x"}}},
        {"query": {"exists": {"field": "secret"}}},
        {"query": {"term": {"title.secret": "x"}}},
        {"query": {"term": {"label": "x"}}},
        {"query": {"nested": {"path": "secret", "query": {"match_all": {}}}}},
        {"query": {"multi_match": {"query": "x", "fields": ["secret^2"]}}},
        {"query": {"intervals": {"title": {"match": {"query": "x", "use_field": "secret"}}}}},
        {"query": {"geo_distance": {"distance": "1km", "secret": [1, 2]}}},
        {"query": {"function_score": {"field_value_factor": {"field": "secret"}}}},
        {"aggs": {"a": {"terms": {"field": "secret"}}}},
        {"aggs": {"a": {"composite": {"sources": [{"s": {"terms": {"field": "secret"}}}]}}}},
        {"aggs": {"a": {"top_metrics": {"metrics": {"field": "secret"}, "sort": "title.keyword"}}}},
        {"sort": [{"secret": "asc"}]},
        {"sort": "secret"},
        {"sort": {"_geo_distance": {"secret": [1, 2]}}},
        {"_source": ["secret"]},
        {"_source": {"includes": "sec*"}},
        {"fields": ["secret.*"]},
        {"docvalue_fields": [{"field": "secret"}]},
        {"highlight": {"fields": {"secret": {}}}},
        {"collapse": {"field": "secret"}},
        {"knn": {"field": "secret", "query_vector": [1], "k": 1}},
    ],
    ids=json.dumps,
)
def test_fields_that_the_index_does_not_list_are_refused_wherever_they_stand(body: Body) -> None:
    assert check_policy(body) is None

    refusal = check_policy(body, fields=FIELDS)

    assert refusal is not None
    assert "index" in refusal.reason


def test_limits_can_be_set_and_are_inclusive() -> None:
    body = {"query": {"match_all": {}}, "from": 10, "size": 90}

    assert check_policy(body, limits=PolicyLimits(window=100)) is None
    assert check_policy(body, limits=PolicyLimits(window=99)) is not None
    assert check_policy(body, limits=PolicyLimits(clauses=1)) is None
    assert check_policy(body, limits=PolicyLimits(clauses=0)) is not None
    assert check_policy(body, limits=PolicyLimits(keys=4, depth=3)) is None
    assert check_policy(body, limits=PolicyLimits(keys=3)) is not None


def test_buckets_multiply_down_the_levels_and_histograms_count_as_one() -> None:
    inner = {"terms": {"field": "pages", "size": 100}}
    body = {
        "aggs": {
            "a": {
                "terms": {"field": "shelf", "size": 10},
                "aggs": {
                    "b": {"date_histogram": {"field": "bought", "calendar_interval": "day"}, "aggs": {"c": inner}}
                },
            }
        }
    }
    asked = 10 * (1 + 1 * (1 + 100))

    assert check_policy(body, limits=PolicyLimits(buckets=asked)) is None
    assert check_policy(body, limits=PolicyLimits(buckets=asked - 1)) is not None


def test_a_cyclic_body_is_refused() -> None:
    around: list[Any] = []
    around += [around, around]
    deep: Body = {}
    deep["query"] = {"bool": {"must": [deep]}}

    for body in ({"query": around}, deep):
        assert check_policy(body) is not None


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), float("-inf"), "\ud800", b"x", (1,), {1}, 10**40, object()], ids=repr
)
def test_what_has_no_json_form_is_refused(value: object) -> None:
    for body in ({"query": {"term": {"shelf": value}}}, {"search_after": [value]}, {"size": value}):
        assert check_shape(body) is not None


@pytest.mark.parametrize("key", ["", "a\nb", "a\x7fb", "\ud800", 1, None])
def test_a_key_that_names_nothing_is_refused(key: Any) -> None:
    assert check_shape({"query": {"term": {key: 1}}}) is not None


def test_a_body_is_measured_in_bytes() -> None:
    body = {"query": {"terms": {"shelf": ["Ж" * 1000] * 9}}}

    assert check_shape(body, limits=replace(PolicyLimits(), body_bytes=18_200)) is None
    assert check_shape(body, limits=replace(PolicyLimits(), body_bytes=18_000)) is not None


def test_odd_bodies_are_judged_and_never_raise() -> None:
    words = [*QUERIES, *AGGREGATIONS, *(key for rule in RULES for key in rule.keys), "query", "aggs", "sort", "field"]
    words += ["fields", "_source", "highlight", "script", "size", "from", "include", "like", "values", "sources", "x"]
    chance = random.Random(4)
    plain = (None, True, -1, 0.5, "", "*", "x^y", "{9,", "1e999", "a" * 101, [], {}, [[]], [None])

    def odd(depth: int) -> object:
        kind = chance.random() if depth else 0
        if kind < 0.2:
            return chance.choice(plain)
        if kind < 0.4:
            return [odd(depth - 1) for _ in range(chance.randrange(3))]
        return {chance.choice(words): odd(depth - 1) for _ in range(chance.randrange(1, 4))}

    for _ in range(3000):
        start = chance.choice(("query", "aggs", "sort", "_source", "highlight", "knn", "collapse", "fields", "rescore"))
        refusal = check_policy({start: odd(6)}, fields=FIELDS)

        assert refusal is None or refusal.reason


def test_the_page_is_what_the_table_says() -> None:
    page = Path(__file__).parents[2] / "docs" / "policy.md"

    assert page.read_text(encoding="utf-8") == document(), "run: python -m nlq.policy.document > docs/policy.md"
