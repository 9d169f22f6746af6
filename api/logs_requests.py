"""The ASGI layer that watches requests: an id for each, one record and one measurement when it ends."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.logs import checked_id, request_id
from api.metrics import Metrics
from nlq.timings import Clock, Watch, watched

QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
"""Asked every few seconds by machines: their records are of the level debug."""

UNMATCHED = "unmatched"
CLIENT_LEFT = 499
"""The status that is logged where a client left before it was sent one."""

_log = logging.getLogger("nlq.requests")


class RequestWatch:
    """Takes a request's ``X-Request-ID`` or makes one, sends it back, and has it in every record of the request.

    ``trace`` is entered around the stages of questions, as their measurement is.
    """

    def __init__(
        self, app: ASGIApp, *, metrics: Metrics, trace: Watch = nullcontext, clock: Clock = time.monotonic
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._clock = clock
        self._watch = _both(metrics.stage, trace)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        known = checked_id(Headers(scope=scope).get("x-request-id", ""))
        request_id.set(known)  # for good: what answers an unexpected error stands outside of this layer
        began, status = self._clock(), 0

        async def marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = known
            await send(message)

        try:
            with self._metrics.request(), watched(self._watch):
                await self._app(scope, receive, marked)
        except Exception:
            status = status or 500
            raise
        finally:
            self._ended(scope, status=status or CLIENT_LEFT, seconds=self._clock() - began)

    def _ended(self, scope: Scope, *, status: int, seconds: float) -> None:
        method, route = scope["method"], route_of(scope)
        self._metrics.responded(method=method, route=route, status=status, seconds=seconds)
        level = logging.DEBUG if route in QUIET else logging.ERROR if status >= 500 else logging.INFO
        facts = {"method": method, "route": route, "status": status, "seconds": round(seconds, 4)}
        _log.log(level, "request", extra=facts)


def route_of(scope: Scope) -> str:
    """The template of the path that was matched ("/{index}/nlq"), the folder of a mounted application, or UNMATCHED."""
    if "route" in scope:
        return str(scope["route"].path)
    return str(scope["root_path"] or UNMATCHED) if "endpoint" in scope else UNMATCHED


def _both(first: Watch, second: Watch) -> Watch:
    @contextmanager
    def entered(stage: str) -> Iterator[None]:
        with first(stage), second(stage):
            yield

    return entered
