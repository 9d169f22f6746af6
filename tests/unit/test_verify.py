"""Candidates against the checks, in order: parse, schema, policy, dry run."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nlq.query_schema import query_schema
from nlq.types import Body, Candidate, Outcome, Verdict
from nlq.verify import check_policy, complete, parse, verify
from tests.fakes.engine import FakeEngine
from tests.support import library_engine, library_schema

COUNT = '{"query":{"term":{"shelf":"Crime"}},"size":0}'
WEIRD = {
    "not JSON": ("SELECT * FROM library", Outcome.UNPARSED),
    "half of it": ('{"query":{"match_all":{}', Outcome.UNPARSED),
    "a list": ("[1]", Outcome.UNPARSED),
    "nothing": ("", Outcome.UNPARSED),
    "not a number": ('{"query":{"term":{"pages":NaN}}}', Outcome.UNPARSED),
    "a number of 5000 digits": ('{"query":{"term":{"pages":%s}}}' % ("9" * 5000), Outcome.UNPARSED),
    "10,000 levels": ('{"a":' * 10_000 + "1" + "}" * 10_000, Outcome.UNPARSED),
    "200 levels": ('{"a":' * 200 + "1" + "}" * 200, Outcome.INVALID),
    "a lone surrogate": ('{"query":"\ud800"}', Outcome.INVALID),
    "size 10^9": ('{"query":{"match_all":{}},"size":1000000000}', Outcome.INVALID),
    "an unknown field": ('{"query":{"term":{"owner":"x"}}}', Outcome.INVALID),
    "a script": ('{"query":{"match_all":{}},"script_fields":{}}', Outcome.INVALID),
}


def _verify(texts: list[str], engine: FakeEngine | None = None) -> tuple[Verdict, ...]:
    return verify(
        [Candidate(t, -0.1) for t in texts],
        schema=query_schema(library_schema()),
        index="library",
        engine=engine or library_engine(),
        timeout=5,
        finish=lambda body: complete(body, max_results=100),
    )


@pytest.mark.parametrize("name", WEIRD)
def test_a_bad_candidate_is_a_verdict_with_a_reason(name: str) -> None:
    text, outcome = WEIRD[name]
    (verdict,) = _verify([text])

    assert verdict.outcome is outcome
    assert verdict.reason
    assert verdict.result is None


def test_bad_candidates_do_not_disturb_the_good_one_beside_them() -> None:
    verdicts = _verify([*(text for text, _ in WEIRD.values()), COUNT])

    assert [v.outcome for v in verdicts[:-1]] == [outcome for _, outcome in WEIRD.values()]
    assert verdicts[-1].result is not None
    assert verdicts[-1].result.total == 2


def test_equal_bodies_run_once_and_all_bodies_in_one_request() -> None:
    engine = library_engine()
    verdicts = _verify([COUNT, '{"query":{"match_all":{}},"size":0}', COUNT.replace(":", ": ")], engine)

    assert [len(bodies) for bodies in engine.bodies] == [2]
    assert verdicts[0].result is verdicts[2].result


def test_a_body_the_engine_refuses_is_a_verdict_too() -> None:
    schema = {"type": "object"}
    (verdict,) = verify(
        [Candidate('{"query":{"no_such_clause":{}}}', -1)],
        schema=schema,
        index="library",
        engine=library_engine(),
        timeout=5,
        finish=lambda b: b,
    )

    assert verdict.outcome is Outcome.REJECTED
    assert "no_such_clause" in verdict.reason


@pytest.mark.parametrize(
    "body",
    [
        {"query": {"script": {"script": "1"}}},
        {"aggs": {"x": {"scripted_metric": {}}}},
        {"runtime_mappings": {"x": {}}, "query": {"match_all": {}}},
        {"query": {"match_all": {}}, "sort": [{"_script": {"type": "number", "script": "1"}}]},
        {"query": {"bool": {"filter": [{"terms": {"shelf": {"index": "secrets", "id": "1", "path": "x"}}}]}}},
        {"query": {"wildcard": {"shelf": {"value": "*a" * 400}}}},
        {"query": {"bool": {"should": [{"term": {"shelf": str(i)}} for i in range(300)]}}},
    ],
    ids=json.dumps,
)
def test_policy_refuses_it_even_where_a_schema_would_accept_it(body: Body) -> None:
    refusal = check_policy(body, {})

    assert refusal is not None
    assert refusal.outcome is Outcome.REFUSED


def test_a_field_may_be_named_like_a_forbidden_key() -> None:
    body = {"query": {"term": {"script": "Cyrillic"}}, "sort": [{"pit": {"order": "asc"}}]}

    assert check_policy(body, {}) is None


def test_what_the_query_leaves_open_is_filled_and_what_is_too_much_is_cut() -> None:
    groups: dict[str, Any] = {
        "terms": {"field": "shelf"},
        "aggs": {"groups": {"terms": {"field": "pages", "size": 900}}},
    }
    body = complete({"query": {"match_all": {}}, "size": 0, "aggs": {"groups": groups}}, max_results=50)

    assert body["size"] == 0
    assert body["track_total_hits"] is True
    assert body["aggs"]["groups"]["terms"]["size"] == 50
    assert body["aggs"]["groups"]["aggs"]["groups"]["terms"]["size"] == 50
    assert complete({"query": {"match_all": {}}}, max_results=50)["size"] == 50
    assert complete({"query": {"match_all": {}}, "size": 3}, max_results=50)["size"] == 3


def test_duplicate_white_space_around_json_is_fine() -> None:
    assert parse('  {"query": {}} \n') == {"query": {}}
