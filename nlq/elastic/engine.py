"""Elasticsearch behind the port ``Engine``."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from elasticsearch import (
    ApiError,
    ConnectionTimeout,
    Elasticsearch,
    SerializationError,
)
from elasticsearch.helpers import BulkIndexError, streaming_bulk

from nlq.elastic.answers import features_of, is_missing_index, outcome_of, reason_of
from nlq.elastic.border import translated
from nlq.elastic.client import client_of
from nlq.elastic.fields import about, merge, unite
from nlq.elastic.names import OWN, check_name, check_names, shorten, unknown
from nlq.errors import AccessError, InputError, UnknownIndexError
from nlq.expressions import parameterised
from nlq.ports import Engine
from nlq.timings import Clock
from nlq.types import Body, EngineInfo, Failure, IndexInfo, IndexSchema, Outcome, Result

FACTS_SECONDS = 300.0
_CONCURRENT_SEARCHES = 4
_GRACE_SECONDS = 1.0
_LOAD_SECONDS = 120.0
_OPEN_ONLY: dict[str, Any] = {"expand_wildcards": "open", "allow_no_indices": False}
"""Patterns stand for open indices that are not hidden, and for one at least."""


class ElasticEngine(Engine):
    """A connected cluster. May be used by several threads at once.

    What the cluster is and runs is asked for once in FACTS_SECONDS of ``clock``, not for every schema.
    """

    def __init__(self, client: Elasticsearch, url: str, *, clock: Clock = time.monotonic) -> None:
        self._client = client
        self._url = url
        self._clock = clock
        self._facts: tuple[float, EngineInfo] | None = None
        self._asking = threading.Lock()

    @classmethod
    def connect(
        cls,
        url: str,
        *,
        api_key: str | None = None,
        user: str | None = None,
        password: str | None = None,
        ca: Path | None = None,
        timeout: float = 5.0,
        clock: Clock = time.monotonic,
    ) -> Self:
        """A client of the cluster at ``url``; sends nothing yet. ``timeout`` is what one request may take, in seconds.

        Raises ConfigError where the URL or the credentials cannot be used.
        """
        client, shown = client_of(url, api_key=api_key, user=user, password=password, ca=ca, timeout=timeout)
        return cls(client, shown, clock=clock)

    def as_caller(self, authorization: str) -> ElasticEngine:
        """The same cluster asked with this Authorization header instead; shares the connections and is not closed."""
        client = self._client.options(headers={"authorization": authorization})
        return ElasticEngine(client, self._url, clock=self._clock)

    def behind(self, index: str) -> Mapping[str, frozenset[str]]:
        """Every name that ``index`` stands for, with the indices and data streams behind it; empty where there is none.

        Raises InputError where the name is none.
        """
        try:
            with translated(self._url):
                found = self._client.indices.resolve_index(name=check_names(index), expand_wildcards="open")
        except UnknownIndexError:
            return {}
        own = {e["name"]: frozenset({e["name"]}) for part in ("indices", "data_streams") for e in found[part]}
        return own | {e["name"]: frozenset(_texts(e["indices"])) for e in found["aliases"]}

    def info(self) -> EngineInfo:
        return EngineInfo(self._version(), self._features())

    def indexes(self) -> Sequence[IndexInfo]:
        with translated(self._url):
            found = self._client.indices.resolve_index(name="*")
            mappings = self._client.indices.get_mapping(filter_path="*.mappings._meta").body
        backing = {entry["name"]: [entry["name"]] for entry in found["indices"]}
        backing |= {entry["name"]: entry["indices"] for entry in found["aliases"]}
        backing |= {entry["name"]: entry["backing_indices"] for entry in found["data_streams"]}
        names = sorted(name for name in backing if not name.startswith("."))
        counts = self._counts(names)
        return [
            IndexInfo(name, counts[name], about(merge(_by_name(mappings, backing[name]))))
            for name in names
            if name in counts
        ]

    def mapping(self, index: str) -> Mapping[str, Any]:
        return merge(self._mappings(index))

    def schema(self, index: str) -> IndexSchema:
        mappings, facts = self._mappings(index), self._known()
        return IndexSchema(index, unite(mappings), about(merge(mappings)), facts.features, facts.version)

    def search(self, index: str, bodies: Sequence[Body], *, timeout: float) -> Sequence[Result | Failure]:
        name = check_names(index)
        if not bodies:
            return ()
        limited = [{"timeout": f"{max(1, round(timeout * 1000))}ms", **parameterised(body)} for body in bodies]
        with translated(self._url):
            items = self._msearch(name, limited, timeout=timeout)
        answered = [item for item in items if not isinstance(item, Failure)]
        if any(is_missing_index(item) for item in answered):
            raise unknown(name, self._names())
        if any(item.get("status") == 403 for item in answered):
            raise AccessError(f"These credentials are not allowed to search {shorten(name)}.")
        return tuple(item if isinstance(item, Failure) else outcome_of(item) for item in items)

    def load(
        self, index: str, *, mappings: Body, documents: Iterable[tuple[str, Body]], settings: Body | None = None
    ) -> int:
        name = check_name(index)
        sized = {"number_of_shards": 1, "number_of_replicas": 0, **(settings or {})}
        client = self._client.options(request_timeout=_LOAD_SECONDS)
        with translated(self._url):
            if client.indices.exists(index=name):
                raise InputError(f"The index {shorten(name)} exists already: choose another name or delete it first.")
            client.indices.create(index=name, mappings=mappings, settings=sized)
            try:
                return _fill(client, name, documents)
            except BaseException:
                client.indices.delete(index=name, ignore_unavailable=True)  # ours, and never left half full
                raise

    def add(self, index: str, documents: Iterable[tuple[str, Body]]) -> int:
        name = check_name(index)
        client = self._client.options(request_timeout=_LOAD_SECONDS)
        with translated(self._url):
            if not client.indices.exists(index=name):  # else the first document would create it
                raise unknown(name, self._names())
            return _fill(client, name, documents)

    def close(self) -> None:
        self._client.close()

    def _msearch(self, index: str, bodies: Sequence[Body], *, timeout: float) -> list[Mapping[str, Any] | Failure]:
        """One item per body. A body that does not even parse fails the request as a whole: then each half is sent."""
        client = self._client.options(request_timeout=timeout + _GRACE_SECONDS)
        lines = [line for body in bodies for line in ({}, body)]
        try:
            answer = client.msearch(
                searches=lines, index=index, max_concurrent_searches=_CONCURRENT_SEARCHES, **_OPEN_ONLY
            )
        except ConnectionTimeout:
            return [Failure(Outcome.TIMED_OUT, f"The search took longer than {timeout:g} s.")] * len(bodies)
        except (ApiError, RecursionError, SerializationError) as exc:
            if isinstance(exc, ApiError) and exc.meta.status not in (400, 413):
                raise
            if len(bodies) == 1:
                return [Failure(Outcome.REJECTED, _refusal(exc))]
            half = len(bodies) // 2
            return [
                *self._msearch(index, bodies[:half], timeout=timeout),
                *self._msearch(index, bodies[half:], timeout=timeout),
            ]
        return list(answer["responses"])

    def _mappings(self, index: str) -> list[Mapping[str, Any]]:
        """The mappings of the indices behind the name, by theirs: a data stream's newest comes last."""
        name = check_names(index)
        try:
            with translated(self._url):
                found = self._client.indices.get_mapping(index=name, **_OPEN_ONLY).body
        except UnknownIndexError as exc:
            raise unknown(name, self._names()) from exc
        if any(OWN in entry["mappings"].get("_meta", {}) for entry in found.values()):
            raise unknown(name, self._names())
        return _by_name(found, found)

    def _known(self) -> EngineInfo:
        """What the cluster told of itself less than FACTS_SECONDS ago, else now; nothing where it may not be asked."""
        with self._asking:
            if self._facts is None or self._clock() - self._facts[0] > FACTS_SECONDS:
                try:
                    version = self._version()
                except AccessError:
                    version = ""
                self._facts = (self._clock(), EngineInfo(version, self._features()))
            return self._facts[1]

    def _version(self) -> str:
        with translated(self._url):
            return str(self._client.info()["version"]["number"])

    def _features(self) -> frozenset[str]:
        """Names of the modules and plug-ins that every node runs; empty where the cluster does not tell."""
        with translated(self._url):
            try:
                names = "nodes.*.modules.name,nodes.*.plugins.name"
                found = self._client.nodes.info(metric="plugins", filter_path=names)
            except ApiError as exc:
                if exc.meta.status in (400, 403, 404, 405, 410):
                    return frozenset()
                raise
        return features_of(found.body)

    def _names(self) -> list[str]:
        """What may be shown to who asks for an index that is not there."""
        try:
            with translated(self._url):
                found = self._client.indices.resolve_index(name="*")
        except AccessError:
            return []
        every = (entry["name"] for part in ("indices", "aliases", "data_streams") for entry in found[part])
        return sorted(name for name in every if not name.startswith("."))

    def _counts(self, names: Sequence[str]) -> dict[str, int]:
        """Documents by name, without those that cannot be searched now (closed meanwhile, not allowed)."""
        if not names:
            return {}
        body = {"size": 0, "track_total_hits": True}
        lines = [line for name in names for line in ({"index": name}, body)]
        with translated(self._url):
            answers = self._client.msearch(searches=lines, max_concurrent_searches=_CONCURRENT_SEARCHES)
        return {
            name: answer["hits"]["total"]["value"]
            for name, answer in zip(names, answers["responses"], strict=True)
            if "error" not in answer
        }


def _texts(value: str | Sequence[str]) -> Sequence[str]:
    """A list that Elasticsearch may write as its only element."""
    return (value,) if isinstance(value, str) else value


def _by_name(found: Mapping[str, Any], names: Iterable[str]) -> list[Mapping[str, Any]]:
    """The mappings of these indices in the order of their names."""
    return [found[name]["mappings"] for name in sorted(names) if name in found]


def _refusal(exc: Exception) -> str:
    return reason_of(exc.body) if isinstance(exc, ApiError) else "The query nests too deep or is no JSON."


def _fill(client: Elasticsearch, index: str, documents: Iterable[tuple[str, Body]]) -> int:
    actions = ({"_index": index, "_id": key, "_source": source} for key, source in documents)
    try:
        count = sum(1 for _ in streaming_bulk(client, actions, chunk_size=500, max_chunk_bytes=8 << 20, max_retries=3))
    except BulkIndexError as exc:
        [refused] = exc.errors[0].values()
        raise InputError(f"The document {refused.get('_id')!r} was refused: {reason_of(refused)}") from exc
    client.indices.refresh(index=index)
    return count
