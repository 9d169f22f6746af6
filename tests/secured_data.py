"""What the secured node of the tests holds: films, a shop, its staff, two aliases and a data stream."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import closing
from typing import Any

from nlq.elastic.engine import ElasticEngine
from tests.secured import PASSWORD, USER, Secured

KEYWORD = {"type": "keyword"}
MOVIES = {
    "_meta": {"description": "Films"},
    "properties": {"title": {"type": "text", "fields": {"raw": KEYWORD}}, "year": {"type": "integer"}},
}
SHOP = {"properties": {"product": KEYWORD, "price": {"type": "double"}}}
STAFF = {
    "properties": {
        "person": KEYWORD,
        "team": KEYWORD,
        "salary": {"type": "integer"},
        "contact": {"properties": {"city": KEYWORD, "email": KEYWORD}},
    }
}
PEOPLE = {
    "1": {"person": "Ada Lovelace", "team": "red", "salary": 77123, "contact": {"city": "Rome", "email": "ada@x.org"}},
    "2": {"person": "Kim Novak", "team": "blue", "salary": 88456, "contact": {"city": "Prague", "email": "kim@x.org"}},
}
FACTS = ("77123", "88456", "x.org", "Kim", "Prague", "blue")
HIDDEN = ("salary", "email", *FACTS)
"""What no answer of RED's may hold."""

READS = ("read", "view_index_metadata")
RED = {
    "names": ["staff"],
    "privileges": READS,
    "query": {"term": {"team": "red"}},
    "field_security": {"grant": ["*"], "except": ["salary", "contact.email"]},
}
BLUE = {"names": ["staff"], "privileges": READS, "query": {"term": {"team": "blue"}}}


def fill(node: Secured) -> None:
    with closing(ElasticEngine.connect(node.url, user=USER, password=PASSWORD, timeout=60)) as engine:
        engine.load("movies", mappings=MOVIES, documents=[("1", {"title": "Taxi", "year": 1976})])
        for i, product in enumerate(("lamp", "chair"), start=1):
            engine.load(f"shop-{i}", mappings=SHOP, documents=[("1", {"product": product, "price": 10 * i})])
        engine.load("staff", mappings=STAFF, documents=PEOPLE.items())
    template = {"mappings": {"properties": {"level": KEYWORD}}}
    whole = {"index_patterns": ["shop-logs"], "data_stream": {}, "template": template}
    node.admin.put("/_index_template/shop-logs", json=whole).raise_for_status()
    event = {"@timestamp": "2026-01-01", "level": "warn"}
    node.admin.post("/shop-logs/_doc", params={"refresh": "true"}, json=event).raise_for_status()
    both = {"shop-all": ("shop-1", "shop-2"), "shop-people": ("shop-1", "staff")}
    actions = [{"add": {"index": index, "alias": alias}} for alias, each in both.items() for index in each]
    node.admin.post("/_aliases", json={"actions": actions}).raise_for_status()


def persons(hits: Iterable[Mapping[str, Any]]) -> set[str]:
    return {hit["_source"]["person"] for hit in hits}
