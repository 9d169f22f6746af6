"""The role that the docs give a reader, on a real Elasticsearch that asks for rights: it suffices, and no more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from examples_db.elastic_store import ElasticStore
from nlq.elastic.client import client_of
from nlq.elastic.engine import ElasticEngine
from nlq.errors import AccessError, StoreError, UnknownIndexError
from nlq.query_schema import accepted_schema
from nlq.types import Example, Result
from tests.fakes.embedder import HashEmbedder
from tests.secured import Secured, documented
from tests.secured_data import KEYWORD, READS, SHOP, persons

pytestmark = pytest.mark.engine

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def reader_key(secured: Secured) -> str:
    """The key that docs/access.md makes."""
    return secured.key_of(documented(DOCS / "access.md", after="POST /_security/api_key"))[1]


@pytest.fixture(scope="module")
def reader(secured: Secured, reader_key: str) -> Iterator[ElasticEngine]:
    with secured.engine(reader_key) as engine:
        yield engine


@pytest.fixture(scope="module")
def plain(secured: Secured, reader_key: str) -> Iterator[httpx.Client]:
    """What anyone else could do with the reader's key."""
    headers = {"Authorization": f"ApiKey {reader_key}"}
    with httpx.Client(base_url=secured.url, headers=headers, timeout=60, trust_env=False) as client:
        yield client


def test_the_documented_role_lists_its_indices_alone(reader: ElasticEngine) -> None:
    listed = {info.name: (info.documents, info.about) for info in reader.indexes()}

    assert listed.pop("movies") == (1, "Films")
    assert {name: documents for name, (documents, _) in listed.items()} == {
        "shop-1": 1,
        "shop-2": 1,
        "shop-all": 2,
        "shop-logs": 1,
        "shop-people": 3,
    }


def test_the_documented_role_tells_version_and_modules(reader: ElasticEngine) -> None:
    info, schema = reader.info(), reader.schema("movies")

    assert info.version == schema.version != ""
    assert "aggregations" in info.features == schema.features


@pytest.mark.parametrize(
    ("name", "fields", "total"),
    [
        ("movies", {"title", "title.raw", "year"}, 1),
        ("shop-all", {"product", "price"}, 2),
        ("shop-logs", {"@timestamp", "level"}, 1),
        ("shop-a*", {"product", "price"}, 2),
        ("movies,shop-2", {"title", "title.raw", "year", "product", "price"}, 2),
        ("m*", {"title", "title.raw", "year"}, 1),
    ],
)
def test_the_documented_role_reads_indices_aliases_data_streams_and_patterns(
    reader: ElasticEngine, name: str, fields: set[str], total: int
) -> None:
    schema = reader.schema(name)
    [result] = reader.search(name, [{"track_total_hits": True}], timeout=60)

    assert {field.name for field in schema.fields} == fields
    assert set(reader.mapping(name)["properties"]) == {field.name for field in schema.fields if field.parent is None}
    assert isinstance(result, Result)
    assert result.total == total


def test_the_documented_role_sees_what_is_behind_its_names(reader: ElasticEngine) -> None:
    there = reader.behind("*")

    assert there["shop-people"] == {"shop-1", "staff"}
    assert there["shop-logs"] == {"shop-logs"}
    assert "staff" not in there


def test_an_index_that_the_role_does_not_name_is_refused_and_patterns_pass_over_it(reader: ElasticEngine) -> None:
    for ask in (reader.mapping, reader.schema, reader.behind, lambda name: reader.search(name, [{}], timeout=60)):
        with pytest.raises(AccessError, match="not allowed to"):
            ask("staff")
    with pytest.raises(UnknownIndexError, match="there are: ") as told:
        reader.schema("st*")
    [everything] = reader.search("*", [{"query": {"exists": {"field": "person"}}}], timeout=60)

    assert "staff" not in str(told.value).replace("'st*'", "")
    assert isinstance(everything, Result)
    assert persons(everything.hits) == {"Ada Lovelace", "Kim Novak"}  # by the alias, which the role names


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/shop-9", {}),
        ("POST", "/shop-1/_doc", {"product": "x"}),
        ("POST", "/shop-logs/_doc", {"@timestamp": "2026-01-02"}),
        ("POST", "/shop-1/_update/1", {"doc": {"price": 0}}),
        ("POST", "/shop-1/_delete_by_query", {"query": {"match_all": {}}}),
        ("DELETE", "/shop-1/_doc/1", None),
        ("DELETE", "/shop-1", None),
        ("POST", "/shop-1/_close", None),
        ("PUT", "/shop-1/_mapping", {"properties": {"x": KEYWORD}}),
        ("PUT", "/shop-1/_settings", {"index": {"blocks": {"read": True}}}),
        ("POST", "/_aliases", {"actions": [{"add": {"index": "staff", "alias": "shop-more"}}]}),
        ("POST", "/_reindex", {"source": {"index": "movies"}, "dest": {"index": "shop-9"}}),
        ("GET", "/staff/_search", None),
        ("GET", "/staff/_doc/1", None),
        ("GET", "/_cluster/state", None),
        ("PUT", "/_cluster/settings", {"transient": {"cluster.routing.allocation.enable": "none"}}),
        ("POST", "/_security/user/me", {"password": "long-enough", "roles": ["superuser"]}),
        ("PUT", "/_scripts/x", {"script": {"lang": "painless", "source": "1"}}),
    ],
)
def test_the_documented_role_does_nothing_but_read(plain: httpx.Client, method: str, path: str, body: Any) -> None:
    refused = plain.request(method, path, json=body)

    assert refused.status_code == 403, refused.text


