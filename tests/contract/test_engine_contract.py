"""What every Engine keeps: the fake of the unit tests and the real Elasticsearch answer alike."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from nlq.elastic.engine import ElasticEngine
from nlq.errors import InputError, UnknownIndexError
from nlq.ports import Engine
from nlq.types import Body, Failure, Field, Outcome, Result
from tests.fakes.engine import FakeEngine

FIXTURES = Path(__file__).parents[1] / "fixtures"
MAPPINGS: Body = {
    "_meta": {"about": "Films and who made them"},
    "properties": {
        "title": {"type": "text", "fields": {"keyword": {"type": "keyword"}}},
        "director": {"type": "keyword"},
        "year": {"type": "integer"},
        "rating": {"type": "double"},
        "released": {"type": "date"},
        "studio": {"properties": {"country": {"type": "keyword"}}},
        "cast": {"type": "nested", "properties": {"name": {"type": "keyword"}}},
        "secret": {"type": "object", "enabled": False},
    },
}
FILMS: dict[str, Body] = {
    "1": {"title": "Red Desert", "director": "Antonioni", "year": 1964, "rating": 7.5, "released": "1964-09-04"},
    "2": {"title": "The Red Shoes", "director": "Powell", "year": 1948, "rating": 8.1, "released": "1948-09-06"},
    "3": {"title": "Blow-Up", "director": "Antonioni", "year": 1966, "released": "1966-12-18"},
    "4": {"title": "Desert Hearts", "director": "Deitch", "year": 1985, "rating": 6.9, "studio": {"country": "US"}},
    "5": {"title": "Peeping Tom", "director": "Powell", "year": 1960, "rating": 7.6, "released": "1960-04-07"},
}
CASES = [json.loads(line) for line in (FIXTURES / "engine_searches.jsonl").read_text("utf-8").splitlines()]
REFUSED = [json.loads(line) for line in (FIXTURES / "engine_refused.jsonl").read_text("utf-8").splitlines()]
BAD_NAMES = json.loads((FIXTURES / "index_names_bad.json").read_text("utf-8"))


@dataclass(frozen=True, slots=True)
class Subject:
    """An engine that holds the films as ``index``; ``free`` is a name for an index of a test's own."""

    engine: Engine
    index: str
    free: str
    delete: Callable[[str], None]


@pytest.fixture(scope="module", params=["fake", pytest.param("elastic", marks=pytest.mark.engine)])
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    token = f"zz-contract-{uuid4().hex[:8]}"
    if request.param == "fake":
        fake = FakeEngine()
        made = Subject(fake, f"{token}-films", f"{token}-free", fake.delete)
    else:
        url = request.getfixturevalue("engine_url")
        made = Subject(ElasticEngine.connect(url, timeout=30), f"{token}-films", f"{token}-free", _deleter(url))
    made.engine.load(made.index, mappings=MAPPINGS, documents=FILMS.items())
    yield made
    made.delete(made.index)
    made.engine.close()


def _deleter(url: str) -> Callable[[str], None]:
    import httpx

    def delete(index: str) -> None:
        httpx.delete(f"{url}/{index}", params={"ignore_unavailable": "true"}, timeout=30, trust_env=False)

    return delete


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_body_finds_what_it_asks_for(subject: Subject, case: Body) -> None:
    [result] = subject.engine.search(subject.index, [case["body"]], timeout=30)

    assert isinstance(result, Result), result
    ids = [hit["_id"] for hit in result.hits]
    assert (ids if "sort" in case["body"] else sorted(ids)) == case["ids"]
    assert result.total == case.get("total", len(case["ids"]))
    for name, expected in case.get("aggregations", {}).items():
        assert _plain(result.aggregations[name]) == expected


@pytest.mark.parametrize("case", REFUSED, ids=[case["name"] for case in REFUSED])
def test_a_body_that_makes_no_sense_is_a_failure_with_a_reason(subject: Subject, case: Body) -> None:
    [failure] = subject.engine.search(subject.index, [case["body"]], timeout=30)

    assert isinstance(failure, Failure), failure
    assert failure.outcome is Outcome.REJECTED
    assert case["says"] in failure.reason
    assert "\n" not in failure.reason
    assert len(failure.reason) <= 500


