"""The cluster's URL as a user writes it."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from nlq.errors import ConfigError

_DEFAULT_PORTS = {"http": 9200, "https": 443}


def complete(url: str) -> tuple[str, str]:
    """The URL with its port, and the same without user and password for messages."""
    try:
        parts = urlsplit(url.strip())
        usual = _DEFAULT_PORTS[parts.scheme]
        port = parts.port or usual
        host = parts.hostname or ""
    except (ValueError, KeyError) as exc:
        raise ConfigError("NLQ_ES_URL is no URL: it looks like http://localhost:9200.") from exc
    if not host:
        raise ConfigError("NLQ_ES_URL names no host: it looks like http://localhost:9200.")
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    userinfo = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    path = parts.path.rstrip("/")
    return urlunsplit((parts.scheme, userinfo + place, path, "", "")), urlunsplit((parts.scheme, place, path, "", ""))
