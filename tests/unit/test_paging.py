"""Pages of hits: every document once, in the order asked for, whatever ends a page."""

from __future__ import annotations

from typing import Any

import pytest

from nlq.errors import InputError
from nlq.paging import MOST_EQUAL, Cursor, first_cursor, page, page_body, read_token
from nlq.types import Body, Result
from tests.fakes.engine import FakeEngine

MAPPINGS: Body = {"properties": {"title": {"type": "keyword"}, "year": {"type": "integer"}, "note": {"type": "text"}}}
YEARS = (1990, 1991, 1990, None, 1991, 1990, 1990, None, 1992, 1990, 1991)


@pytest.fixture
def engine() -> FakeEngine:
    """Two indices whose documents share sequence numbers and years."""
    engine = FakeEngine()
    for name in ("films-a", "films-b"):
        documents = [
            (str(n), {"title": f"{name} {n}", **({"year": year} if year else {})}) for n, year in enumerate(YEARS)
        ]
        engine.load(name, mappings=MAPPINGS, documents=documents)
    return engine


def found_by(engine: FakeEngine, body: Body) -> Result:
    [result] = engine.search("films-*", [body], timeout=1)
    assert isinstance(result, Result)
    return result


def pages_of(engine: FakeEngine, query: Body) -> list[Result]:
    """All pages, each cursor written and read again."""
    first = found_by(engine, query)
    out, cursor = [first], first_cursor("films-*", query, first)
    while cursor:
        cursor = read_token(cursor.token(), index="films-*", query=query)
        result, cursor = page(query, cursor, found_by(engine, page_body(query, cursor)))
        out.append(result)
    return out


def names(result: Result) -> list[tuple[str, str]]:
    return [(hit["_index"], hit["_id"]) for hit in result.hits]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 10, 21, 22, 50])
@pytest.mark.parametrize(
    "order",
    [
        {},
        {"sort": ["year"]},
        {"sort": [{"year": "desc"}, "title"]},
        {"sort": {"year": {"order": "desc"}}},
        {"query": {"range": {"year": {"lte": 1991}}}},
    ],
    ids=["score", "years", "two keys", "falling", "filtered"],
)
def test_all_pages_together_hold_every_document_once(engine: FakeEngine, order: Body, size: int) -> None:
    whole = found_by(engine, {**order, "size": 100})
    pages = pages_of(engine, {**order, "size": size})
    shown = [name for result in pages for name in names(result)]

    assert sorted(shown) == sorted(names(whole))
    assert [len(result.hits) for result in pages[:-1]] == [size] * (len(pages) - 1)


def test_a_sort_goes_on_over_the_pages(engine: FakeEngine) -> None:
    pages = pages_of(engine, {"sort": [{"year": "desc"}, "title"], "size": 4})

    assert [hit["sort"] for result in pages for hit in result.hits] == [
        hit["sort"] for hit in found_by(engine, {"sort": [{"year": "desc"}, "title"], "size": 100}).hits
    ]


@pytest.mark.parametrize("query", [{"size": 3}, {"size": 3, "sort": ["year"]}], ids=["score", "sorted"])
def test_hits_of_every_page_look_alike(engine: FakeEngine, query: Body) -> None:
    pages = pages_of(engine, query)

    assert {frozenset(hit) for result in pages for hit in result.hits} == {frozenset(pages[0].hits[0])}
    assert {len(hit.get("sort", ())) for result in pages for hit in result.hits} == {len(query.get("sort", ()))}


def test_a_page_that_from_put_in_the_middle_goes_on(engine: FakeEngine) -> None:
    query = {"sort": ["title"], "from": 5, "size": 4}
    shown = [name for result in pages_of(engine, query) for name in names(result)]

    assert shown == names(found_by(engine, {"sort": ["title"], "size": 100}))[5:]


def test_aggregations_are_told_on_the_first_page_only() -> None:
    query = {"size": 1, "aggs": {"value": {"max": {"field": "year"}}}}

    assert "aggs" not in page_body(query, Cursor("", (1.0, -1), frozenset(), 1))


@pytest.mark.parametrize(
    "query",
    [
        {"size": 0},
        {"size": 5, "collapse": {"field": "title"}},
        {"size": 5, "rescore": {"window_size": 50}},
        {"size": 5, "from": 2},
        {"size": 10},
        {"size": 4, "from": 6, "sort": ["year"]},
    ],
    ids=["no hits", "collapsed", "rescored", "from among equals", "short", "all shown"],
)
def test_where_nothing_follows_or_no_order_is_known_there_is_no_next_page(query: Body) -> None:
    hits = tuple({"_id": str(n), "_score": 1.0, "sort": [n]} for n in range(min(5, query["size"])))
    total = 10 if query.get("sort") else 30

    assert first_cursor("films", query, Result(hits, total)) is None


def test_a_huge_number_of_equals_has_no_next_page() -> None:
    def cursor(n: int) -> Cursor | None:
        hits = tuple({"_id": str(i), "_score": 1.0} for i in range(n))
        return first_cursor("films", {"size": n}, Result(hits, 10_000))

    assert cursor(MOST_EQUAL) is not None
    assert cursor(MOST_EQUAL + 1) is None


def test_a_token_is_read_with_its_query_as_other_languages_write_it() -> None:
    query = {"query": {"range": {"year": {"gte": 1990.0, "lt": 2000}}}, "size": 5}
    again = {"size": 5, "query": {"range": {"year": {"lt": 2000, "gte": 1990}}}}
    cursor = first_cursor("films", query, Result(tuple({"_id": str(n), "_score": 1.0} for n in range(5)), 9))
    assert cursor is not None

    assert read_token(cursor.token(), index="films", query=again) == cursor


@pytest.mark.parametrize(
    "token",
    ["", ".", "x", "eyJ9.", "W10.", "WzEsMiwzXQ.", "é.é", "a" * 32_000, "WyJhIixbTmFOLDFdLDFd."],
)
def test_a_token_of_nobody_is_refused(token: str) -> None:
    with pytest.raises(InputError, match="next: is not one that came with this query"):
        read_token(token, index="films", query={"size": 5})


@pytest.mark.parametrize(
    ("index", "query"),
    [("films", {"size": 6}), ("films", {"size": 5, "sort": ["year"]}), ("other", {"size": 5})],
    ids=["size", "sort", "index"],
)
def test_a_token_of_another_query_or_index_is_refused(index: str, query: dict[str, Any]) -> None:
    hits = tuple({"_id": str(n), "_score": 1.0} for n in range(5))
    cursor = first_cursor("films", {"size": 5}, Result(hits, 9))
    assert cursor is not None

    with pytest.raises(InputError, match="came with this query"):
        read_token(cursor.token(), index=index, query=query)
