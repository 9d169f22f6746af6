"""Any OpenAI-compatible server over HTTP: vLLM, llama-server, Ollama, a hosted model."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx

from nlq.errors import BackendError, InputError, OverloadedError, SamplerError
from nlq.samplers.request import chat_messages, mean_logprob, refuse_beams, round_seed
from nlq.samplers.streamed import streamed
from nlq.types import Body, Candidate, Prompt, SamplingParams
from nlq.wanted import LOOK_SECONDS

_TRIES = 3
_LONGEST_WAIT = 20.0
"""Seconds that a server may ask us to wait before we give up instead."""


class _RefusedError(SamplerError):
    """HTTP 400: something in the request, perhaps its n."""


class OpenAISampler:
    """Asks ``base_url``/chat/completions. Safe to use from several threads. Where a caller has gone (``check_wanted``),
    the connection is closed, which ends the work of most servers.

    ``transport`` and ``sleep`` replace the network and the clock in tests.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        key: str | None = None,
        *,
        timeout: float = 300.0,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._model = model
        self._sleep = sleep
        self._most = 1024
        self._closed = False
        self._url = httpx.URL(base_url.rstrip("/") + "/")
        self._connection: dict[str, Any] = {
            "base_url": self._url,
            "headers": {"Authorization": f"Bearer {key}"} if key else {},
            "timeout": httpx.Timeout(timeout, connect=10.0),
            "transport": transport,
            "verify": httpx.create_ssl_context(),
        }

    @property
    def name(self) -> str:
        return f"{self._url.host} {self._model}"

    def sample(self, prompt: Prompt, schema: Body | None, params: SamplingParams) -> Iterator[Candidate]:
        """See ``Sampler``. Closing the iterator leaves out the requests that were not sent yet.

        Whether texts under a schema hold white space is the server's choice: the API has no word for it.
        """
        refuse_beams(params, "An OpenAI-compatible server")
        request = _request(self._model, chat_messages(prompt), schema=schema, params=params)
        return self._until(params.n, request, params)

    def warm(self, prompt: Prompt) -> None:
        """Does nothing: a shared server keeps its own cache, and a hosted one charges for every prompt."""

    def ready(self) -> None:
        self._send("GET", "models")

    def close(self) -> None:
        self._closed = True

    def _until(self, n: int, request: Body, params: SamplingParams) -> Iterator[Candidate]:
        """Ask until n choices came: some servers ignore ``n`` and send one."""
        sent = number = 0
        wanted = 1 if params.greedy else n
        while sent < wanted:
            body = {**request, "seed": round_seed(params.seed, number)}
            candidates = self._ask(body, wanted - sent)
            yield from candidates * (n if params.greedy else 1)
            sent += len(candidates)
            number += 1

    def _ask(self, body: Body, n: int) -> list[Candidate]:
        """At most n candidates of one request; fewer where the server refuses so many (llama-server has slots)."""
        size = min(n, self._most)
        while True:
            try:
                answer = self._send("POST", "chat/completions", {**body, "n": size})
            except _RefusedError:
                if size == 1:
                    raise
                size //= 2
                continue
            if size < n:
                self._most = size
            return _candidates(answer, size)

    def _send(self, method: str, path: str, body: Body | None = None) -> Any:
        """The parsed answer; a busy server is asked again after the time it names."""
        if self._closed:
            raise SamplerError("The OpenAI sampler is closed; open it again.")
        for attempt in range(1, _TRIES + 1):
            try:
                response = self._leavable(method, path, body)
            except (httpx.ReadTimeout, httpx.WriteTimeout) as exc:
                raise SamplerError(
                    f"{self.name} took too long to answer: ask for fewer candidates or raise NLQ_OPENAI_TIMEOUT."
                ) from exc
            except httpx.HTTPError as exc:
                raise SamplerError(f"{self.name} did not answer ({type(exc).__name__}); check NLQ_OPENAI_URL.") from exc
            wait = _retry_after(response, attempt)
            if not _is_busy(response) or attempt == _TRIES or wait > _LONGEST_WAIT:
                break
            self._sleep(wait)
        if response.is_error or response.is_redirect:
            raise _translated(response, self.name, retry_after=wait)
        try:
            return response.json()
        except ValueError as exc:
            raise SamplerError(f"{self.name} did not answer with JSON; does NLQ_OPENAI_URL end in /v1?") from exc

    def _leavable(self, method: str, path: str, body: Body | None) -> httpx.Response:
        """One request, in a thread of its own: a caller who reads from a socket cannot look whether to go on."""

        async def ask(gone: threading.Event) -> httpx.Response:
            async with httpx.AsyncClient(**self._connection) as client:
                asked = asyncio.ensure_future(client.request(method, path, json=body))
                while not (asked.done() or gone.is_set()):
                    await asyncio.wait([asked], timeout=LOOK_SECONDS)
                asked.cancel()
                return await asked

        def work(put: Callable[[httpx.Response], None], gone: threading.Event) -> None:
            put(asyncio.run(ask(gone)))

        (response,) = streamed(work, name="OpenAI request")
        return response


