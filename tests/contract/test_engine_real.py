"""What only the real Elasticsearch can show: aliases, its own refusals, its absence."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest

from nlq.elastic.engine import ElasticEngine
from nlq.errors import EngineError
from nlq.types import Body, Failure, Field, Outcome, Result

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

    assert set(schema.fields) == {Field("x", "long"), Field("y", "keyword")}
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
        Field("title", "text"),
        Field("title.raw", "keyword", parent="title"),
        Field("name", "keyword"),
        Field("day", "date", format="yyyy-MM-dd"),
        Field("labels", "flattened"),
        Field("cast", "nested"),
        Field("cast.born.year", "short", nested="cast"),
    }


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
