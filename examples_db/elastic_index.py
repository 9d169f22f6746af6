"""The Elasticsearch index below the store: made and checked before use, read and written, its errors in our words.

Privileges it needs on that index: read, write, manage.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from elasticsearch import (
    ApiError,
    BadRequestError,
    ConnectionTimeout,
    Elasticsearch,
    NotFoundError,
    SerializationError,
    TransportError,
    UnsupportedProductError,
)

from nlq.errors import StoreError
from nlq.types import Body

MARK = "nlq-examples"
"""Key of a mapping's ``_meta`` that says: this index holds nlq's examples, in the layout of that number."""

MOST_FOUND = 10_000
"""Elasticsearch's own limit of hits, and of candidates of one kNN search."""

PAGE = 1000
"""Hits of one request that are read without a second thought."""

_LAYOUT = 1
_WRITE_SECONDS = 60.0
_IDS_AT_ONCE = 1000
CONFLICT, MISSING = 409, 404
_UNREAD = ["vectors", "folded"]
"""Parts of a document that are only searched."""


@dataclass(frozen=True, slots=True)
class Document:
    """A stored document; ``at`` is what a write must name so that it replaces this state of it only."""

    id: str
    source: Mapping[str, Any]
    at: Mapping[str, int]
    vector: Sequence[float] = ()

    @property
    def place(self) -> tuple[int, str]:
        """Where it is in the order in which examples were added."""
        return int(self.source["order"]), self.id

    @classmethod
    def of(cls, found: Mapping[str, Any], *, vector: str = "") -> Document:
        at = {"if_seq_no": found["_seq_no"], "if_primary_term": found["_primary_term"]}
        return cls(found["_id"], found["_source"], at, found.get("fields", {}).get(vector, ()))