def _request(model: str, messages: list[dict[str, str]], *, schema: Body | None, params: SamplingParams) -> Body:
    request: Body = {
        "model": model,
        "messages": messages,
        "temperature": params.temperature,
        "top_p": params.top_p,
        "max_tokens": params.max_tokens,
        "logprobs": True,
    }
    # Not in OpenAI's own API, which refuses a request that has them.
    extensions = {"top_k": (params.top_k, 0), "min_p": (params.min_p, 0.0)}
    extensions["repetition_penalty"] = (params.repetition_penalty, 1.0)
    request |= {name: value for name, (value, default) in extensions.items() if value != default}
    if schema is not None:
        response_format = {"name": "search_body", "strict": True, "schema": schema}
        request["response_format"] = {"type": "json_schema", "json_schema": response_format}
    return request


def _candidates(answer: Any, most: int) -> list[Candidate]:
    try:
        found = [_candidate(choice, answer.get("usage") or {}) for choice in answer["choices"][:most]]
    except (KeyError, TypeError, AttributeError) as exc:
        raise SamplerError("The model server's answer has no choices; is it OpenAI-compatible?") from exc
    if not found:
        raise SamplerError("The model server sent no choices.")
    return found


def _candidate(choice: Body, usage: Body) -> Candidate:
    text = choice["message"].get("content") or ""
    logprobs = [token["logprob"] for token in (choice.get("logprobs") or {}).get("content") or ()]
    tokens = len(logprobs) or usage.get("completion_tokens", 0)
    complete = choice.get("finish_reason") == "stop"
    return Candidate(text=text, logprob=mean_logprob(logprobs), tokens=tokens, complete=complete)


def _is_busy(response: httpx.Response) -> bool:
    return response.status_code == httpx.codes.TOO_MANY_REQUESTS or response.is_server_error


def _retry_after(response: httpx.Response, attempt: int) -> float:
    """Seconds the server asks for; else 1, 2, 4, …"""
    try:
        return max(0.0, float(response.headers["Retry-After"]))
    except (KeyError, ValueError):  # a date is not worth parsing
        return float(2 ** (attempt - 1))


def _translated(response: httpx.Response, name: str, *, retry_after: float) -> BackendError | InputError:
    status = response.status_code
    reason = _reason(response)
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return OverloadedError(f"{name} has too many requests; try again later.", retry_after=retry_after)
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        return SamplerError(f"{name} refused the key (HTTP {status}); check NLQ_OPENAI_KEY.")
    if status == httpx.codes.NOT_FOUND:
        return SamplerError(f"{name} was not found (HTTP 404: {reason}); check NLQ_OPENAI_URL and NLQ_MODEL.")
    if status == httpx.codes.BAD_REQUEST and "context" in reason.lower():
        return InputError(f"The prompt is longer than the model's context: {reason}")
    kind = _RefusedError if status == httpx.codes.BAD_REQUEST else SamplerError
    return kind(f"{name} failed (HTTP {status}): {reason}")


def _reason(response: httpx.Response) -> str:
    """The server's own words, at most a line of them."""
    try:
        error = response.json()["error"]
        text = str(error["message"] if isinstance(error, dict) else error)
    except (json.JSONDecodeError, KeyError, TypeError, UnicodeDecodeError):
        text = response.reason_phrase
    return " ".join(text.split())[:300]
