"""Making the client: the one place that knows how a cluster is spoken to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from elasticsearch import Elasticsearch

from nlq.elastic.address import complete
from nlq.elastic.border import Node
from nlq.errors import ConfigError


def client_of(
    url: str,
    *,
    api_key: str | None = None,
    user: str | None = None,
    password: str | None = None,
    ca: Path | None = None,
    timeout: float = 5.0,
) -> tuple[Elasticsearch, str]:
    """A client of the cluster at ``url``, and the address as messages may show it. Sends nothing yet; ``timeout`` is
    what one request may take, in seconds.

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
        "node_class": Node,
    }
    if ca is not None:
        options["ca_certs"] = str(ca)
    try:
        return Elasticsearch(whole, **options), shown
    except (ValueError, OSError) as exc:
        raise ConfigError(f"NLQ_ES_URL, its credentials or NLQ_ES_CA do not fit together for {shown}.") from exc
