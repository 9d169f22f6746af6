"""What only the real Elasticsearch can show: aliases, data streams, its own refusals, its absence."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest

from nlq.elastic.engine import ElasticEngine
from nlq.errors import EngineError
from nlq.partial import tolerant
from nlq.types import Body, Failure, Field, IndexSchema, Outcome, Result
from tests.support import lines

pytestmark = pytest.mark.engine


@pytest.fixture
def engine(engine_url: str) -> Iterator[ElasticEngine]:
    connected = ElasticEngine.connect(engine_url, timeout=30)
    yield connected
    connected.close()


@pytest.fixture
def put(engine_url: str) -> Iterator[str]:
    """A prefix for names; what the test made under it is removed."""
    prefix = f"zz-real-{uuid4().hex[:8]}"
    yield prefix
    with httpx.Client(base_url=engine_url, timeout=30, trust_env=False) as client:
        for part in ("a", "b"):
            client.delete(f"/{prefix}-{part}", params={"ignore_unavailable": "true"})


def test_an_alias_is_the_union_of_its_indices(engine: ElasticEngine, engine_url: str, put: str) -> None:
    engine.load(f"{put}-a", mappings={"properties": {"x": {"type": "long"}}}, documents=[("1", {"x": 1})])
    engine.load(
        f"{put}-b",
        mappings={"_meta": {"description": "Both"}, "properties": {"y": {"type": "keyword"}}},
        documents=[("2", {"y": "two"})],
    )
    actions = [{"add": {"index": f"{put}-{part}", "alias": f"{put}-Both"}} for part in ("a", "b")]
    httpx.post(f"{engine_url}/_aliases", json={"actions": actions}, trust_env=False).raise_for_status()

    schema = engine.schema(f"{put}-Both")
    [result] = engine.search(f"{put}-Both", [{}], timeout=30)
    [info] = [info for info in engine.indexes() if info.name == f"{put}-Both"]

    assert set(schema.fields) == {Field("x", "long", partial=True), Field("y", "keyword", partial=True)}
    assert schema.about == info.about == "Both"
    assert isinstance(result, Result)
    assert {hit["_index"] for hit in result.hits} == {f"{put}-a", f"{put}-b"}
    assert info.documents == 2


def test_a_part_of_an_alias_that_cannot_answer_fails_the_body(engine: ElasticEngine, engine_url: str, put: str) -> None:
    engine.load(f"{put}-a", mappings={"properties": {"x": {"type": "long"}}}, documents=[("1", {"x": 1})])
    engine.load(f"{put}-b", mappings={"properties": {"x": {"type": "text"}}}, documents=[("2", {"x": "two"})])
    actions = [{"add": {"index": f"{put}-{part}", "alias": f"{put}-both"}} for part in ("a", "b")]
    httpx.post(f"{engine_url}/_aliases", json={"actions": actions}, trust_env=False).raise_for_status()

    [outcome] = engine.search(f"{put}-both", [{"size": 0, "aggs": {"s": {"sum": {"field": "x"}}}}], timeout=30)

    assert isinstance(outcome, Failure)
    assert "Fielddata is disabled" in outcome.reason


def test_runtime_fields_aliases_and_objects_are_flattened(engine: ElasticEngine, put: str) -> None:
    mappings: Body = {
        "runtime": {"decade": {"type": "long"}},
        "properties": {
            "title": {"type": "text", "fields": {"raw": {"type": "keyword"}}},
            "name": {"type": "alias", "path": "title.raw"},
            "day": {"type": "date", "format": "yyyy-MM-dd"},
            "labels": {"type": "flattened"},
            "cast": {"type": "nested", "properties": {"born": {"properties": {"year": {"type": "short"}}}}},
            "off": {"type": "object", "enabled": False},
            "stored": {"type": "keyword", "index": False, "doc_values": False},
            "picture": {"type": "binary"},
        },
    }
    engine.load(f"{put}-a", mappings=mappings, documents=[])

    assert set(engine.schema(f"{put}-a").fields) == {
        Field("decade", "long"),
        Field("title", "text", aggregatable=False),
        Field("title.raw", "keyword", parent="title"),
        Field("name", "keyword"),
        Field("day", "date", format="yyyy-MM-dd"),
        Field("labels", "flattened"),
        Field("cast", "nested"),
        Field("cast.born.year", "short", nested="cast"),
    }


def test_what_an_aliass_filter_leaves_out_is_not_found(engine: ElasticEngine, engine_url: str, put: str) -> None:
    mappings: Body = {"properties": {"x": {"type": "long"}}}
    engine.load(f"{put}-a", mappings=mappings, documents=[("1", {"x": 1}), ("2", {"x": 2})])
    add = {"index": f"{put}-a", "alias": f"{put}-few", "filter": {"term": {"x": 2}}}
    httpx.post(f"{engine_url}/_aliases", json={"actions": [{"add": add}]}, trust_env=False).raise_for_status()

    [result] = engine.search(f"{put}-few", [{}], timeout=30)

    assert engine.schema(f"{put}-few").fields == (Field("x", "long"),)
    assert isinstance(result, Result)
    assert [hit["_id"] for hit in result.hits] == ["2"]


@pytest.fixture
def stream(engine_url: str) -> Iterator[str]:
    """A data stream that holds one event in each of two indices, which map its level differently.

    It always has the same name: this node cannot delete data streams, only what they held before.
    """
    name = "zz-real-stream"
    with httpx.Client(base_url=engine_url, timeout=30, trust_env=False) as client:
        for kind in ("keyword", "text"):
            template = {"mappings": {"properties": {"level": {"type": kind}}}}
            whole = {"index_patterns": [name], "data_stream": {}, "template": template}
            client.put(f"/_index_template/{name}", json=whole).raise_for_status()
            assert client.post(f"/{name}/_rollover").status_code in (200, 404)
            event = {"@timestamp": "2020-01-01", "level": "warn"}
            client.post(f"/{name}/_doc", params={"refresh": "true"}, json=event).raise_for_status()
        yield name
        client.post(f"/{name}/_rollover").raise_for_status()
        *old, _ = client.get(f"/_resolve/index/{name}").json()["data_streams"][0]["backing_indices"]
        client.delete(f"/{','.join(old)}").raise_for_status()


def test_a_data_stream_unites_its_indices_and_a_pattern_finds_it(engine: ElasticEngine, stream: str) -> None:
    schemas = [engine.schema(name) for name in (stream, f"{stream[:-3]}*")]
    [result] = engine.search(f"{stream[:-3]}*", [{"query": {"match": {"level": "warn"}}}], timeout=30)

    fields = {Field("@timestamp", "date"), Field("level", "text", aggregatable=False, partial=True)}
    assert [set(schema.fields) for schema in schemas] == [fields, fields]
    assert isinstance(result, Result)
    assert result.total == 2
    assert {hit["_index"].startswith(".ds-") for hit in result.hits} == {True}


@pytest.fixture(scope="module")
def halves(engine_url: str) -> Iterator[tuple[ElasticEngine, str, str]]:
    """An engine, an index with every field of the bodies, and a pattern that takes in one without any of them."""
    prefix = f"zz-half-{uuid4().hex[:8]}"
    connected = ElasticEngine.connect(engine_url, timeout=30)
    [case] = lines("partial_index.jsonl")
    connected.load(f"{prefix}-a", mappings=case["mappings"], documents=[("1", case["document"])])
    connected.load(f"{prefix}-b", mappings=case["other"], documents=[("2", {"x": "other"})])
    yield connected, f"{prefix}-a", f"{prefix}-*"
    connected.close()
    for part in ("a", "b"):
        httpx.delete(f"{engine_url}/{prefix}-{part}", timeout=30, trust_env=False)


@pytest.mark.parametrize("case", lines("bodies_partial.jsonl"), ids=lambda case: case["name"])
def test_a_body_that_fails_where_a_field_is_missing_runs_when_it_is_tolerant(
    halves: tuple[ElasticEngine, str, str], case: Body
) -> None:
    engine, whole, pattern = halves

    [alone] = engine.search(whole, [case["body"]], timeout=30)
    [raw] = engine.search(pattern, [case["body"]], timeout=30)
    [run] = engine.search(pattern, [tolerant(case["body"], engine.schema(pattern))], timeout=30)

    assert isinstance(alone, Result), alone
    assert isinstance(raw, Failure)
    assert isinstance(run, Result), run
    assert run.total - alone.total in (0, 1)


def test_dates_of_both_precisions_are_sorted_by_time(engine: ElasticEngine, put: str) -> None:
    for part, kind, day in (("a", "date", "2022-01-01"), ("b", "date_nanos", "2021-01-01")):
        mappings: Body = {"properties": {"d": {"type": kind}}}
        engine.load(f"{put}-{part}", mappings=mappings, documents=[(part, {"d": day})])
    schema = engine.schema(f"{put}-*")

    [result] = engine.search(f"{put}-*", [tolerant({"sort": ["d"]}, schema)], timeout=30)

    assert isinstance(result, Result)
    assert [hit["_id"] for hit in result.hits] == ["b", "a"]


def test_a_conflict_can_be_asked_whether_it_exists(engine: ElasticEngine, put: str) -> None:
    engine.load(f"{put}-a", mappings={"properties": {"x": {"type": "long"}}}, documents=[("1", {"x": 1})])
    engine.load(
        f"{put}-b", mappings={"properties": {"x": {"properties": {"y": {"type": "ip"}}}}}, documents=[("2", {})]
    )
    schema: IndexSchema = engine.schema(f"{put}-*")

    [result] = engine.search(f"{put}-*", [{"query": {"exists": {"field": "x"}}}], timeout=30)

    assert set(schema.fields) == {
        Field("x", "conflict", aggregatable=False, partial=True),
        Field("x.y", "ip", partial=True),
    }
    assert isinstance(result, Result)
    assert [hit["_id"] for hit in result.hits] == ["1"]


@pytest.mark.parametrize("case", lines("kinds_refused.jsonl"), ids=lambda case: case["name"])
def test_what_a_field_is_said_not_to_do_is_refused(engine: ElasticEngine, put: str, case: Body) -> None:
    engine.load(f"{put}-a", mappings={"properties": {"f": case["mapping"]}}, documents=[("1", {})])

    outcomes = engine.search(f"{put}-a", case["bodies"], timeout=30)

    [field] = engine.schema(f"{put}-a").fields or [Field("f", "", searchable=False, aggregatable=False)]
    assert (field.searchable, field.aggregatable) == (case["searchable"], case["aggregatable"])
    assert [isinstance(outcome, Result) for outcome in outcomes] == [case["searchable"], case["aggregatable"]]


def test_a_body_nested_too_deep_is_a_failure_among_the_others(engine: ElasticEngine, put: str) -> None:
    engine.load(f"{put}-a", mappings={}, documents=[("1", {"x": 1})])
    deep: Body = {"match_all": {}}
    for _ in range(10_000):
        deep = {"bool": {"must": [deep]}}
    shallow: Body = {"match_all": {}}
    for _ in range(100):
        shallow = {"bool": {"must": [shallow]}}

    outcomes = engine.search(f"{put}-a", [{}, {"query": deep}, {"query": shallow}, {}], timeout=30)

    assert [type(outcome) for outcome in outcomes] == [Result, Failure, Failure, Result]


def test_a_search_that_takes_too_long_has_timed_out(engine: ElasticEngine, put: str) -> None:
    engine.load(f"{put}-a", mappings={}, documents=((str(n), {"x": n}) for n in range(3000)))
    endless = {
        "source": "long n = 0; for (long i = 0; i < 900000L; i++) { n += i % 7 } return n > 0",
        "lang": "painless",
    }
    body: Body = {"query": {"script": {"script": endless}}, "track_total_hits": True}

    [outcome] = engine.search(f"{put}-a", [body], timeout=0.2)

    assert isinstance(outcome, Failure)
    assert outcome.outcome is Outcome.TIMED_OUT


def test_surrogates_and_control_characters_are_searched_for_like_any_text(engine: ElasticEngine, put: str) -> None:
    engine.load(f"{put}-a", mappings={"properties": {"x": {"type": "text"}}}, documents=[("1", {"x": "é 中文 \x07"})])

    texts = ["é", "\ud800", "\x00\x1b[2J", '"}}\n{}\n{"query":{"match_all":{}}}']
    outcomes = engine.search(f"{put}-a", [{"query": {"match": {"x": text}}} for text in texts], timeout=30)

    assert [outcome.total for outcome in outcomes if isinstance(outcome, Result)] == [1, 0, 0, 0]


def test_an_absent_engine_is_said_with_the_fix_and_without_the_password() -> None:
    engine = ElasticEngine.connect("http://user:hidden@127.0.0.1:9", timeout=2)

    with pytest.raises(EngineError, match=r"http://127\.0\.0\.1:9 does not answer: .*nlq elastic start") as caught:
        engine.info()
    engine.close()

    assert "hidden" not in str(caught.value)
