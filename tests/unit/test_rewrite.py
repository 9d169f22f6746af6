"""The walk over the clauses of a body."""

from __future__ import annotations

from typing import Any

import pytest

from nlq.rewrite import Walk
from nlq.types import Body

LEAF = {"term": {"a": 1}}
PLACES: list[Body] = [
    {"query": LEAF},
    {"post_filter": LEAF},
    {"knn": {"field": "v", "k": 3, "filter": LEAF}},
    {"knn": [{"field": "v", "k": 3, "filter": [LEAF]}]},
    {"query": {"bool": {"must": LEAF, "should": [LEAF, LEAF]}}},
    {"query": {"boosting": {"positive": LEAF, "negative": LEAF, "negative_boost": 0.5}}},
    {"query": {"dis_max": {"queries": [LEAF]}}},
    {"query": {"has_child": {"type": "t", "query": {"constant_score": {"filter": LEAF}}}}},
    {"query": {"function_score": {"query": LEAF, "functions": [{"filter": LEAF, "weight": 2}]}}},
    {"aggs": {"term": {"filter": LEAF, "aggs": {"x": {"filters": {"filters": {"term": LEAF}}}}}}},
    {"aggregations": {"x": {"adjacency_matrix": {"filters": {"a": LEAF}}}}},
]
ELSEWHERE: list[Body] = [
    {"query": {"match": {"term": {"query": "a"}}}},
    {"aggs": {"x": {"terms": {"field": "term"}, "meta": {"term": {"a": 1}}}}},
    {"sort": [{"term": {"order": "asc"}}], "_source": ["term"]},
    {"query": 3, "aggs": [LEAF], "knn": "term"},
    {"query": {"bool": ["term"]}, "aggs": {"x": 3, "y": {"filters": None, "filter": None}}},
]


def _renamed(kind: str, content: Any) -> Body:
    return {"found" if kind == "term" else kind: content}


@pytest.mark.parametrize("body", PLACES, ids=str)
def test_every_place_of_a_query_is_reached(body: Body) -> None:
    reached = str(Walk(leaf=_renamed).body(body))

    assert reached.count("{'found': {'a': 1}}") == str(body).count("{'term': {'a': 1}}")


@pytest.mark.parametrize("body", [*PLACES, *ELSEWHERE], ids=str)
def test_a_walk_that_changes_nothing_gives_an_equal_body(body: Body) -> None:
    assert Walk().body(body) == body


@pytest.mark.parametrize("body", ELSEWHERE, ids=str)
def test_names_and_odd_shapes_are_no_clauses(body: Body) -> None:
    assert Walk(leaf=_renamed, agg=_renamed).body(body) == body
