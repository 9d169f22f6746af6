"""A body and its canonical spelling, sent to the real engine: the same documents in order, the same numbers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from nlq.canonical import canonical
from nlq.elastic.engine import ElasticEngine
from nlq.finish import with_vectors
from nlq.types import Body, Failure, Result
from tests.mappings import LOADABLE, index, operations
from tests.support import lines

pytestmark = pytest.mark.engine

_SHOWN = ("_as_string", "doc_count_error_upper_bound")


def encode(texts: Any) -> list[list[float]]:
    return [[0.1, 0.2, 0.3, 0.4] for _ in texts]


@pytest.fixture(scope="module")
def engine(engine_url: str) -> Iterator[ElasticEngine]:
    client = Elasticsearch(engine_url, request_timeout=60)
    names = [f"canonical-{name}" for name in LOADABLE]
    for name in LOADABLE:
        made = index(name)
        client.indices.delete(index=f"canonical-{name}", ignore_unavailable=True)
        client.indices.create(index=f"canonical-{name}", mappings=made["mappings"], settings=made.get("settings", {}))
        answer = client.bulk(index=f"canonical-{name}", operations=operations(name), refresh=True)
        assert not answer["errors"]
    connected = ElasticEngine.connect(engine_url, timeout=60)
    yield connected
    connected.close()
    client.indices.delete(index=names)
    client.close()


def differences(engine: ElasticEngine, name: str, bodies: list[Body]) -> list[tuple[Body, Body, Any, Any]]:
    """Bodies that say something else in their canonical spelling, both spellings, and what each says."""
    schema = engine.schema(f"canonical-{name}")
    out = []
    for first in range(0, len(bodies), 20):
        given = bodies[first : first + 20]
        spelled = [canonical(body, schema) for body in given]
        sent = [with_vectors(body, encode) for body in [*given, *spelled]]
        answers = engine.search(f"canonical-{name}", sent, timeout=30)
        for number, (body, new) in enumerate(zip(given, spelled, strict=True)):
            labelled = "filters" in json.dumps(body) or any(f'"{k}":' in json.dumps(body) for k in ("keyed", "key"))
            was, now = (said(answers[number + shift], labelled=labelled) for shift in (0, len(given)))
            if was != now:
                out.append((body, new, was, now))
    return out


def said(answer: Result | Failure, *, labelled: bool) -> Any:
    """Documents in order, how many match, numbers. ``labelled``: buckets have names, and may be in their order."""
    assert not isinstance(answer, Failure), answer.reason
    return [hit["_id"] for hit in answer.hits], answer.total, numbers(answer.aggregations, labelled=labelled)


def numbers(node: Any, *, labelled: bool) -> Any:
    """What aggregations say, whatever their names."""
    if isinstance(node, list):
        return [numbers(item, labelled=labelled) for item in node]
    if isinstance(node, dict):
        return _of_aggregation(node, labelled=labelled)
    number = isinstance(node, int | float) and not isinstance(node, bool)
    return f"{float(node):.10g}" if number else node


def _of_aggregation(node: Body, *, labelled: bool) -> Any:
    if "hits" in node and "hits" in node["hits"]:
        return [hit["_id"] for hit in node["hits"]["hits"]]
    if "values" in node:
        pairs = node["values"].items() if isinstance(node["values"], dict) else [("", v) for v in node["values"]]
        plain = [v["value"] if isinstance(v, dict) else v for name, v in pairs if _counts(name)]
        return {"values": numbers(plain, labelled=labelled)}
    if "buckets" in node:
        buckets = node["buckets"]
        found = numbers(list(buckets.values()) if isinstance(buckets, dict) else buckets, labelled=labelled)
        return {"buckets": sorted(found, key=repr) if labelled else found}
    kept = {k: v for k, v in node.items() if _counts(k) and not (labelled and k == "key")}
    return sorted((numbers(v, labelled=labelled) for v in kept.values()), key=repr)


def _counts(key: str) -> bool:
    return not key.endswith(_SHOWN)


@pytest.mark.parametrize("name", LOADABLE)
def test_the_canonical_spelling_of_the_corpus_says_the_same(engine: ElasticEngine, name: str) -> None:
    bodies = [row["body"] for row in lines(f"bodies/{name}.jsonl")]

    assert differences(engine, name, [b for b in bodies if '"to": "now"' not in json.dumps(b)]) == []


def test_the_canonical_spelling_of_the_hand_written_cases_says_the_same(engine: ElasticEngine) -> None:
    bodies = [case["body"] for case in lines("canonical.jsonl")]

    assert differences(engine, "shop", [b for b in bodies if runs(b)]) == []


def runs(body: Body) -> bool:
    """Whether Elasticsearch still reads the spelling: some are of older versions."""
    text = json.dumps(body)
    return not any(f'"{old}"' in text for old in ("include_upper", "wildcard", "source"))
