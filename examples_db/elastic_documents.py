"""What is kept as documents of one Elasticsearch index.

``example``: an example with its vectors. ``removed``: what is left of one, so that its place is known and its id never
given again. ``uses``: the counts of an example, apart from it so that counting does not touch its vectors. ``source``:
the version of one source's examples. ``declined``: what somebody edited or removed of nlq's own.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from examples_db import jsonl
from examples_db.elastic_index import Document
from nlq.errors import StoreError
from nlq.types import Body, Example, ExampleFilter, Record, State

_TERM: Body = {"type": "keyword", "ignore_above": 8191}  # the longest that Lucene takes in any script
_KEPT: Body = {"type": "keyword", "index": False, "doc_values": False}  # of any length, only given back
_NUMBER: Body = {"type": "long", "index": False, "doc_values": False}
_SEARCHED = ("kind", "id", "key", "index", "source", "tags", "state", "made", "folded")
_GIVEN_BACK = tuple("etag question query fields author engine checked reason created updated version".split())

MAPPING: Body = {
    "dynamic": "strict",
    "properties": {
        **dict.fromkeys(_SEARCHED, _TERM),
        **dict.fromkeys(_GIVEN_BACK, _KEPT),
        "order": {"type": "long"},
        "vectors": {"type": "object"},  # one dense_vector for each embedder that was ever used
        "uses": _NUMBER,
        "wins": _NUMBER,
    },
}

_LONGEST_FOLDED = 8191
_MOST_PATTERNS = 100  # a query has a limited number of clauses
_ID = re.compile(r"[0-9a-f]{16}")

EXAMPLES: Body = {"term": {"kind": "example"}}


def key_of(example: Example) -> str:
    """Equal where question, index and query are."""
    whole = "\0".join((example.question, example.index, jsonl.minified(example.query)))
    return hashlib.sha256(whole.encode()).hexdigest()


def id_of(key: str, attempt: int) -> str:
    """The same in every process, so that of two that add one example only one succeeds."""
    return hashlib.sha256(f"{key}/{attempt}".encode()).hexdigest()[:16]


def is_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None


def is_example(document: Document | None) -> bool:
    return document is not None and document.source.get("kind") == "example"


def uses_id(example_id: str) -> str:
    return f"uses:{example_id}"


def source_id(source: str) -> str:
    return f"source:{hashlib.sha256(source.encode()).hexdigest()}"


def declined_id(key: str) -> str:
    return f"declined:{key}"


def content_of(example: Example) -> Body:
    """The part of a document that an edit replaces, but for its vectors."""
    return {
        "key": key_of(example),
        "question": example.question,
        "folded": example.question.casefold()[:_LONGEST_FOLDED],
        "query": jsonl.minified(example.query),
        "index": example.index,
        "fields": list(example.fields),
    }


def checked_as(state: State, *, engine: str = "", checked: str = "", reason: str = "") -> Body:
    """The part of a document that a check replaces."""
    return {"state": State(state).value, "engine": engine, "checked": checked, "reason": reason}


def new_etag() -> str:
    return secrets.token_hex(8)


def tags_of(tags: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(tags))


def example_of(document: Document) -> Example:
    source = document.source
    try:
        query = json.loads(source["query"])
        return Example(
            source["question"], query, source["index"], tuple(source["fields"]), source["source"], document.id
        )
    except (KeyError, TypeError, ValueError, RecursionError) as exc:
        raise _unreadable(document) from exc


def record_of(document: Document, uses: Document | None) -> Record:
    source, counts = document.source, counts_of(uses)
    try:
        return Record(
            example_of(document),
            etag=source["etag"],
            tags=tuple(source["tags"]),
            author=source["author"],
            state=State(source["state"]),
            engine=source["engine"],
            checked=source["checked"],
            reason=source["reason"],
            created=source["created"],
            updated=source["updated"],
            uses=counts["uses"],
            wins=counts["wins"],
        )
    except (KeyError, TypeError, ValueError) as exc:
        raise _unreadable(document) from exc


def counts_of(uses: Document | None) -> Mapping[str, int]:
    source: Mapping[str, Any] = {} if uses is None else uses.source
    return {name: int(source.get(name, 0)) for name in ("uses", "wins")}


def tombstone_of(document: Document) -> list[Body]:
    """The lines that put what is left of an example into its place."""
    left = {"kind": "removed", "id": document.id, "order": document.source["order"]}
    return [{"index": {"_id": document.id, **document.at}}, left]


def found_by(*queries: Body, without: Sequence[Body] = ()) -> Body:
    """The examples that all of these find and none of ``without`` does."""
    return {"bool": {"filter": [EXAMPLES, *queries], "must_not": list(without)}}


def named(index: str | None) -> list[Body]:
    """Queries that find most examples of the index, pattern or list of these; ``left_out`` tells all of them."""
    parts = [] if index is None else index.split(",")
    patterns = [part for part in parts if "*" in part][:_MOST_PATTERNS]
    wild: list[Body] = [{"wildcard": {"index": {"value": _escaped(pattern, "?\\")}}} for pattern in patterns]
    return [*wild, {"terms": {"index": parts}}] if parts else []


def query_of(where: ExampleFilter | None) -> Body:
    """The query that finds the examples that are meant."""
    where = where or ExampleFilter()
    terms = {"index": where.index, "source": where.source, "state": where.state, "tags": where.tag}
    clauses: list[Body] = [{"term": {field: str(value)}} for field, value in terms.items() if value is not None]
    if where.text:
        text = _escaped(where.text.casefold(), "*?\\")
        clauses.append({"wildcard": {"folded": {"value": f"*{text}*"}}})
    return found_by(*clauses)


def _escaped(text: str, special: str) -> str:
    """For a wildcard query, in which these characters shall stand for themselves."""
    return "".join(f"\\{char}" if char in special else char for char in text)


def _unreadable(document: Document) -> StoreError:
    return StoreError(f"The document {document.id!r} is no example that can be read: delete it from the index.")
