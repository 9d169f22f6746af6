"""What an agent is shown of a result: little enough to read, and never without saying what was left out."""

from __future__ import annotations

import json

import pytest

from api.mcp_digest import MOST_CHARS, cut, digest
from nlq.types import Result


def result(*documents: object) -> Result:
    return Result(tuple({"_id": str(i), "_source": d} for i, d in enumerate(documents)), total=len(documents))


def test_a_small_result_is_shown_as_it_is() -> None:
    small = Result(({"_id": "1", "_source": {"tags": ["a", "b"]}},), 1, {"value": {"value": 3.5}})

    assert digest(small, limit=2) == {
        "total": 1,
        "documents": [{"_id": "1", "_source": {"tags": ["a", "b"]}}],
        "aggregations": {"value": {"value": 3.5}},
        "clipped": False,
    }


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("abcdef", "abc… 3 more characters"),
        ([1, 2, 3], [1, 2, "… 1 more"]),
        ({"a": ["x" * 4]}, {"a": ["xxx… 1 more characters"]}),
        ([[[1]]], [["…"]]),
    ],
)
def test_what_is_cut_says_how_much_is_missing(value: object, shown: object) -> None:
    assert cut(value, most=2, chars=3, depth=2) == shown


def test_an_object_of_many_keys_is_cut() -> None:
    shown = cut({f"k{i}": i for i in range(130)}, most=1, chars=1)

    assert (len(shown), shown["…"]) == (101, "30 more")


def test_fewer_documents_than_came_back_are_a_clipped_result() -> None:
    found = digest(result({"n": 1}, {"n": 2}, {"n": 3}), limit=2)

    assert (found["total"], len(found["documents"]), found["clipped"]) == (3, 2, True)


def test_groups_are_cut_where_they_stand() -> None:
    buckets = [{"key": str(i), "doc_count": 1} for i in range(9)]
    found = digest(Result((), 9, {"groups": {"buckets": buckets}}), limit=4)

    assert found["aggregations"]["groups"]["buckets"] == [*buckets[:4], "… 5 more"]
    assert found["clipped"]


@pytest.mark.parametrize("texts", [1, 40])
def test_long_documents_are_shortened_until_all_can_be_read(texts: int) -> None:
    found = digest(result(*[{f"f{i}": "word " * 500 for i in range(texts)}] * 50), limit=50)

    assert found["documents"]
    assert len(json.dumps(found)) < MOST_CHARS + 100


def test_of_a_result_that_cannot_be_shortened_the_total_remains() -> None:
    wide = {f"{i} {'long ' * 60}": i for i in range(100)}

    assert digest(result(wide), limit=1) == {"total": 1, "documents": [], "aggregations": {}, "clipped": True}


def test_a_document_of_a_thousand_levels_is_cut() -> None:
    deep: object = "x"
    for _ in range(900):
        deep = {"d": deep}

    assert digest(result(deep), limit=1)["clipped"]
