"""New examples in Elasticsearch: each with its vector, all or none."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count

from examples_db import jsonl
from examples_db.elastic_documents import (
    checked_as,
    content_of,
    found_by,
    id_of,
    key_of,
    new_etag,
    tags_of,
    uses_id,
)
from examples_db.elastic_index import PAGE, ExampleIndex
from examples_db.elastic_vectors import TOGETHER, PatternVectors
from examples_db.rows import canonical_of, now
from nlq.errors import StoreError
from nlq.types import Body, Record

_MOST_BYTES = 20_000_000
"""Of questions and queries in one request; Elasticsearch takes 100 MB."""


class Adding:
    """Adds examples; those that are known are passed over. May be used by several threads at once."""

    def __init__(self, index: ExampleIndex, vectors: PatternVectors) -> None:
        self._index = index
        self._vectors = vectors
        self._ordering = threading.Lock()
        self._last_order = 0

    def add(self, records: Iterable[Record]) -> int:
        """Returns how many were new. What was written is taken back where a later part fails."""
        given: dict[str, Record] = {}
        for record in records:
            checked = jsonl.checked_record(record)
            kept = replace(checked, example=canonical_of(checked.example))
            given.setdefault(key_of(kept.example), kept)
        known = self._known(list(given))
        new = {key: record for key, record in given.items() if key not in known}
        orders, tried, added = self._orders(len(new)), dict[str, str](), dict[str, str]()
        try:
            for some in _batches(new.values()):
                added |= self._create(some, orders, tried)
            self._write_counts({example_id: new[key] for example_id, key in added.items()})
        except BaseException as exc:
            self._take_back(tried, exc)
            raise
        return len(added)

    def _known(self, keys: Sequence[str]) -> set[str]:
        """Those of the keys that an example has."""
        found: set[str] = set()
        for i in range(0, len(keys), PAGE):
            some = list(keys[i : i + PAGE])
            body = {"query": found_by({"terms": {"key": some}}), "size": len(some)}
            found.update(str(document.source["key"]) for document in self._index.search(body))
        return found

    def _create(self, records: Sequence[Record], orders: Iterator[int], tried: dict[str, str]) -> dict[str, str]:
        """Write these as new examples; returns key by id of those that no other process had added meanwhile.

        ``tried`` gets their etags by the ids that were tried.
        """
        vectors = self._vectors.of_examples([record.example for record in records])
        parts = zip(records, vectors, orders, strict=False)
        left = {key_of(record.example): _document(record, vector, order=order) for record, vector, order in parts}
        added: dict[str, str] = {}
        for attempt in count():
            if not left:
                break
            keys = {id_of(key, attempt): key for key in left}
            tried |= {example_id: left[key]["etag"] for example_id, key in keys.items()}
            lines = [line for i, key in keys.items() for line in ({"create": {"_id": i}}, {**left[key], "id": i})]
            undone = self._index.write(lines)
            added |= {example_id: key for example_id, key in keys.items() if example_id not in undone}
            there = self._index.read(list(undone))
            # an id may be taken by an example that was edited or removed since: then the next id is tried
            taken = [i for i in undone if i not in there or there[i].source.get("key") != keys[i]]
            left = {keys[i]: left[keys[i]] for i in taken}
        return added

    def _write_counts(self, added: Mapping[str, Record]) -> None:
        lines: list[Body] = []
        for example_id, record in added.items():
            if record.uses or record.wins:
                counts = {"kind": "uses", "uses": record.uses, "wins": record.wins}
                lines += [{"index": {"_id": uses_id(example_id)}}, counts]
        if lines:
            self._index.write(lines, seen=False)

    def _take_back(self, tried: Mapping[str, str], why: BaseException) -> None:
        """Delete what this process wrote of these, told by their etags."""
        try:
            there = self._index.read(list(tried))
            ours = [d for i, d in there.items() if d.source.get("etag") == tried[i]]
            if ours:
                self._index.write([{"delete": {"_id": d.id, **d.at}} for d in ours])
        except StoreError:
            if isinstance(why, StoreError):
                more = "Some of the examples may have been kept: add them again, the known ones are passed over."
                raise StoreError(f"{why} {more}") from why

    def _orders(self, n: int) -> Iterator[int]:
        """n numbers above all that this process gave; those of several processes are in the order of their clocks."""
        with self._ordering:
            first = max(time.time_ns(), self._last_order + 1)
            self._last_order = first + n
        return iter(range(first, first + n))


def _batches(records: Iterable[Record]) -> Iterator[list[Record]]:
    some, size = list[Record](), 0
    for record in records:
        size += len(record.example.question) + len(jsonl.minified(record.example.query))
        some.append(record)
        if len(some) == TOGETHER or size > _MOST_BYTES:
            yield some
            some, size = [], 0
    if some:
        yield some


def _document(record: Record, vector: Body, *, order: int) -> Body:
    created = record.created or now()
    return {
        **content_of(record.example),
        **vector,
        **checked_as(record.state, engine=record.engine, checked=record.checked, reason=record.reason),
        "kind": "example",
        "order": order,
        "source": record.example.source,
        "tags": tags_of(record.tags),
        "author": record.author,
        "etag": new_etag(),
        "created": created,
        "updated": record.updated or created,
    }
