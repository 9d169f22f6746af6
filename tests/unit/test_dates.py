"""Dates in a body as the engine must read them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from nlq.dates import grounded, whole_periods
from nlq.types import Body, Field, IndexSchema
from tests.support import library_schema, lines

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
SCHEMA = IndexSchema(
    "days",
    (
        Field("iso", "date"),
        Field("both", "date", format="yyyy/MM/dd||strict_date_optional_time"),
        Field("slash", "date", format="yyyy/MM/dd"),
        Field("epoch", "date", format="epoch_second"),
        Field("year", "date", format="yyyy"),
        Field("span", "date_range"),
        Field("word", "keyword"),
    ),
)
BOUNDS: list[tuple[Body, Body]] = [
    ({"gt": "1995"}, {"gte": "1996"}),
    ({"lte": "1995"}, {"lt": "1996"}),
    ({"gt": "1995-12"}, {"gte": "1996-01"}),
    ({"gte": "1995-01", "lte": "1995-03"}, {"gte": "1995-01", "lt": "1995-04"}),
    ({"gte": "1995", "lt": "1996"}, {"gte": "1995", "lt": "1996"}),
    ({"lte": "1995-03-05"}, {"lte": "1995-03-05"}),
    ({"gt": "now-1y/d"}, {"gt": "now-1y/d"}),
    ({"gt": "1995", "gte": "1994"}, {"gt": "1995", "gte": "1994"}),
    ({"lte": "9999", "gt": "9999-12"}, {"lte": "9999", "gt": "9999-12"}),
    ({"lte": None, "gt": 1995}, {"lte": None, "gt": 1995}),
]


@pytest.mark.parametrize(("asked", "runs"), BOUNDS)
def test_a_year_or_month_bounds_a_range_as_a_whole(asked: Body, runs: Body) -> None:
    body = {"query": {"bool": {"filter": [{"range": {"bought": asked}}]}}}

    assert whole_periods(body, library_schema()) == {"query": {"bool": {"filter": [{"range": {"bought": runs}}]}}}


def test_ranges_inside_aggregations_and_nested_queries_are_whole_too() -> None:
    late = {"nested": {"path": "loans", "query": {"range": {"loans.since": {"gt": "1995"}}}}}
    body = {"size": 0, "aggs": {"groups": {"filters": {"filters": {"late": late}}}}, "post_filter": late}
    runs = json.loads(json.dumps(body).replace('{"gt": "1995"}', '{"gte": "1996"}'))

    assert whole_periods(body, library_schema()) == runs


def test_a_date_term_that_names_a_year_or_month_is_all_of_its_days() -> None:
    body = {
        "query": {"bool": {"filter": [{"term": {"bought": "1995"}}, {"terms": {"bought": ["2001-12", "2002-01-05"]}}]}}
    }
    several = [{"range": {"bought": {"gte": "2001-12", "lt": "2002-01"}}}, {"term": {"bought": "2002-01-05"}}]

    assert whole_periods(body, library_schema())["query"]["bool"]["filter"] == [
        {"range": {"bought": {"gte": "1995", "lt": "1996"}}},
        {"bool": {"should": several, "minimum_should_match": 1}},
    ]


@pytest.mark.parametrize(
    "body",
    [
        {"query": {"range": {"pages": {"gt": 1995}}}},
        {"query": {"range": {"shelf": {"lte": "1995"}}}},
        {"query": {"match": {"range": {"bought": {"gt": "1995"}}}}},
        {"aggs": {"g": {"date_range": {"field": "bought", "ranges": [{"from": "1995", "to": "1996"}]}}}},
        {"aggs": {"g": {"date_histogram": {"field": "bought", "calendar_interval": "year", "missing": "1995"}}}},
        {"query": {"range": ["bought"]}, "aggs": {"range": {"range": {"bought": {"gt": "1995"}}}}, "sort": 3},
    ],
)
def test_numbers_words_buckets_and_odd_shapes_are_left_alone(body: Body) -> None:
    assert whole_periods(body, library_schema()) == body


@pytest.mark.parametrize("case", lines("grounded.jsonl"), ids=lambda c: json.dumps(c["asked"])[:90])
def test_now_is_fixed_and_dates_fit_their_fields(case: dict[str, Any]) -> None:
    assert grounded(case["asked"], SCHEMA, NOW) == (case["runs"] or case["asked"])


def test_now_is_told_in_utc_whatever_the_clock() -> None:
    asked = {"query": {"range": {"iso": {"gte": "now"}}}}
    elsewhere = NOW.astimezone(timezone(timedelta(hours=-7)))

    assert grounded(asked, SCHEMA, elsewhere) == grounded(asked, SCHEMA, NOW)


def test_a_clock_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        grounded({}, SCHEMA, datetime(2026, 11, 21))


def test_grounding_twice_changes_nothing_more() -> None:
    once = [grounded(case["asked"], SCHEMA, NOW) for case in lines("grounded.jsonl")]

    assert [grounded(body, SCHEMA, NOW + timedelta(days=1)) for body in once if "now" not in json.dumps(body)] == [
        body for body in once if "now" not in json.dumps(body)
    ]
