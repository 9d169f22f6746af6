"""Whether the process is alive, and whether a question would be answered now."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any, Literal

from fastapi import APIRouter
from fastapi.responses import Response
from typing_extensions import TypedDict

from api.json_response import AsciiJSONResponse
from api.schemas import HealthOut, PartOut
from nlq.errors import NlqError
from nlq.timings import Clock
from nlq.translator import Translator

KEPT_SECONDS = 1.0
"""How long an answer of /readyz is given again."""

LONGEST_SECONDS = 3.0
"""A part that needs longer to say that it is well is down."""

Ask = Callable[[], str]
"""Says in words what answered; raises NlqError where nothing does."""


class AliveOut(TypedDict):
    status: Literal["ok"]


class Readiness:
    """Asks every part, all at once, at most every ``kept`` seconds, and waits at most ``longest`` seconds for them.

    A part is not asked again while it has not answered yet: a dead one costs one thread, not one a request.
    """

    def __init__(
        self,
        parts: Mapping[str, Ask],
        *,
        kept: float = KEPT_SECONDS,
        longest: float = LONGEST_SECONDS,
        clock: Clock = time.monotonic,
    ) -> None:
        self._parts = parts
        self._kept = kept
        self._longest = longest
        self._clock = clock
        self._asked: dict[str, Future[PartOut]] = {}
        self._lock = asyncio.Lock()
        self._found: Mapping[str, PartOut] = {}
        self._until = float("-inf")

    async def report(self) -> Mapping[str, PartOut]:
        """What every part says."""
        async with self._lock:
            if self._clock() >= self._until:
                self._found = await self._ask_all()
                self._until = self._clock() + self._kept
            return self._found

    async def _ask_all(self) -> Mapping[str, PartOut]:
        for name, ask in self._parts.items():
            if name not in self._asked:
                self._asked[name] = _started(name, ask)
        waiting = {name: asyncio.wrap_future(asked) for name, asked in self._asked.items()}
        await asyncio.wait(waiting.values(), timeout=self._longest)
        found: dict[str, PartOut] = {}
        for name, answer in waiting.items():
            if answer.done():
                del self._asked[name]
                found[name] = answer.result()
            else:
                found[name] = {"status": "down", "detail": f"It did not answer within {self._longest:g} seconds."}
        return found


def health_routes(translator: Translator, *, warmed: threading.Event | None = None) -> APIRouter:
    """``warmed`` is set once a question need not wait for the model to warm up; until then /readyz is 503."""
    router = APIRouter(tags=["health"])
    down: dict[int | str, dict[str, Any]] = {503: {"description": "A part is down.", "model": HealthOut}}
    readiness = Readiness(_parts(translator))

    @router.get("/healthz", response_model=AliveOut, operation_id="healthz")
    async def healthz() -> Response:
        """The process is alive. Nothing else is asked."""
        return AsciiJSONResponse({"status": "ok"})

    @router.get("/readyz", response_model=HealthOut, responses=down, operation_id="readyz")
    async def readyz() -> Response:
        """Ask Elasticsearch, the model and the example store whether they would answer; 503 where one would not, and
        while the model warms up. What they said is kept for a second."""
        parts = dict(await readiness.report())
        if warmed is not None and not warmed.is_set() and parts["model"]["status"] == "ok":
            parts["model"] = {"status": "down", "detail": "It is warming up."}
        fine = all(part["status"] == "ok" for part in parts.values())
        return AsciiJSONResponse({"status": "ok" if fine else "down", "parts": parts}, 200 if fine else 503)

    return router


def _parts(translator: Translator) -> dict[str, Ask]:
    def model() -> str:
        translator.sampler.ready()
        return translator.sampler.name

    return {
        "engine": lambda: f"Elasticsearch {translator.engine.info().version}",
        "model": model,
        "examples": lambda: f"{translator.examples.count()} examples",
    }


def _started(name: str, ask: Ask) -> Future[PartOut]:
    """The answer to come, of a thread that does not keep the process from ending."""
    answer: Future[PartOut] = Future()

    def work() -> None:
        found: PartOut = {"status": "down", "detail": "It failed in a way that nobody foresaw."}
        try:
            found = {"status": "ok", "detail": ask()}
        except NlqError as exc:
            found = {"status": "down", "detail": str(exc)}
        finally:
            answer.set_result(found)

    answer.set_running_or_notify_cancel()
    threading.Thread(target=work, name=f"nlq-ready-{name}", daemon=True).start()
    return answer
