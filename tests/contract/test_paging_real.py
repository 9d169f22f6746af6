"""Pages of hits on the real Elasticsearch: several indices and shards, equals across pages, values that are missing."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest

from nlq.elastic.engine import ElasticEngine
from nlq.paging import first_cursor, page, page_body, read_token
from nlq.types import Body, Result

pytestmark = pytest.mark.engine

MAPPINGS: Body = {
    "properties": {
        "title": {"type": "text"},
        "year": {"type": "integer"},
        "kind": {"type": "keyword"},
        "day": {"type": "date"},
    }
}
WORDS = ("red desert", "red", "the red shoes", "blow up", "red red desert")


@pytest.fixture(scope="module")
def films(engine_url: str) -> Iterator[tuple[ElasticEngine, str]]:
    """Two indices of three shards each, and the pattern that matches both."""
    engine, prefix = ElasticEngine.connect(engine_url, timeout=30), f"zz-pages-{uuid4().hex[:8]}"
    for name in ("a", "b"):
        documents = [
            (str(n), {"title": WORDS[n % 5], "kind": "xyz"[n % 3], "day": f"19{n + 40}-01-01", **_year(n)})
            for n in range(40)
        ]
        engine.load(f"{prefix}-{name}", mappings=MAPPINGS, documents=documents, settings={"number_of_shards": 3})
    yield engine, f"{prefix}-*"
    with httpx.Client(base_url=engine_url, timeout=30, trust_env=False) as client:
        for name in ("a", "b"):
            client.delete(f"/{prefix}-{name}", params={"ignore_unavailable": "true"})
    engine.close()


def _year(n: int) -> Body:
    return {"year": 1990 + n % 4} if n % 5 else {}


@pytest.mark.parametrize("size", [7, 25, 80])
@pytest.mark.parametrize(
    "query",
    [
        {"query": {"match_all": {}}},
        {"query": {"match": {"title": "red"}}},
        {"query": {"match_all": {}}, "sort": [{"year": {"order": "asc"}}]},
        {"query": {"match_all": {}}, "sort": [{"year": {"order": "desc"}}, {"kind": "asc"}]},
        {"query": {"match_all": {}}, "sort": [{"day": {"order": "desc", "format": "yyyy-MM-dd"}}]},
        {"query": {"match": {"title": "red"}}, "sort": ["_score", {"kind": "desc"}]},
    ],
    ids=["equals", "scores", "missing last", "two keys", "days", "scores and words"],
)
def test_all_pages_together_hold_every_document_once(films: tuple[ElasticEngine, str], query: Body, size: int) -> None:
    engine, index = films

    def found(body: Body) -> Result:
        [result] = engine.search(index, [{"track_total_hits": True, **body}], timeout=30)
        assert isinstance(result, Result), result
        return result

    asked = {**query, "size": size}
    result = found(asked)
    pages, cursor = [result], first_cursor(index, asked, result)
    while cursor:
        cursor = read_token(cursor.token(), index=index, query=asked)
        result, cursor = page(asked, cursor, found(page_body(asked, cursor)))
        pages.append(result)
    hits = [hit for result in pages for hit in result.hits]
    whole = found({**query, "size": 100}).hits

    assert sorted((hit["_index"], hit["_id"]) for hit in hits) == sorted((hit["_index"], hit["_id"]) for hit in whole)
    assert [hit.get("sort", hit["_score"]) for hit in hits] == [hit.get("sort", hit["_score"]) for hit in whole]
    assert {frozenset(hit) for hit in hits} == {frozenset(whole[0])}