def test_nothing_is_loaded_with_the_documented_role(reader: ElasticEngine) -> None:
    for write in (
        lambda: reader.load("shop-9", mappings=SHOP, documents=[("1", {"product": "x"})]),
        lambda: reader.add("shop-1", [("2", {"product": "x"})]),
    ):
        with pytest.raises(AccessError, match="not allowed to"):
            write()


def test_a_refusal_names_the_missing_privilege_and_not_the_key(reader: ElasticEngine, secured: Secured) -> None:
    with pytest.raises(AccessError) as refused:
        reader.schema("staff")

    assert str(refused.value) == (
        f"These credentials are not allowed to do that on {secured.url}: action [indices:admin/mappings/get] is "
        "unauthorized on indices [staff], this action is granted by the index privileges "
        "[view_index_metadata,manage,all]"
    )


def test_without_the_rights_to_the_cluster_questions_are_answered_and_readiness_is_not(secured: Secured) -> None:
    with secured.engine(secured.key({"names": ["movies"], "privileges": READS})[1]) as engine:
        schema = engine.schema("movies")
        [result] = engine.search("movies", [{}], timeout=60)
        with pytest.raises(AccessError, match="cluster:monitor/main"):
            engine.info()

    assert (schema.version, schema.features) == ("", frozenset())
    assert accepted_schema(schema)
    assert isinstance(result, Result)


def test_a_role_for_indices_does_not_open_the_aliases_of_these(secured: Secured) -> None:
    with secured.engine(secured.key({"names": ["shop-1", "shop-2"], "privileges": READS})[1]) as engine:
        listed = [info.name for info in engine.indexes()]
        [found] = engine.search("shop-*", [{}], timeout=60)
        with pytest.raises(AccessError):
            engine.schema("shop-all")

    assert listed == ["shop-1", "shop-2"]
    assert isinstance(found, Result)
    assert {hit["_index"] for hit in found.hits} == {"shop-1", "shop-2"}


def test_a_key_that_reads_nothing_lists_nothing(secured: Secured) -> None:
    with secured.engine(secured.key({"names": ["nothing"], "privileges": READS})[1]) as engine:
        with pytest.raises(UnknownIndexError, match=r"^There is no index 'st\*', and none that can be listed\.$"):
            engine.schema("st*")

        assert engine.indexes() == []
        assert engine.behind("*") == {}


@pytest.mark.parametrize("key", ["made-up", "bm8tc3VjaDprZXk=", "bm8gY29sb24=", "x" * 3000], ids=len)
def test_a_wrong_key_is_told_in_one_sentence_that_does_not_show_it(secured: Secured, key: str) -> None:
    told = set()
    with secured.engine(key) as engine:
        for ask in (engine.info, engine.indexes, lambda: engine.schema("movies"), lambda: engine.behind("*")):
            with pytest.raises(AccessError) as refused:
                ask()
            told.add(str(refused.value))

    assert told == {
        f"Elasticsearch at {secured.url} wants other credentials: set NLQ_ES_API_KEY, or NLQ_ES_USER and "
        "NLQ_ES_PASSWORD; where callers send their own, send others."
    }


def test_the_documented_rights_suffice_for_examples_in_the_cluster(secured: Secured, reader_key: str) -> None:
    asked = Example("orders above 50", {"query": {"match_all": {}}}, "orders", ("total:double",))
    [rights] = documented(DOCS / "examples.md", after="only on it beyond reading:")["indices"]
    client, shown = client_of(secured.url, api_key=secured.key(rights)[1], timeout=60)
    with closing(ElasticStore.open(client, url=shown, index="nlq-examples", embedder=HashEmbedder())) as store:
        added = store.add([asked])
        store.warm()
        found = store.nearest("orders above 70", 1)
    other, _ = client_of(secured.url, api_key=reader_key, timeout=60)

    assert (added, [example.question for example in found]) == (1, [asked.question])
    with pytest.raises(StoreError), closing(other):
        ElasticStore.open(other, url=shown, index="nlq-examples", embedder=HashEmbedder())
