"""The example store on Elasticsearch: what its errors become, and which names its index may have."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from fastapi import FastAPI
from fastapi.responses import JSONResponse

from examples_db.elastic_store import ElasticStore
from nlq.elastic.client import client_of
from nlq.errors import ConfigError, StoreError
from nlq.settings import load_settings
from tests.fakes.embedder import HashEmbedder
from tests.support import served

PRODUCT = {"X-Elastic-Product": "Elasticsearch"}


class Cluster:
    """Answers every request alike."""

    def __init__(self) -> None:
        self.status, self.headers = 200, PRODUCT
        self.url = ""


@pytest.fixture(scope="module")
def answering() -> Iterator[Cluster]:
    cluster, app = Cluster(), FastAPI()

    @app.api_route("/{path:path}", methods=["GET", "PUT", "POST", "HEAD"])
    def answer() -> JSONResponse:
        body = {"error": {"type": "x", "reason": "broken\nshard"}, "status": cluster.status}
        return JSONResponse(body, status_code=cluster.status, headers=cluster.headers)

    with served(app) as cluster.url:
        yield cluster


@pytest.fixture
def cluster(answering: Cluster) -> Cluster:
    answering.status, answering.headers = 200, PRODUCT
    return answering


def open_at(url: str) -> None:
    client, shown = client_of(url)
    with closing(client):
        ElasticStore.open(client, url=shown, index="nlq-examples", embedder=HashEmbedder())


REFUSALS = [
    (401, "other credentials .* set NLQ_ES_API_KEY"),
    (403, "not allowed to use the index 'nlq-examples': they need .* manage"),
    (429, "overloaded: try again later"),
    (500, "'nlq-examples' cannot be read or written: broken shard$"),
]


@pytest.mark.parametrize(("status", "told"), REFUSALS)
def test_a_refusal_is_told_with_its_fix(cluster: Cluster, status: int, told: str) -> None:
    cluster.status = status

    with pytest.raises(StoreError, match=told):
        open_at(cluster.url)


def test_what_is_no_elasticsearch_is_said_to_be_none(cluster: Cluster) -> None:
    cluster.headers = {}

    with pytest.raises(StoreError, match="no Elasticsearch: check NLQ_ES_URL"):
        open_at(cluster.url)


def test_a_cluster_that_does_not_answer_is_told_without_its_credentials() -> None:
    with pytest.raises(StoreError, match="NLQ_EXAMPLES_STORE=sqlite") as caught:
        open_at("http://ann:secret@127.0.0.1:9")

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["", "*", "a,b", ".hidden", "_x", "Upper", "a/b", "a b", "-a", "é", "a" * 201])
def test_the_index_must_have_one_name_that_can_be_made(name: str) -> None:
    with pytest.raises(ConfigError, match="NLQ_EXAMPLES_INDEX"):
        load_settings(examples_index=name)
