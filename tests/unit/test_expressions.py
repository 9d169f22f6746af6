"""The closed expressions: what matches, and what the engine runs instead."""

from __future__ import annotations

import copy

import pytest

from nlq.expressions import EXAMPLES, PATTERNS, is_closed, parameterised
from nlq.types import Body

CLOSED = [
    *(("bucket_selector", f"params.a {op} {right}") for op in "> >= < <= == !=".split() for right in ("5", "params.b")),
    *(("bucket_script", f"params.a {op} {right}") for op in "+-*/" for right in ("2.5", "params.b")),
    *(("moving_fn", f"MovingFunctions.{f}(values)") for f in "min max sum unweightedAvg linearWeightedAvg".split()),
    ("bucket_selector", "params._value > -0.5"),
    ("bucket_selector", "params.value2 < 999999999999999"),
    ("bucket_script", "params.a - -5"),
]
OPEN = [
    ("bucket_selector", "params.a > 5; return true"),
    ("bucket_selector", "params.a > 5\n"),
    ("bucket_selector", "\nparams.a > 5"),
    ("bucket_selector", "params.a  >  5"),
    ("bucket_selector", "params.a>5"),
    ("bucket_selector", "5 < params.a"),
    ("bucket_selector", "params.a = 5"),
    ("bucket_selector", "params.a > 010"),
    ("bucket_selector", "params.a > 1e9"),
    ("bucket_selector", "params.a > 0x10"),
    ("bucket_selector", "params.a > params['b']"),
    ("bucket_selector", "params.a.b > 5"),
    ("bucket_selector", "params.ä > 5"),
    ("bucket_selector", "params.a > ５"),
    ("bucket_selector", f"params.{'a' * 33} > 5"),
    ("bucket_selector", "params.a + params.b"),
    ("bucket_script", "params.a > 5"),
    ("bucket_script", "params.a % params.b"),
    ("bucket_script", "params.a + params.b + params.c"),
    ("bucket_script", "Math.pow(params.a, 9)"),
    ("moving_fn", "MovingFunctions.stdDev(values, 1)"),
    ("moving_fn", "MovingFunctions.max(values) "),
    ("moving_fn", "values[0]"),
    ("derivative", "params.a > 5"),
    ("bucket_selector", {"source": "params.a > 5"}),
    ("bucket_selector", None),
    ("bucket_selector", ["params.a > 5"]),
]


def _keep(script: object, paths: object) -> Body:
    return {"keep": {"bucket_selector": {"buckets_path": paths, "script": script}}}


@pytest.mark.parametrize(("kind", "script"), [*CLOSED, *EXAMPLES.items()])
def test_a_closed_expression_is_accepted(kind: str, script: str) -> None:
    assert is_closed(kind, script)


@pytest.mark.parametrize(("kind", "script"), OPEN, ids=repr)
def test_anything_else_is_no_closed_expression(kind: str, script: object) -> None:
    assert not is_closed(kind, script)


@pytest.mark.parametrize("pattern", PATTERNS.values())
def test_patterns_are_anchored_and_hold_nothing_that_grammars_lack(pattern: str) -> None:
    assert pattern.startswith("^")
    assert pattern.endswith("$")
    assert not any(part in pattern for part in ("(?", "\\b", "\\d", "\\w", "\\1"))


def test_a_number_becomes_a_parameter_and_names_become_fixed() -> None:
    body = {
        "size": 0,
        "aggs": {"groups": {"terms": {"field": "shelf"}, "aggs": _keep("params.x > 5", {"x": "_count"})}},
    }
    runs = parameterised(body)["aggs"]["groups"]["aggs"]["keep"]["bucket_selector"]

    assert runs == {
        "buckets_path": {"a": "_count"},
        "script": {"source": "params.a != null && params.a > params.n", "params": {"n": 5}},
    }


def test_two_values_need_no_parameter() -> None:
    script = {"buckets_path": {"n": "_count", "total": "value"}, "script": "params.total / params.n"}
    runs = parameterised({"aggs": {"ratio": {"bucket_script": script}}})["aggs"]["ratio"]["bucket_script"]

    assert runs == {"buckets_path": {"a": "value", "b": "_count"}, "script": "params.a / params.b"}


def test_a_value_beside_itself_keeps_its_path() -> None:
    script = {"buckets_path": {"x": "value"}, "script": "params.x * params.x"}
    runs = parameterised({"aggs": {"ratio": {"bucket_script": script}}})["aggs"]["ratio"]["bucket_script"]

    paths = runs["buckets_path"]
    left, right = (name.removeprefix("params.") for name in runs["script"].split(" * "))
    assert (paths[left], paths[right]) == ("value", "value")


@pytest.mark.parametrize(("text", "number"), [("-5.25", -5.25), ("5000000000", 5_000_000_000), ("0.0", 0.0)])
def test_the_parameter_is_the_number_that_was_written(text: str, number: float) -> None:
    runs = parameterised({"aggregations": _keep(f"params.a > {text}", {"a": "_count"})})

    assert runs["aggregations"]["keep"]["bucket_selector"]["script"]["params"] == {"n": number}


def test_one_path_without_a_name_keeps_the_name_that_the_engine_gives_it() -> None:
    runs = parameterised({"aggs": _keep("params._value > 1", "value")})["aggs"]["keep"]["bucket_selector"]

    assert runs["buckets_path"] == "value"
    assert runs["script"]["source"] == "params._value != null && params._value > params.n"


def test_names_without_a_path_are_left_for_the_engine_to_refuse() -> None:
    runs = parameterised({"aggs": _keep("params.z > 1", {"a": "value"})})["aggs"]["keep"]["bucket_selector"]

    assert runs["script"]["source"] == "params.z != null && params.z > params.n"


def test_different_bodies_need_one_compilation() -> None:
    sources = {
        parameterised({"aggs": _keep(f"params.{name} > {n}", {name: "value"})})["aggs"]["keep"]["bucket_selector"][
            "script"
        ]["source"]
        for n, name in enumerate("abcdefgh")
    }

    assert sources == {"params.a != null && params.a > params.n"}


def test_a_body_is_not_changed_and_one_without_expressions_stays_equal() -> None:
    body = {"aggs": _keep("params.x > 5", {"x": "_count"})}
    before = copy.deepcopy(body)
    plain = {"query": {"term": {"aggs": "x"}}, "aggs": {"value": {"avg": {"field": "pages"}}}}

    parameterised(body)
    assert body == before
    assert parameterised(plain) == plain


@pytest.mark.parametrize(
    "odd", [{"aggs": None}, {"aggs": {"a": None}}, {"aggs": {"a": {"bucket_script": []}}}], ids=str
)
def test_what_is_no_aggregation_passes_through(odd: Body) -> None:
    assert parameterised(odd) == odd