class ExampleIndex:
    """One index of a cluster. May be used by several threads at once; each sees what this object wrote before."""

    def __init__(self, client: Elasticsearch, *, url: str, name: str) -> None:
        self.name = name
        self._client = client
        self._url = url
        self._open = True
        self._unseen = False  # something was written that searches do not find yet
        self._seeing = threading.Lock()

    def prepare(self, mapping: Body, *, vector: str, maker: Body, dimension: int) -> Mapping[str, Mapping[str, Any]]:
        """Make the index with that mapping where there is none, and the field ``vectors.<vector>`` where it lacks it.

        Returns who made the vectors of each field: ``maker``, and those that were named here before. Raises StoreError
        where the name belongs to something else or the layout is not this one.
        """
        with self._translated():
            try:
                found = self._client.indices.get_mapping(index=self.name).body
            except NotFoundError:
                self._create(mapping)
                found = self._client.indices.get_mapping(index=self.name).body
            if len(found) > 1:
                raise StoreError(f"{self.name!r} names {len(found)} indices: set NLQ_EXAMPLES_INDEX to another name.")
            (only,) = found.values()
            meta = only["mappings"].get("_meta", {})
            self._check_layout(meta.get(MARK))
            makers = {**meta.get("makers", {}), vector: maker}
            if vector not in only["mappings"]["properties"]["vectors"].get("properties", {}):
                field = {"type": "dense_vector", "dims": dimension, "similarity": "cosine", "index": True}
                # named, because the default differs between versions of Elasticsearch
                field["index_options"] = {"type": "int8_hnsw"}
                self._client.indices.put_mapping(
                    index=self.name,
                    properties={"vectors": {"properties": {vector: field}}},
                    meta={**meta, "makers": makers},
                )
        return makers

    def read(self, ids: Sequence[str]) -> dict[str, Document]:
        """The documents that are there now, by id; what any process wrote counts at once."""
        found: list[Mapping[str, Any]] = []
        with self._translated():
            for start in range(0, len(ids), _IDS_AT_ONCE):
                some = list(ids[start : start + _IDS_AT_ONCE])
                found += self._client.mget(index=self.name, ids=some, source_excludes=_UNREAD)["docs"]
        if any("error" in item for item in found):  # one per id, with a status of 200
            raise self._gone()
        return {item["_id"]: Document.of(item) for item in found if item["found"]}

    def search(self, body: Body, *, vector: str = "") -> list[Document]:
        """The hits, in order; with their values of the field ``vector`` where that is named."""
        asked = {"_source": {"excludes": _UNREAD}, "track_total_hits": False, "seq_no_primary_term": True, **body}
        if vector:
            asked["fields"] = [vector]
        self._see()
        with self._translated():
            answer = self._client.search(index=self.name, body=asked, allow_partial_search_results=False)
        return [Document.of(hit, vector=vector) for hit in answer["hits"]["hits"]]

    def pages(
        self, query: Body, *, size: int = PAGE, start: Sequence[Any] | None = None
    ) -> Iterator[Sequence[Document]]:
        """What the query finds behind the place ``start``, in the order it was added."""
        body: Body = {"query": query, "size": size, "sort": [{"order": "asc"}, {"id": "asc"}]}
        while True:
            found = self.search(body if start is None else {**body, "search_after": start})
            if found:
                yield found
            if len(found) < size:
                return
            start = found[-1].place

    def count(self, query: Body) -> int:
        self._see()
        with self._translated():
            return int(self._client.count(index=self.name, query=query)["count"])

    def write(self, lines: Sequence[Body], *, seen: bool = True) -> dict[str, int]:
        """Send the lines of one ``_bulk`` request; returns the ids of those that were not done: CONFLICT, MISSING.

        The other lines stay written where one fails: then StoreError. ``seen`` says whether later searches must find
        it. Never sent twice, so what met a conflict was not written by this call.
        """
        with self._translated():
            answer = self._client.options(request_timeout=_WRITE_SECONDS, max_retries=0).bulk(
                operations=lines, index=self.name
            )
        if seen:
            self._unseen = True
        results = [result for item in answer["items"] for result in item.values()]
        undone = {str(r["_id"]): int(r["status"]) for r in results if r["status"] in (CONFLICT, MISSING)}
        wrong = next((r for r in results if "error" in r and r["_id"] not in undone), None)
        if wrong is not None:
            raise self._refused(int(wrong["status"]), _reason(wrong))
        return undone

    def refresh(self) -> None:
        """Let searches find what any process wrote until now."""
        with self._translated():
            self._client.indices.refresh(index=self.name)

    def close(self) -> None:
        self._open = False
        self._client.close()

    def _create(self, mapping: Body) -> None:
        settings = {"number_of_shards": 1, "auto_expand_replicas": "0-1", "hidden": True, "refresh_interval": "1s"}
        client = self._client.options(request_timeout=_WRITE_SECONDS)
        try:
            client.indices.create(index=self.name, settings=settings, mappings={**mapping, "_meta": {MARK: _LAYOUT}})
        except BadRequestError as exc:
            if exc.error != "resource_already_exists_exception":  # another process was faster
                raise

    def _check_layout(self, layout: object) -> None:
        other = "or set NLQ_EXAMPLES_INDEX to another name."
        if not isinstance(layout, int):
            raise StoreError(f"The index {self.name!r} was not made by nlq: set NLQ_EXAMPLES_INDEX to another name.")
        if layout > _LAYOUT:
            raise StoreError(f"The examples in {self.name!r} were written by a newer nlq: update nlq {other}")
        if layout < _LAYOUT:
            raise StoreError(
                f"The examples in {self.name!r} were written by an older nlq: export them with that one and import "
                f"them here, {other}"
            )

    def _see(self) -> None:
        """Let searches find what was written through this object; others find it within a second anyway."""
        with self._seeing:
            if self._unseen:
                self._unseen = False  # first: what is written meanwhile is not seen by this one
                try:
                    self.refresh()
                except StoreError:
                    self._unseen = True
                    raise

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """The border: what the client raises leaves as StoreError with the fix."""
        if not self._open:
            raise StoreError("The example store is closed: open it again.")
        place = f"Elasticsearch at {self._url}, which keeps the examples,"
        try:
            yield
        except UnsupportedProductError as exc:
            raise StoreError(f"What answers at {self._url} is no Elasticsearch: check NLQ_ES_URL.") from exc
        except ApiError as exc:
            raise self._refused(exc.meta.status, _reason(exc.body)) from exc
        except ConnectionTimeout as exc:
            raise StoreError(f"{place} took too long to answer: try again or raise NLQ_ES_TIMEOUT.") from exc
        except SerializationError as exc:
            raise StoreError(f"{place} answered with something that is no JSON: check NLQ_ES_URL.") from exc
        except TransportError as exc:
            fix = "start it, set NLQ_ES_URL, or keep them in a file with NLQ_EXAMPLES_STORE=sqlite."
            raise StoreError(f"{place} does not answer: {fix}") from exc

    def _refused(self, status: int, reason: str) -> StoreError:
        match status:
            case 401:
                fix = "set NLQ_ES_API_KEY, or NLQ_ES_USER and NLQ_ES_PASSWORD."
                return StoreError(f"Elasticsearch at {self._url} wants other credentials for the examples: {fix}")
            case 403:
                fix = "they need the privileges read, write and manage on it."
                return StoreError(f"These credentials are not allowed to use the index {self.name!r}: {fix} ({reason})")
            case 404:
                return self._gone()
            case 429:
                return StoreError(f"Elasticsearch at {self._url} is overloaded: try again later. ({reason})")
            case _:
                return StoreError(f"The examples in the index {self.name!r} cannot be read or written: {reason}")

    def _gone(self) -> StoreError:
        return StoreError(f"The index {self.name!r} of the examples is gone: start nlq again to make a new one.")


def _reason(body: object) -> str:
    """Elasticsearch's own words in one line of moderate length."""
    error = body.get("error") if isinstance(body, Mapping) else None
    reason = error.get("reason") or error.get("type") if isinstance(error, Mapping) else error
    return " ".join(str(reason or "no reason given").split())[:300]