def test_failures_stand_where_their_bodies_stood(subject: Subject) -> None:
    good: Body = {"query": {"term": {"director": "Powell"}}}
    bodies: list[Body] = [good, {"query": {"mach": {}}}, good, {"sort": ["title"]}, good]

    outcomes = subject.engine.search(subject.index, bodies, timeout=30)

    assert [type(outcome) for outcome in outcomes] == [Result, Failure, Result, Failure, Result]


def test_no_bodies_give_no_results(subject: Subject) -> None:
    assert tuple(subject.engine.search(subject.index, [], timeout=30)) == ()


@pytest.mark.parametrize(("most", "partial"), [(1, True), (1000, False)])
def test_a_search_that_left_documents_out_says_so(subject: Subject, most: int, *, partial: bool) -> None:
    body: Body = {"query": {"match_all": {}}, "terminate_after": most, "track_total_hits": True}

    [result, counted] = subject.engine.search(
        subject.index, [body, {**body, "size": 0, "aggs": {"y": {"max": {"field": "year"}}}}], timeout=30
    )

    assert isinstance(result, Result)
    assert isinstance(counted, Result)
    assert (result.partial, counted.partial) == (partial, partial)


def test_a_hit_has_its_source_and_the_values_it_was_sorted_by(subject: Subject) -> None:
    body: Body = {"sort": [{"year": "desc"}], "size": 1, "_source": ["title"]}

    [result] = subject.engine.search(subject.index, [body], timeout=30)

    assert isinstance(result, Result)
    assert result.hits == (
        {"_index": subject.index, "_id": "4", "_score": None, "_source": {"title": "Desert Hearts"}, "sort": [1985]},
    )


def test_the_schema_names_every_searchable_field(subject: Subject) -> None:
    schema = subject.engine.schema(subject.index)

    assert schema.index == subject.index
    assert schema.about == "Films and who made them"
    assert set(schema.fields) == {
        Field("title", "text", aggregatable=False),
        Field("title.keyword", "keyword", parent="title"),
        Field("director", "keyword"),
        Field("year", "integer"),
        Field("rating", "double"),
        Field("released", "date"),
        Field("studio.country", "keyword"),
        Field("cast", "nested"),
        Field("cast.name", "keyword", nested="cast"),
    }


def test_the_schema_knows_what_the_engine_can_run(subject: Subject) -> None:
    schema, info = subject.engine.schema(subject.index), subject.engine.info()

    assert (schema.features, schema.version) == (info.features, info.version)
    assert {"aggregations", "analysis-common"} <= schema.features


def test_the_version_is_told(subject: Subject) -> None:
    assert subject.engine.info().version.startswith("9.")


def test_the_mapping_keeps_elasticsearchs_form(subject: Subject) -> None:
    mapping = subject.engine.mapping(subject.index)

    assert mapping["properties"]["title"]["fields"]["keyword"]["type"] == "keyword"
    assert mapping["_meta"]["about"] == "Films and who made them"


def test_indexes_are_listed_with_their_documents(subject: Subject) -> None:
    [info] = [info for info in subject.engine.indexes() if info.name == subject.index]

    assert info.documents == len(FILMS)
    assert info.about == "Films and who made them"


def test_an_unknown_index_is_named_with_its_nearest(subject: Subject) -> None:
    for ask in _readers(subject.engine):
        with pytest.raises(UnknownIndexError, match=f"no index '{subject.index}s'.*{subject.index}"):
            ask(f"{subject.index}s")


def test_several_names_and_patterns_are_read_as_one_index(subject: Subject) -> None:
    other: Body = {"properties": {"year": {"type": "long"}, "color": {"type": "keyword"}}}
    subject.engine.load(subject.free, mappings=other, documents=[("1", {"year": 1964, "color": "red"})])
    prefix = subject.index.rpartition("-")[0]
    found = []
    for name in (f"{subject.index},{subject.free}", f"{prefix}*", f"{prefix}-f*,{subject.index}"):
        fields = {field.name: field for field in subject.engine.schema(name).fields}
        [result] = subject.engine.search(name, [{"query": {"term": {"year": 1964}}}], timeout=30)
        assert isinstance(result, Result), result
        found.append((fields["year"], fields["color"], sorted((hit["_index"], hit["_id"]) for hit in result.hits)))
    subject.delete(subject.free)

    hits = [(subject.index, "1"), (subject.free, "1")]
    assert found == [(Field("year", "long", partial=True), Field("color", "keyword", partial=True), sorted(hits))] * 3


