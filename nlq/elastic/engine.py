"""Elasticsearch behind the port ``Engine``: the only module that imports its client."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from elastic_transport import TlsError, Urllib3HttpNode
from elasticsearch import (
    ApiError,
    ConnectionTimeout,
    Elasticsearch,
    SerializationError,
    TransportError,
    UnsupportedProductError,
)
from elasticsearch.helpers import BulkIndexError, streaming_bulk

from nlq.elastic.address import complete
from nlq.elastic.answers import is_missing_index, outcome_of, reason_of
from nlq.elastic.fields import about, flatten, merge
from nlq.elastic.names import check_name, shorten, unknown
from nlq.errors import ConfigError, EngineError, InputError, NlqError, PermissionError_, UnknownIndexError
from nlq.ports import Engine
from nlq.types import Body, EngineInfo, Failure, IndexInfo, IndexSchema, Outcome, Result

_CONCURRENT_SEARCHES = 4
_GRACE_SECONDS = 1.0
_LOAD_SECONDS = 120.0

_BY_STATUS: dict[int, tuple[type[NlqError], str]] = {
    400: (InputError, "Elasticsearch refuses the request: {reason}"),
    401: (
        PermissionError_,
        "Elasticsearch at {url} wants other credentials: set NLQ_ES_API_KEY, or NLQ_ES_USER and NLQ_ES_PASSWORD.",
    ),
    403: (PermissionError_, "These credentials are not allowed to do that on {url}: {reason}"),
    404: (UnknownIndexError, "Elasticsearch does not find it: {reason}"),
    413: (InputError, "Elasticsearch refuses the request: it is too large."),
    429: (EngineError, "Elasticsearch at {url} is overloaded: try again later."),
}


class ElasticEngine(Engine):
    """A connected cluster. May be used by several threads at once."""

    def __init__(self, client: Elasticsearch, url: str) -> None:
        self._client = client
        self._url = url

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
    ) -> Self:
        """A client of the cluster at ``url``; sends nothing yet. ``timeout`` is what one request may take, in seconds.

        Raises ConfigError where the URL or the credentials cannot be used.
        """
        if api_key and user:
            raise ConfigError("Set either NLQ_ES_API_KEY or NLQ_ES_USER and NLQ_ES_PASSWORD, not both.")
        if ca is not None and not ca.is_file():
            raise ConfigError(f"There is no CA certificate at {ca}: check NLQ_ES_CA.")
        whole, shown = complete(url)
        if "@" in whole and (api_key or user):
            raise ConfigError("NLQ_ES_URL names a user and so do other settings: take one of them out.")
        options: dict[str, Any] = {
            "api_key": api_key or None,
            "basic_auth": (user, password or "") if user else None,
            "request_timeout": timeout,
            "max_retries": 1,
            "retry_on_timeout": False,
            "retry_on_status": (),
            "node_class": _Node,
        }
        if ca is not None:
            options["ca_certs"] = str(ca)
        try:
            client = Elasticsearch(whole, **options)
        except (ValueError, OSError) as exc:
            raise ConfigError(f"NLQ_ES_URL, its credentials or NLQ_ES_CA do not fit together for {shown}.") from exc
        return cls(client, shown)

    def info(self) -> EngineInfo:
        with _translated(self._url):
            version = self._client.info()["version"]["number"]
        return EngineInfo(version, self._features())

    def indexes(self) -> Sequence[IndexInfo]:
        with _translated(self._url):
            found = self._client.indices.resolve_index(name="*")
            mappings = self._client.indices.get_mapping(filter_path="*.mappings._meta").body
        backing = {entry["name"]: [entry["name"]] for entry in found["indices"]}
        backing |= {entry["name"]: entry["indices"] for entry in found["aliases"]}
        backing |= {entry["name"]: entry["backing_indices"] for entry in found["data_streams"]}
        names = sorted(name for name in backing if not name.startswith("."))
        counts = self._counts(names)
        return [
            IndexInfo(name, counts[name], about(_merged(mappings, backing[name]))) for name in names if name in counts
        ]

    def mapping(self, index: str) -> Mapping[str, Any]:
        name = check_name(index)
        try:
            with _translated(self._url):
                found = self._client.indices.get_mapping(index=name).body
        except UnknownIndexError as exc:
            raise unknown(name, self._names()) from exc
        return _merged(found, found)

    def schema(self, index: str) -> IndexSchema:
        mapping = self.mapping(index)
        return IndexSchema(index, flatten(mapping), about(mapping), self._features())

    def search(self, index: str, bodies: Sequence[Body], *, timeout: float) -> Sequence[Result | Failure]:
        name = check_name(index)
        if not bodies:
            return ()
        limited = [{"timeout": f"{max(1, round(timeout * 1000))}ms", **body} for body in bodies]
        with _translated(self._url):
            items = self._msearch(name, limited, timeout=timeout)
        answered = [item for item in items if not isinstance(item, Failure)]
        if any(is_missing_index(item) for item in answered):
            raise unknown(name, self._names())
        if any(item.get("status") == 403 for item in answered):
            raise PermissionError_(f"These credentials are not allowed to search {shorten(name)}.")
        return tuple(item if isinstance(item, Failure) else outcome_of(item) for item in items)

    def load(
        self, index: str, *, mappings: Body, documents: Iterable[tuple[str, Body]], settings: Body | None = None
    ) -> int:
        name = check_name(index)
        sized = {"number_of_shards": 1, "number_of_replicas": 0, **(settings or {})}
        client = self._client.options(request_timeout=_LOAD_SECONDS)
        with _translated(self._url):
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
        with _translated(self._url):
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
            answer = client.msearch(searches=lines, index=index, max_concurrent_searches=_CONCURRENT_SEARCHES)
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

    def _features(self) -> frozenset[str]:
        """Names of the modules and plug-ins that every node runs; empty where the cluster does not tell."""
        with _translated(self._url):
            try:
                names = "nodes.*.modules.name,nodes.*.plugins.name"
                found = self._client.nodes.info(metric="plugins", filter_path=names)
            except ApiError as exc:
                if exc.meta.status in (400, 403, 404, 405, 410):
                    return frozenset()
                raise
        each = [
            frozenset(entry["name"] for part in ("modules", "plugins") for entry in node.get(part, ()))
            for node in found.get("nodes", {}).values()
        ]
        return frozenset.intersection(*each) if each else frozenset()

    def _names(self) -> list[str]:
        """What may be shown to who asks for an index that is not there."""
        try:
            with _translated(self._url):
                found = self._client.indices.resolve_index(name="*")
        except PermissionError_:
            return []
        every = (entry["name"] for part in ("indices", "aliases", "data_streams") for entry in found[part])
        return sorted(name for name in every if not name.startswith("."))

    def _counts(self, names: Sequence[str]) -> dict[str, int]:
        """Documents by name, without those that cannot be searched now (closed meanwhile, not allowed)."""
        if not names:
            return {}
        body = {"size": 0, "track_total_hits": True}
        lines = [line for name in names for line in ({"index": name}, body)]
        with _translated(self._url):
            answers = self._client.msearch(searches=lines, max_concurrent_searches=_CONCURRENT_SEARCHES)
        return {
            name: answer["hits"]["total"]["value"]
            for name, answer in zip(names, answers["responses"], strict=True)
            if "error" not in answer
        }


class _Node(Urllib3HttpNode):
    """A connection that any version since 7.11 understands, and that keeps the cluster's warnings out of ours.

    The client asks for "compatible-with=9", which older clusters refuse. Deprecations in a sampled query are no
    warning to whoever runs this process.
    """

    def perform_request(self, *args: Any, **kwargs: Any) -> Any:
        headers = kwargs.get("headers") or {}
        kwargs["headers"] = {name: _plain(value) for name, value in headers.items()}
        answer = super().perform_request(*args, **kwargs)
        answer.meta.headers.pop("warning", None)
        return answer


def _plain(value: str) -> str:
    return value.replace("vnd.elasticsearch+", "").replace("; compatible-with=9", "")


@contextmanager
def _translated(url: str) -> Iterator[None]:
    """The border: what the client raises leaves as one of ours."""
    try:
        yield
    except UnsupportedProductError as exc:
        raise EngineError(f"What answers at {url} is no Elasticsearch: check NLQ_ES_URL.") from exc
    except ApiError as exc:
        kind, message = _BY_STATUS.get(exc.meta.status, (EngineError, "Elasticsearch at {url} failed: {reason}"))
        raise kind(message.format(url=url, reason=reason_of(exc.body))) from exc
    except ConnectionTimeout as exc:
        raise EngineError(
            f"Elasticsearch at {url} took too long to answer: try again or raise NLQ_ES_TIMEOUT."
        ) from exc
    except SerializationError as exc:
        raise EngineError(f"Elasticsearch at {url} answered with something that is no JSON: check NLQ_ES_URL.") from exc
    except TlsError as exc:
        fix = "check that NLQ_ES_URL has the right scheme and NLQ_ES_CA names the cluster's CA certificate."
        raise EngineError(f"No TLS connection with Elasticsearch at {url}: {fix}") from exc
    except TransportError as exc:
        fix = "start it with `nlq elastic start` or set NLQ_ES_URL."
        raise EngineError(f"Elasticsearch at {url} does not answer: {fix}") from exc


def _merged(found: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """The mappings of these indices as one, the last by name (a data stream's newest) counting most."""
    return merge(found[name]["mappings"] for name in sorted(names) if name in found)


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
