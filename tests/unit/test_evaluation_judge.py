"""Whether a response holds the wanted rows."""

from __future__ import annotations

from typing import Any

import pytest

from nlq.elastic.answers import outcome_of
from nlq.evaluation.judge import right
from nlq.types import Result
from tests.support import lines


def _hits(*sources: dict[str, Any]) -> Result:
    return Result(tuple({"_id": str(i), "_source": s} for i, s in enumerate(sources)), len(sources))


def _buckets(*buckets: dict[str, Any]) -> Result:
    return Result((), 9, {"groups": {"buckets": list(buckets)}})


def _top(*sources: dict[str, Any]) -> dict[str, Any]:
    return {"hits": {"total": {"value": len(sources)}, "hits": [{"_id": "x", "_source": s} for s in sources]}}


@pytest.mark.parametrize(
    ("result", "rows", "ordered"),
    [
        (_hits({"a": 1, "b": "x"}, {"a": 2, "b": "y"}), [["y"], ["x"]], False),
        (_hits({"a": 1, "b": "x"}, {"a": 2, "b": "y"}), [["x", 1], ["y", 2]], True),
        (_hits({"a": {"b": "x"}}, {"a": {"b": "x"}}), [["x"]], False),
        (_hits({"at": "2020-01-01T00:00:00.000Z", "on": True}), [["2020-01-01", 1]], False),
        (Result((), 7), [[7]], False),
        (Result((), 9, {"value": {"value": 2.00000001}}), [[2]], False),
        (Result((), 9, {"v": {"value": 1.5}, "w": {"value": 3.0}}), [[3, 1.5]], False),
        (_buckets({"key": "x", "doc_count": 2}, {"key": "y", "doc_count": 1}), [["x", 2], ["y", 1]], True),
        (_buckets({"key": "x", "doc_count": 2, "value": {"value": 4.5}}), [["x", 4.5]], False),
        (_buckets({"key": "x", "doc_count": 0, "top": _top()}), [["x", 0]], False),
        (_buckets({"key": "x", "doc_count": 2, "top": _top({"a": 1})}), [["x", 1]], False),
        (Result((), 9, {"groups": {"doc_count": 3, "value": {"value": 8.0}}}), [[8]], False),
        (Result(({"_id": "1", "fields": {"day": ["Monday"]}},), 1), [["Monday"]], False),
    ],
)
def test_a_result_that_holds_the_rows_is_right(result: Result, rows: list[list[Any]], ordered: bool) -> None:
    assert right(result, rows, ordered=ordered)


@pytest.mark.parametrize(
    ("result", "rows", "ordered"),
    [
        (_hits({"b": "x"}, {"b": "y"}), [["y"], ["x"]], True),
        (_hits({"b": "x"}, {"b": "y"}), [["x"]], False),
        (_hits({"a": 1, "b": "x"}, {"a": 2, "b": "y"}), [["x", 2], ["y", 1]], False),
        (Result((), 7), [[8]], False),
        (Result((), 0), [], False),
        (_hits(), [["x"]], False),
    ],
)
def test_a_result_that_holds_other_rows_is_wrong(result: Result, rows: list[list[Any]], ordered: bool) -> None:
    assert not right(result, rows, ordered=ordered)


def test_the_judge_agrees_with_the_reference_on_every_recorded_response() -> None:
    recorded = lines("judge_responses.jsonl")
    found = [right(_result(r["response"]), r["rows"], ordered=r["ordered"]) for r in recorded]

    assert len(recorded) >= 500
    assert sum(not r["right"] for r in recorded) >= 100
    assert [r for r, mine in zip(recorded, found, strict=True) if r["right"] != mine] == []


def _result(response: dict[str, Any]) -> Result:
    result = outcome_of(response)
    assert isinstance(result, Result)
    return result
