"""What the schemas allow, sent to the real engine: random walks and the hand-written corpus."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from nlq.elastic.engine import ElasticEngine
from nlq.evaluation.walks import Walker
from nlq.finish import Finish, with_vectors
from nlq.grounding import View
from nlq.query_schema import decoded_schema
from nlq.types import Body, Failure, IndexSchema
from nlq.values import Seen
from tests.mappings import LOADABLE, index, operations
from tests.support import lines

WALKS = 400
KNOWN_REFUSALS = (
    (r"too many buckets", "an interval too small for the dates there are: no schema knows the documents"),
)
"""What the engine may still refuse of decoded bodies, and why the schema lets it through."""


def encode(texts: Any) -> list[list[float]]:
    return [[0.1, 0.2, 0.3, 0.4] for _ in texts]


@pytest.fixture(scope="module")
def engine(engine_url: str) -> Iterator[ElasticEngine]:
    client = Elasticsearch(engine_url, request_timeout=60)
    for name in LOADABLE:
        made = index(name)
        client.indices.delete(index=f"schema-{name}", ignore_unavailable=True)
        client.indices.create(index=f"schema-{name}", mappings=made["mappings"], settings=made.get("settings", {}))
        answer = client.bulk(index=f"schema-{name}", operations=operations(name), refresh=True)
        assert not answer["errors"]
    connected = ElasticEngine.connect(engine_url, timeout=60)
    yield connected
    connected.close()
    client.indices.delete(index=[f"schema-{name}" for name in LOADABLE])
    client.close()


def finish_of(schema: IndexSchema) -> Finish:
    view = View("", schema, schema, Seen(None), (), (), datetime(2026, 3, 4, 12, tzinfo=UTC))
    return Finish(view, max_results=100, encode=encode)


def refused(engine: ElasticEngine, name: str, bodies: list[Body]) -> list[tuple[str, Body]]:
    out = []
    for first in range(0, len(bodies), 50):
        part = bodies[first : first + 50]
        answers = engine.search(f"schema-{name}", part, timeout=30)
        out += [(a.reason, b) for a, b in zip(answers, part, strict=True) if isinstance(a, Failure)]
    return out


@pytest.mark.parametrize("name", LOADABLE)
def test_what_the_model_may_write_runs_but_for_the_refusals_listed(engine: ElasticEngine, name: str) -> None:
    schema = engine.schema(f"schema-{name}")
    walker, finish = Walker(decoded_schema(schema)), finish_of(schema)
    bodies = [finish(walker.walk(random.Random(seed), depth=9))[0] for seed in range(WALKS)]

    found = refused(engine, name, bodies)
    unknown = [(r, b) for r, b in found if not any(re.search(known, r) for known, _ in KNOWN_REFUSALS)]

    assert unknown == []
    assert len(found) <= WALKS // 50


@pytest.mark.parametrize("name", LOADABLE)
def test_every_body_of_the_corpus_runs(engine: ElasticEngine, name: str) -> None:
    bodies = [with_vectors(row["body"], encode) for row in lines(f"bodies/{name}.jsonl")]

    assert refused(engine, name, bodies) == []


def test_a_search_by_meaning_finds_the_nearest_document(engine: ElasticEngine) -> None:
    finish = finish_of(engine.schema("schema-shop"))
    body, _ = finish({"query": {"knn": {"field": "embedding", "query_vector": "a toy", "k": 1}}, "_source": ["title"]})

    (answer,) = engine.search("schema-shop", [body], timeout=30)

    assert not isinstance(answer, Failure)
    assert len(answer.hits) == 1
    assert body["query"]["knn"]["_name"] == "a toy"
