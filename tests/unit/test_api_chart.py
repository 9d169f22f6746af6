"""Charts of results: which of them make one, and what it shows."""

from __future__ import annotations

from typing import Any

import altair
import jsonschema
import pytest

from api.chart import MOST_BARS, MOST_SERIES, Spec, chart
from nlq.types import Result
from tests.support import lines

CASES = lines("charts.jsonl")


def chart_of(case: dict[str, Any]) -> Spec | None:
    return chart(case["query"], Result(tuple(case.get("hits", ())), 0, case.get("aggregations", {})))


@pytest.mark.parametrize("case", [c for c in CASES if c["mark"]], ids=lambda case: case["name"])
def test_a_result_becomes_its_chart(case: dict[str, Any]) -> None:
    spec = chart_of(case)

    assert spec is not None
    mark = spec["mark"] if isinstance(spec["mark"], str) else spec["mark"]["type"]
    assert (mark, spec["data"]["values"]) == (case["mark"], case["rows"])
    assert {channel: spec["encoding"][channel]["title"] for channel in case.get("titles", {})} == case.get("titles", {})
    named = {channel["field"] for channel in spec["encoding"].values()}
    assert all(named - {"value"} <= row.keys() for row in case["rows"])


@pytest.mark.parametrize("case", [c for c in CASES if not c["mark"]], ids=lambda case: case["name"])
def test_what_is_better_told_than_drawn_has_no_chart(case: dict[str, Any]) -> None:
    assert chart_of(case) is None


@pytest.mark.parametrize("case", [c for c in CASES if c["mark"]], ids=lambda case: case["name"])
def test_a_chart_is_what_the_schema_of_vega_lite_allows(case: dict[str, Any]) -> None:
    spec = chart_of(case)

    assert spec is not None
    assert altair.Chart.from_dict(spec).to_dict()["mark"] == spec["mark"]
    with pytest.raises(jsonschema.ValidationError):
        altair.Chart.from_dict({**spec, "mark": "no mark"})


def test_a_time_zone_that_is_not_known_here_hinders_no_answer() -> None:
    aggs = {"t": {"date_histogram": {"field": "at", "calendar_interval": "day", "time_zone": "Europe/Nowhere"}}}
    buckets = [{"key": day * 86_400_000, "key_as_string": f"1970-01-0{day}", "doc_count": day} for day in (1, 2, 3)]

    assert chart({"size": 0, "aggs": aggs}, Result((), 6, {"t": {"buckets": buckets}})) is not None


def groups(many: int, inner: int = 0) -> Result:
    below = {"b": {"buckets": [{"key": f"s{i}", "doc_count": 1} for i in range(inner)]}} if inner else {}
    return Result((), 0, {"g": {"buckets": [{"key": f"g{i}", "doc_count": 1, **below} for i in range(many)]}})


@pytest.mark.parametrize(("many", "drawn"), [(MOST_BARS, True), (MOST_BARS + 1, False)])
def test_more_groups_than_can_be_read_are_a_table(many: int, drawn: bool) -> None:
    assert (chart({"aggs": {"g": {"terms": {"field": "shelf"}}}}, groups(many)) is not None) is drawn


@pytest.mark.parametrize(("many", "coloured"), [(MOST_SERIES, True), (MOST_SERIES + 1, False)])
def test_more_parts_than_can_be_told_apart_are_one(many: int, coloured: bool) -> None:
    inner = {"b": {"terms": {"field": "reader"}}}
    spec = chart({"aggs": {"g": {"terms": {"field": "shelf"}, "aggs": inner}}}, groups(2, many))

    assert spec is not None
    assert ("color" in spec["encoding"]) is coloured


def test_what_documents_hold_is_data_only() -> None:
    evil = "datum['x']; <script>"
    found = {"g": {"buckets": [{"key": evil, "doc_count": 1}, {"key": "b", "doc_count": 2}]}}
    spec = chart({"aggs": {"g": {"terms": {"field": "shelf"}}}}, Result((), 0, found))

    assert spec is not None
    assert evil in str(spec.pop("data"))
    assert evil not in str(spec)
