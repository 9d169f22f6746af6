"""Queries drawn with the values of an index, and which of them are worth a question."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest

from nlq.errors import EngineError
from nlq.json_schema import minified, problem
from nlq.policy import check_policy
from nlq.query_schema import decoded_schema
from nlq.seeding.conditions import nice
from nlq.seeding.coverage import KINDS, Plan
from nlq.seeding.draws import Draws
from nlq.seeding.facts import facts_of, gather
from nlq.seeding.sieve import Found, Sieve
from nlq.translator import Translator
from nlq.types import Body, Failure, Outcome, Result
from tests.fakes.engine import FakeEngine
from tests.fakes.sampler import ScriptedSampler
from tests.fakes.store import FakeStore
from tests.fakes.teacher import hotels_engine
from tests.mappings import index as mapping
from tests.support import index_schema, library, library_schema

ENGINE = hotels_engine()
INDEX = ENGINE.schema("hotels")
COUNTS = Result((), 9, {"groups": {"buckets": [{"doc_count": n, "value": {"value": n / 2}} for n in (3, 12, 47, 80)]}})


def _sieve() -> Sieve:
    return Sieve(Translator(ENGINE, ScriptedSampler(["{}"]), FakeStore()), INDEX)


def _drawn(name: str, times: int) -> list[tuple[str, Body]]:
    """Kinds with bodies drawn from a fixture index, each for the target that lacked most."""
    index = library_schema() if name == "library" else index_schema(name)
    documents = library()["documents"] if name == "library" else mapping(name)["documents"]
    plan, out = Plan(index, facts_of(documents, index, documents=len(documents))), []
    for number in range(times):
        rng = random.Random(number)
        if target := plan.target(rng):
            body = Draws(index, plan.facts, rng, lambda _: COUNTS).body(target)
            plan.note(target.kind.name, target.cell, body, kept=body is not None)
            out += [(target.kind.name, body)] if body else []
    return out


@pytest.mark.parametrize("name", ["library", "shop", "logs", "odd", "single"])
def test_every_query_drawn_is_one_that_the_model_could_write(name: str) -> None:
    index = library_schema() if name == "library" else index_schema(name)
    schema = decoded_schema(index)
    drawn = _drawn(name, 150)

    assert len(drawn) > 60
    assert [(minified(body), wrong) for _, body in drawn if (wrong := problem(body, schema))] == []
    assert [minified(body) for _, body in drawn if check_policy(body)] == []


def test_the_same_random_numbers_draw_the_same_query() -> None:
    assert _drawn("shop", 40) == _drawn("shop", 40)


def test_all_kinds_of_queries_are_drawn_of_an_index_that_has_all_kinds_of_fields() -> None:
    facts = gather(ENGINE, INDEX, seed=1, timeout=1)
    plan, sieve, found = Plan(INDEX, facts), _sieve(), Counter[str]()
    for number in range(200):
        rng = random.Random(number)
        target = plan.target(rng)
        assert target
        body = Draws(INDEX, facts, rng, sieve.answer).body(target)
        plan.note(target.kind.name, target.cell, body, kept=body is not None)
        found[target.kind.name] += body is not None

    assert {kind.name for kind in KINDS} == {kind for kind, number in found.items() if number}


@pytest.mark.parametrize(
    ("number", "whole", "said"),
    [(1234, True, 1200), (57.3, False, 57), (4.27, False, 4.3), (0.0342, False, 0.034), (0, False, 0), (7, True, 7)],
)
def test_numbers_are_rounded_as_people_say_them(number: float, whole: bool, said: float) -> None:
    assert nice(number, whole=whole) == said


BOOKED: Body = {"bool": {"filter": [{"term": {"city": "Oslo"}}, {"range": {"stars": {"gte": 1}}}]}}


@pytest.mark.parametrize(
    ("query", "strict", "why"),
    [
        ({"query": {"term": {"city": "Atlantis"}}, "size": 0}, False, "finds nothing"),
        ({"query": {"range": {"price": {"gt": 1}}}, "size": 0}, False, "finds what the unfiltered index has"),
        ({"query": {"match_all": {}}}, False, "finds what the unfiltered index has"),
        ({"query": BOOKED, "size": 0}, True, "a condition changes nothing"),
        ({"query": {"match_all": {}}, "sort": [{"stars": {"order": "desc"}}], "size": 3}, True, "the order is tied"),
        ({"query": {"match_all": {}}, "sort": [{"price": {"order": "desc"}}], "size": 99}, True, "the order is tied"),
        (
            {
                "query": {"match_all": {}},
                "size": 0,
                "aggs": {"groups": {"terms": {"field": "city", "min_doc_count": 2}}},
            },
            True,
            "the limit keeps every group",
        ),
        (
            {"query": {"match_all": {}}, "size": 0, "aggs": {"groups": {"terms": {"field": "city", "size": 9}}}},
            True,
            "the groups are tied",
        ),
        ({"query": {"term": {"nowhere": 1}}}, False, "invalid: "),
        ({"query": {"match_all": {}}, "size": 3, "aggs": {"value": {"avg": {"field": "price"}}}}, False, "not in the"),
        ({"query": {"script": {"script": "1"}}}, False, "invalid: "),
        ({"query": {"prefix": {"city": {"value": "Os", "case_insensitive": True}}}}, False, "rejected: "),
    ],
)
def test_a_query_that_tells_nothing_or_cannot_run_is_dropped(query: Body, strict: bool, why: str) -> None:
    assert str(_sieve().examine(minified(query), strict=strict)).startswith(why)


@pytest.mark.parametrize("text", ["", "no JSON", "[1]", "[" * 5000, '{"query":' * 400, '{"a":NaN}', "null"])
def test_a_text_that_is_no_query_is_dropped_with_a_reason(text: str) -> None:
    assert isinstance(_sieve().examine(text), str)


@pytest.mark.parametrize(
    "query",
    [
        BOOKED | {"bool": {"filter": [{"term": {"city": "Oslo"}}, {"range": {"stars": {"gte": 4}}}]}},
        {"bool": {"filter": [{"term": {"open": True}}], "must_not": [{"term": {"city": "Lima"}}]}},
    ],
)
def test_a_query_whose_every_condition_counts_passes(query: Body) -> None:
    assert isinstance(_sieve().examine(minified({"query": query, "size": 0}), strict=True), Found)


def _print_of(query: Body) -> str:
    found = _sieve().examine(json.dumps(query))
    assert isinstance(found, Found), found
    return found.fingerprint


def test_queries_that_differ_in_a_value_only_and_find_the_same_have_one_fingerprint() -> None:
    one, same, other, shown = (
        {"query": {"range": {"price": {"gt": 100}}}, "size": 0},
        {"query": {"range": {"price": {"gt": 100.001}}}, "size": 0},
        {"query": {"range": {"price": {"gt": 200}}}, "size": 0},
        {"query": {"range": {"price": {"gt": 100}}}, "_source": ["title"]},
    )

    assert _print_of(one) == _print_of(same)
    assert len({_print_of(q) for q in (one, other, shown)}) == 3


def test_equal_numbers_over_other_documents_are_no_duplicates() -> None:
    phones = [f"555-{number:04}" for number in (1, 2, 4)]
    counts = [{"query": {"term": {"phone": phone}}, "size": 0} for phone in phones]
    highest = [{**count, "aggs": {"value": {"max": {"field": "price"}}}} for count in counts]

    assert len({_print_of(q) for q in (*counts, *highest)}) == 6


def test_a_query_is_kept_in_its_canonical_spelling() -> None:
    found = _sieve().examine(
        '{"size":0,"track_total_hits":true,"query":{"bool":{"must":[{"term":{"city":{"value":"Oslo"}}}]}},'
        '"aggs":{"mean price":{"avg":{"field":"price"}}}}'
    )

    assert isinstance(found, Found)
    wanted: dict[str, Any] = {
        "query": {"term": {"city": "Oslo"}},
        "size": 0,
        "aggs": {"value": {"avg": {"field": "price"}}},
    }
    assert found.query == wanted


def test_days_are_drawn_in_whole_months_or_years() -> None:
    ranges = [b["query"]["range"] for k, b in _drawn("library", 300) if k == "count" and "range" in b["query"]]
    days = [datetime.fromisoformat(d) for r in ranges for name in r if name == "bought" for d in r[name].values()]

    assert days
    assert all(day.day == 1 for day in days)


def test_an_index_whose_documents_cannot_be_read_is_not_called_empty() -> None:
    class Slow(FakeEngine):
        def search(self, index: str, bodies: Sequence[Body], *, timeout: float) -> list[Result | Failure]:
            return [Failure(Outcome.TIMED_OUT, "took too long") for _ in bodies]

    with pytest.raises(EngineError, match="took too long"):
        gather(Slow(), INDEX, seed=1, timeout=1)
