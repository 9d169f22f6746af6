"""Fixture indices: mappings with a few documents each, and what to send to put them into Elasticsearch."""

from __future__ import annotations

import json
from typing import Any

from nlq.types import Body
from tests.support import FIXTURES

LOADABLE = ("shop", "single", "logs", "wide", "odd")
"""Those that the node of the tests can hold; "full" needs modules that it lacks."""

_WIDE_KINDS = ("keyword", "text", "long", "double", "date", "boolean", "integer", "ip", "geo_point", "float")
_WIDE_VALUES: dict[str, Any] = {
    "keyword": "alpha",
    "text": "alpha beta",
    "long": 12,
    "double": 1.5,
    "date": "2024-01-31",
    "boolean": True,
    "integer": 7,
    "ip": "10.0.0.1",
    "geo_point": {"lat": 52.5, "lon": 13.4},
    "float": 0.25,
}
_WIDE_TOPICS = "sales stock staff site lab".split()


def index(name: str) -> Body:
    """{"mappings", "documents", "settings" where any}; documents carry "_id" and, children, "_routing"."""
    if name == "wide":
        return wide()
    body: Body = json.loads((FIXTURES / "mappings" / f"{name}.json").read_text(encoding="utf-8"))
    return body


def wide() -> Body:
    """500 fields: 100 below each of five objects, ten of each kind, named like "sales.keyword_3"."""
    leaves = {f"{kind}_{number}": {"type": kind} for kind in _WIDE_KINDS for number in range(10)}
    documents = [
        {"_id": str(i), **{topic: _wide_values(i) for topic in _WIDE_TOPICS[: i + 1]}} for i in range(len(_WIDE_TOPICS))
    ]
    properties = {topic: {"properties": leaves} for topic in _WIDE_TOPICS}
    return {
        "mappings": {"dynamic": "strict", "properties": properties},
        "settings": {"number_of_shards": 1, "number_of_replicas": 0},
        "documents": documents,
    }


def _wide_values(number: int) -> Body:
    return {f"{kind}_{n}": value for kind, value in _WIDE_VALUES.items() for n in range(number + 1)}


def operations(name: str) -> list[Body]:
    """The lines of a ``_bulk`` request that puts the documents of that fixture into the index of its address."""
    lines: list[Body] = []
    for document in index(name)["documents"]:
        meta = {key: document[key] for key in ("_id", "_routing") if key in document}
        lines.append({"index": {key.removeprefix("_") if key == "_routing" else key: v for key, v in meta.items()}})
        lines.append({key: value for key, value in document.items() if key not in meta})
    return lines