def test_a_pattern_that_matches_no_index_is_unknown(subject: Subject) -> None:
    for name in (f"{subject.free}*", f"{subject.index},{subject.free}*", f"{subject.index},{subject.free}"):
        for ask in _readers(subject.engine):
            with pytest.raises(UnknownIndexError, match=subject.index):
                ask(name)


@pytest.mark.parametrize("name", ["films*", "a,b", "*"])
def test_a_pattern_is_no_name_to_write_to(subject: Subject, name: str) -> None:
    with pytest.raises(InputError, match="cannot hold"):
        subject.engine.load(name, mappings={}, documents=[])
    with pytest.raises(InputError, match="cannot hold"):
        subject.engine.add(name, [("1", {})])


@pytest.mark.parametrize("name", BAD_NAMES, ids=ascii)
def test_a_name_that_no_index_can_have_is_refused(subject: Subject, name: str) -> None:
    for ask in _readers(subject.engine):
        with pytest.raises(InputError):
            ask(name)
    with pytest.raises(InputError):
        subject.engine.load(name, mappings={}, documents=[])


@pytest.mark.parametrize("name", [".security", ".security-7", ".kibana", ".", ".*", ".ds-*"])
def test_hidden_indices_are_not_revealed(subject: Subject, name: str) -> None:
    with pytest.raises(UnknownIndexError, match=r"^There is no index '[^']*'\.$"):
        subject.engine.mapping(name)
    assert not [info.name for info in subject.engine.indexes() if info.name.startswith(".")]


def test_loading_into_an_index_that_exists_is_refused(subject: Subject) -> None:
    with pytest.raises(InputError, match="exists already"):
        subject.engine.load(subject.index, mappings=MAPPINGS, documents=[("9", {"year": 2000})])
    [result] = subject.engine.search(subject.index, [{}], timeout=30)

    assert isinstance(result, Result)
    assert result.total == len(FILMS)


def test_a_load_that_fails_leaves_no_index(subject: Subject) -> None:
    documents: list[tuple[str, Body]] = [("1", {"year": 2000}), ("2", {"year": "long ago"})]

    with pytest.raises(InputError, match="'2' was refused"):
        subject.engine.load(subject.free, mappings=MAPPINGS, documents=documents)

    with pytest.raises(UnknownIndexError):
        subject.engine.mapping(subject.free)


def test_loaded_documents_are_counted_and_found_at_once(subject: Subject) -> None:
    documents = ((str(number), {"year": number}) for number in range(1200))

    count = subject.engine.load(subject.free, mappings=MAPPINGS, documents=documents)
    [result] = subject.engine.search(subject.free, [{"query": {"range": {"year": {"gte": 1000}}}}], timeout=30)
    subject.delete(subject.free)

    assert count == 1200
    assert isinstance(result, Result)
    assert result.total == 200


def test_added_documents_replace_those_of_the_same_id(subject: Subject) -> None:
    subject.engine.load(subject.free, mappings=MAPPINGS, documents=[("1", {"year": 2000}), ("2", {"year": 2000})])

    count = subject.engine.add(subject.free, [("2", {"year": 2001}), ("3", {"year": 2001})])
    [result] = subject.engine.search(subject.free, [{"query": {"term": {"year": 2001}}}], timeout=30)
    [info] = [info for info in subject.engine.indexes() if info.name == subject.free]
    subject.delete(subject.free)

    assert count == 2
    assert isinstance(result, Result)
    assert sorted(hit["_id"] for hit in result.hits) == ["2", "3"]
    assert info.documents == 3


def test_adding_creates_no_index(subject: Subject) -> None:
    with pytest.raises(UnknownIndexError):
        subject.engine.add(subject.free, [("1", {"year": 2000})])

    with pytest.raises(UnknownIndexError):
        subject.engine.mapping(subject.free)


def _readers(engine: Engine) -> tuple[Callable[[str], object], ...]:
    return engine.mapping, engine.schema, lambda name: engine.search(name, [{}], timeout=5)


def _plain(aggregation: Body) -> object:
    """The part of an aggregation that the cases compare: its value, or key, count and sub-aggregations by bucket."""
    if "buckets" not in aggregation:
        value = aggregation["value"]
        return round(value, 4) if isinstance(value, float) else value
    return [_bucket(bucket) for bucket in aggregation["buckets"]]


def _bucket(bucket: Body) -> list[object]:
    inner = [_plain(value) for key, value in bucket.items() if key not in ("key", "doc_count", "key_as_string")]
    return [bucket["key"], bucket["doc_count"], *inner]
