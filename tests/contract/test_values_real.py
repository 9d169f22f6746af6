"""What the real Elasticsearch knows of a question's words, and how it reads the dates that were put right."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest

from nlq.dates import grounded, whole_periods
from nlq.elastic.engine import ElasticEngine
from nlq.types import Body, IndexSchema, LinkedValue, Repair, Result
from nlq.values import Seen, link, lookup, repair
from tests.support import lines

pytestmark = pytest.mark.engine

NOW = datetime(1995, 6, 16, 10, 0, tzinfo=UTC)
FORMATS = {"slash": "yyyy/MM/dd", "epoch": "epoch_second", "dotted": "dd.MM.yyyy HH:mm", "year": "yyyy"}
MAPPINGS: Body = {
    "properties": {
        "title": {"type": "text", "fields": {"keyword": {"type": "keyword"}}},
        "director": {"type": "text", "fields": {"keyword": {"type": "keyword"}}},
        "code": {"type": "keyword"},
        "genre": {"type": "keyword"},
        'odd > "name" [0]': {"type": "keyword"},
        "plot": {"type": "text"},
        "is_premium": {"type": "boolean"},
        "votes": {"type": "short"},
        "rating": {"type": "float"},
        "iso": {"type": "date"},
        **{name: {"type": "date", "format": format_} for name, format_ in FORMATS.items()},
        "cast": {
            "type": "nested",
            "properties": {"name": {"type": "keyword"}, "role": {"type": "text"}, "born": {"type": "date"}},
        },
    }
}
FILMS: dict[str, Body] = {
    "1": {"title": "Taxi", "director": "Martin Scorsese", "genre": "Science Fiction", "votes": 777, "rating": 7.1},
    "2": {"title": "Red Desert", "director": "Peter Jackson", "genre": "Drama", 'odd > "name" [0]': 'Café "X"'},
    "3": {"title": "Blue", "director": "Mick Jackson", "plot": "A letter to Tolkien", "is_premium": True},
    "4": {"title": "Late", "cast": [{"name": "Ada Lovelace", "role": "The Countess", "born": "1815-12-10"}]},
}
DAYS: dict[str, Body] = {
    "1": {"iso": "1995-01-01", "slash": "1995/01/01", "epoch": 788918400, "dotted": "01.01.1995 00:00", "year": "1995"},
    "2": {"iso": "1995-06-15", "slash": "1995/06/15", "epoch": 803174400, "dotted": "15.06.1995 00:00", "year": "1995"},
    "3": {"iso": "1996-01-01", "slash": "1996/01/01", "epoch": 820454400, "dotted": "01.01.1996 00:00", "year": "1996"},
}


@pytest.fixture(scope="module")
def engine(engine_url: str) -> Iterator[ElasticEngine]:
    connected = ElasticEngine.connect(engine_url, timeout=30)
    yield connected
    connected.close()


@pytest.fixture(scope="module")
def schema(engine: ElasticEngine, engine_url: str) -> Iterator[IndexSchema]:
    """Films with more titles and codes than a listing holds."""
    name = f"hv-{uuid4().hex[:8]}"
    films = {key: {**film, **DAYS.get(key, {})} for key, film in FILMS.items()}
    more = {f"m{i}": {"title": f"Part {i}", "code": f"AX-{i:04d}"} for i in range(1500)}
    engine.load(name, mappings=MAPPINGS, documents=[*(films | more).items(), ("w", {"code": "Wanderer"})])
    yield engine.schema(name)
    httpx.delete(f"{engine_url}/{name}", trust_env=False, timeout=30).raise_for_status()


def asked(engine: ElasticEngine, schema: IndexSchema, question: str, *, kept: Seen | None = None) -> Seen:
    """What one call of the engine tells; every body must be answered."""
    wanted = lookup(question, schema, kept=kept.listing if kept else None)
    answers = engine.search(schema.index, wanted.bodies, timeout=10)
    assert all(isinstance(answer, Result) for answer in answers), answers
    return wanted.read(answers)


@pytest.fixture(scope="module")
def seen(engine: ElasticEngine, schema: IndexSchema) -> Seen:
    return asked(engine, schema, "warm")


@pytest.mark.parametrize("case", lines("links_real.jsonl"), ids=lambda c: c["question"])
def test_words_are_linked_where_the_index_has_them(
    engine: ElasticEngine, schema: IndexSchema, seen: Seen, case: dict[str, Any]
) -> None:
    expected = tuple(LinkedValue(*each) for each in case["links"])

    assert link(case["question"], schema, asked(engine, schema, case["question"], kept=seen)) == expected
    assert link(case["question"], schema, asked(engine, schema, case["question"])) == expected


def test_a_listing_says_which_fields_it_knows_whole(seen: Seen) -> None:
    assert seen.listing is not None
    assert seen.listing.complete == {"director.keyword", "genre", 'odd > "name" [0]', "cast.name"}


def test_a_repaired_term_finds_what_the_model_meant(engine: ElasticEngine, schema: IndexSchema, seen: Seen) -> None:
    body: Body = {"query": {"bool": {"filter": [{"term": {"genre": "science-fiction"}}]}}}
    fixed, repairs = repair(body, seen)
    [before, after] = engine.search(schema.index, [body, fixed], timeout=10)

    assert repairs == (Repair("genre", "science-fiction", "Science Fiction"),)
    assert isinstance(before, Result)
    assert isinstance(after, Result)
    assert (before.total, [hit["_id"] for hit in after.hits]) == (0, ["1"])


CLAUSES: list[tuple[Body, list[str]]] = [
    ({"range": {"F": {"gte": "1995-06-15"}}}, ["2", "3"]),
    ({"range": {"F": {"gt": "1995"}}}, ["3"]),
    ({"range": {"F": {"lte": "1995-06"}}}, ["1", "2"]),
    ({"range": {"F": {"gte": "now-1d/d", "lt": "now"}}}, ["2"]),
    ({"range": {"F": {"gte": "now-1y/y", "lt": "now/y", "time_zone": "+01:00"}}}, []),
    ({"term": {"F": "1995"}}, ["1", "2"]),
    ({"term": {"F": "1995-06-15"}}, ["2"]),
    ({"terms": {"F": ["1995-06-15", "1996"]}}, ["2", "3"]),
    ({"function_score": {"query": {"term": {"F": "1996"}}, "gauss": {"F": {"origin": "now", "scale": "9d"}}}}, ["3"]),
]


@pytest.mark.parametrize("field", ["iso", "slash", "epoch", "dotted"])
@pytest.mark.parametrize(("clause", "found"), CLAUSES, ids=[str(clause)[:60] for clause, _ in CLAUSES])
def test_dates_mean_the_same_in_every_format(
    *, engine: ElasticEngine, schema: IndexSchema, field: str, clause: Body, found: list[str]
) -> None:
    body = {"query": _naming(clause, field), "sort": ["iso"]}

    assert _ids(engine, schema, body) == found


@pytest.mark.parametrize("field", ["iso", "slash", "epoch", "dotted", "year"])
def test_ranges_of_dates_leave_out_their_end_in_every_format(
    engine: ElasticEngine, schema: IndexSchema, field: str
) -> None:
    ranges = [{"to": "1996"}, {"from": "1996", "to": "1997"}, {"from": "now+1y/y"}]
    body = {"size": 0, "aggs": {"groups": {"date_range": {"field": field, "ranges": ranges}}}}
    result = _run(engine, schema, body)

    assert [bucket["doc_count"] for bucket in result.aggregations["groups"]["buckets"]] == [2, 1, 1]


@pytest.mark.parametrize("field", ["iso", "slash", "epoch", "dotted", "year"])
def test_bounds_of_a_histogram_and_pages_of_a_sort_take_iso_dates_in_every_format(
    engine: ElasticEngine, schema: IndexSchema, field: str
) -> None:
    bounds = {"min": "1996", "max": "now+9y"}
    years = {"field": field, "calendar_interval": "year", "min_doc_count": 1, "hard_bounds": bounds}
    counted = _run(engine, schema, {"size": 0, "aggs": {"groups": {"date_histogram": years}}})
    page = {"query": {"exists": {"field": field}}, "sort": [{field: "asc"}], "search_after": ["1995-12-31T00:00:00Z"]}

    assert [bucket["doc_count"] for bucket in counted.aggregations["groups"]["buckets"]] == [1]
    assert _ids(engine, schema, page) == ["3"]


def _naming(clause: Body, field: str) -> Body:
    """The clause with ``field`` in place of F."""
    return {
        (field if key == "F" else key): _naming(value, field) if isinstance(value, dict) else value
        for key, value in clause.items()
    }


def _run(engine: ElasticEngine, schema: IndexSchema, body: Body) -> Result:
    [result] = engine.search(schema.index, [grounded(whole_periods(body, schema), schema, NOW)], timeout=10)
    assert isinstance(result, Result), result
    return result


def _ids(engine: ElasticEngine, schema: IndexSchema, body: Body) -> list[str]:
    return [hit["_id"] for hit in _run(engine, schema, body).hits]
