"""The border to Elasticsearch: how its client is spoken through, and what its errors become."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from elastic_transport import TlsError, Urllib3HttpNode
from elasticsearch import ApiError, ConnectionTimeout, SerializationError, TransportError, UnsupportedProductError

from nlq.elastic.answers import reason_of
from nlq.errors import AccessError, EngineError, InputError, NlqError, UnknownIndexError

_BY_STATUS: dict[int, tuple[type[NlqError], str]] = {
    400: (InputError, "Elasticsearch refuses the request: {reason}"),
    401: (
        AccessError,
        "Elasticsearch at {url} wants other credentials: set NLQ_ES_API_KEY, or NLQ_ES_USER and NLQ_ES_PASSWORD; where "
        "callers send their own, send others.",
    ),
    403: (AccessError, "These credentials are not allowed to do that on {url}: {reason}"),
    404: (UnknownIndexError, "Elasticsearch does not find it: {reason}"),
    413: (InputError, "Elasticsearch refuses the request: it is too large."),
    429: (EngineError, "Elasticsearch at {url} is overloaded: try again later."),
}


class Node(Urllib3HttpNode):
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
def translated(url: str) -> Iterator[None]:
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
