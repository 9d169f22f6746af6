"""Candidates against the checks, in order: parse, shape, schema, policy, dry run."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nlq.query_schema import accepted_schema
from nlq.types import Body, Candidate, Outcome, Repair, Verdict
from nlq.verify import Known, check, complete, parse, verify
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
    "200 levels": ('{"a":' * 200 + "1" + "}" * 200, Outcome.REFUSED),
    "a lone surrogate": ('{"query":"\ud800"}', Outcome.REFUSED),
    "size 10^9": ('{"query":{"match_all":{}},"size":1000000000}', Outcome.INVALID),
    "an unknown field": ('{"query":{"term":{"owner":"x"}}}', Outcome.INVALID),
    "a script": ('{"query":{"match_all":{}},"script_fields":{}}', Outcome.INVALID),
}


def _verify(texts: list[str], engine: FakeEngine | None = None) -> tuple[Verdict, ...]:
    return verify(
        [Candidate(t, -0.1) for t in texts],
        schema=accepted_schema(library_schema()),
        index="library",
        engine=engine or library_engine(),
        timeout=5,
        finish=lambda body: (complete(body, max_results=100), ()),
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


def test_a_text_is_finished_once_in_all_calls_on_one_question() -> None:
    engine, known = library_engine(), Known()
    finished: list[Body] = []

    def finish(body: Body) -> tuple[Body, tuple[Repair, ...]]:
        finished.append(body)
        return complete(body, max_results=100), ()

    def found(*texts: str) -> tuple[Verdict, ...]:
        return verify(
            [Candidate(text, -0.5) for text in texts],
            schema=accepted_schema(library_schema()),
            index="library",
            engine=engine,
            timeout=1,
            finish=finish,
            known=known,
        )

    first, same = found(COUNT, COUNT)
    (later,) = found(COUNT)

    assert len(finished) == 1
    assert first.query is same.query is later.query
    assert first.result is same.result is later.result


def test_a_body_the_engine_refuses_is_a_verdict_too() -> None:
    schema = {"type": "object"}
    (verdict,) = verify(
        [Candidate('{"query":{"span_term":{"shelf":"Crime"}}}', -1)],
        schema=schema,
        index="library",
        engine=library_engine(),
        timeout=5,
        finish=lambda b: (b, ()),
    )

    assert verdict.outcome is Outcome.REJECTED
    assert "span_term" in verdict.reason


def test_a_verdict_names_the_values_that_were_repaired_for_its_own_candidate() -> None:
    made = Repair("shelf", "crime", "Crime")

    def finish(body: Body) -> tuple[Body, tuple[Repair, ...]]:
        return json.loads(COUNT), (made,) if "crime" in str(body) else ()

    engine = library_engine()
    repaired, fine, refused = verify(
        [Candidate(text, -1) for text in (COUNT.replace("Crime", "crime"), COUNT, "{")],
        schema=accepted_schema(library_schema()),
        index="library",
        engine=engine,
        timeout=5,
        finish=finish,
    )

    assert [v.repairs for v in (repaired, fine, refused)] == [(made,), (), ()]
    assert repaired.query == fine.query
    assert [len(bodies) for bodies in engine.bodies] == [1]


def test_the_policy_refuses_what_a_schema_let_through() -> None:
    refusal = check({"query": {"script": {"script": "1"}}}, {})

    assert refusal is not None
    assert refusal.outcome is Outcome.REFUSED
    assert "script" in refusal.reason


def test_the_schema_speaks_before_the_policy() -> None:
    refusal = check({"query": {"script": {"script": "1"}}}, accepted_schema(library_schema()))

    assert refusal is not None
    assert refusal.outcome is Outcome.INVALID


def test_the_shape_is_checked_before_a_schema_walks_into_the_body() -> None:
    body: Body = {"query": {}}
    for _ in range(5000):
        body = {"query": {"nested": body}}

    refusal = check(body, {"$ref": "#/$defs/any", "$defs": {"any": {"additionalProperties": {"$ref": "#/$defs/any"}}}})

    assert refusal is not None
    assert "deeper" in refusal.reason


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


def test_a_page_ends_at_the_window_that_elasticsearch_pages_through() -> None:
    assert complete({"query": {"match_all": {}}, "from": 9_990}, max_results=50)["size"] == 10
    assert complete({"query": {"match_all": {}}, "from": 10}, max_results=50)["size"] == 50


def test_open_sizes_are_filled_under_either_name_of_aggregations() -> None:
    deeper = {"multi_terms": {"terms": []}, "aggs": {"c": {"composite": {"sources": [], "size": 900}}}}
    body = complete({"size": 0, "aggregations": {"a": {"filter": {}, "aggregations": {"b": deeper}}}}, max_results=50)
    filled = body["aggregations"]["a"]["aggregations"]["b"]

    assert filled["multi_terms"]["size"] == 50
    assert filled["aggs"]["c"]["composite"]["size"] == 50


def test_duplicate_white_space_around_json_is_fine() -> None:
    assert parse('  {"query": {}} \n') == {"query": {}}
