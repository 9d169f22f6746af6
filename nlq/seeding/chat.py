"""A teacher behind an OpenAI-compatible endpoint: one answer at a time, with its cost, however the server behaves."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx

from nlq.errors import ConfigError, NlqError, OverloadedError, SamplerError

_TRIES = 6
_LONGEST_WAIT = 120.0
"""Seconds that a server may ask us to wait before we give up instead."""
_MOST_BYTES = 2_000_000
_CHARS_PER_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Completion:
    """A text with the tokens it cost; counted from characters where the server does not tell."""

    text: str
    tokens_in: int
    tokens_out: int


@dataclass(slots=True)
class Teacher:
    """Asks ``url``/chat/completions. ``timeout`` is in seconds for a whole answer.

    ``sleep`` and ``clock`` replace waiting and time in tests.
    """

    url: str
    model: str
    key: str | None = None
    timeout: float = 300.0
    max_tokens: int = 4000
    temperature: float = 0.9
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    rng: random.Random = field(default_factory=random.Random)
    _client: httpx.Client = field(init=False)
    _json_mode: bool = field(init=False, default=True)

    def __post_init__(self) -> None:
        """Raises ConfigError where no server can be at the URL."""
        try:
            parts = urlsplit(self.url)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname)
            headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
            self._client = httpx.Client(
                base_url=self.url.rstrip("/") + "/",
                headers=headers,
                timeout=httpx.Timeout(self.timeout, connect=10.0),
            )
        except (httpx.InvalidURL, ValueError) as exc:
            raise ConfigError("The teacher's URL or key cannot be used: --teacher takes a URL ending in /v1.") from exc
        if not usable:
            raise ConfigError(f"{self.url!r} is no URL: --teacher takes one like https://host/v1.")

    def ask(self, messages: list[dict[str, str]]) -> Completion:
        """The answer to a chat; a busy or failing server is asked again, later each time.

        Raises OverloadedError where it stays busy, ConfigError for a wrong key, URL or model, else SamplerError.
        """
        request = {"model": self.model, "messages": messages, "temperature": self.temperature}
        request |= {"max_tokens": self.max_tokens}
        attempt = 1
        while True:
            wait = self._backoff(attempt)
            try:
                status, headers, content = self._send(request)
            except httpx.HTTPError as exc:
                failed: NlqError = SamplerError(f"The teacher did not answer ({type(exc).__name__}: {exc}).")
                failed.__cause__ = exc
            else:
                if status == httpx.codes.OK:
                    return _completion(content, messages)
                if status == httpx.codes.BAD_REQUEST and self._json_mode:
                    self._json_mode = False  # not every server knows response_format
                    continue
                wait = _asked_wait(headers, wait)
                failed = _translated(status, content, wait)
                if not _is_passing(status):
                    raise failed
            if attempt == _TRIES or wait > _LONGEST_WAIT:
                raise failed
            self.sleep(wait)
            attempt += 1

    def close(self) -> None:
        self._client.close()

    def _send(self, request: dict[str, Any]) -> tuple[int, httpx.Headers, bytes]:
        """Status, headers and body, read at most ``timeout`` seconds and _MOST_BYTES long."""
        body = request | ({"response_format": {"type": "json_object"}} if self._json_mode else {})
        deadline = self.clock() + self.timeout
        content = b""
        with self._client.stream("POST", "chat/completions", json=body) as response:
            for chunk in response.iter_bytes():
                content += chunk
                if self.clock() > deadline:
                    raise httpx.ReadTimeout("its answer came too slowly")
                if len(content) > _MOST_BYTES:
                    raise httpx.ReadError(f"its answer is longer than {_MOST_BYTES} bytes")
            return response.status_code, response.headers, content

    def _backoff(self, attempt: int) -> float:
        """1, 2, 4, … seconds, each up to half as long again: clients that failed together do not come back together."""
        return float(2 ** (attempt - 1)) * (1 + self.rng.random() / 2)


def _asked_wait(headers: httpx.Headers, otherwise: float) -> float:
    """Seconds until the server wants to be asked again: a number or a date."""
    told = headers.get("Retry-After")
    if told is None:
        return otherwise
    try:
        return max(0.0, float(told))
    except ValueError:
        pass
    try:
        at = parsedate_to_datetime(told)
    except ValueError:
        return otherwise
    return max(0.0, ((at if at.tzinfo else at.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds())


def _is_passing(status: int) -> bool:
    """Whether the same request may succeed later."""
    return status in (408, 409, 425, 429) or status >= 500


def _translated(status: int, content: bytes, wait: float) -> NlqError:
    reason = _reason(content)
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return OverloadedError(f"The teacher has too many requests ({reason}); go on later.", retry_after=wait)
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        return ConfigError(f"The teacher refused the key (HTTP {status}: {reason}); set NLQ_TEACHER_KEY.")
    if status == httpx.codes.NOT_FOUND:
        return ConfigError(f"The teacher was not found (HTTP 404: {reason}); check --teacher and --model.")
    return SamplerError(f"The teacher failed (HTTP {status}): {reason}")


def _reason(content: bytes) -> str:
    """The server's own words, a line of them."""
    try:
        error = json.loads(content)["error"]
        text = str(error["message"] if isinstance(error, dict) else error)
    except (ValueError, KeyError, TypeError, RecursionError):
        text = content[:200].decode("utf-8", "replace")
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:200] or "no reason given"


def _completion(content: bytes, messages: list[dict[str, str]]) -> Completion:
    """The text of an answer; "" where it has none: what was asked is paid all the same."""
    asked = sum(len(m["content"]) for m in messages) // _CHARS_PER_TOKEN
    try:
        found = json.loads(content)
        text = found["choices"][0]["message"]["content"]
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        found, text = {}, ""
    text = text if isinstance(text, str) else ""
    usage = found.get("usage")
    told = usage if isinstance(usage, dict) else {}
    return Completion(
        text,
        tokens_in=_count(told.get("prompt_tokens"), asked),
        tokens_out=_count(told.get("completion_tokens"), len(text) // _CHARS_PER_TOKEN),
    )


def _count(told: Any, otherwise: int) -> int:
    return told if isinstance(told, int) and not isinstance(told, bool) and told >= 0 else otherwise
