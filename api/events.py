"""Questions run in threads, a few at a time; what happens inside them reaches the event loop as it happens."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

from api.metrics import Metrics
from api.problems import problem_of
from api.schemas import candidate_out, votes_out
from nlq.errors import NlqError, OverloadedError
from nlq.translator import AskOptions, Event, Translator
from nlq.types import Answer, Question
from nlq.wanted import while_wanted

WAITING = 8
"""Questions that may wait while one is sampled."""

UNREAD = 1024
"""Events kept for a client that does not read; beyond, its question is stopped."""

KEEP_ALIVE_SECONDS = 15.0


class _Stopped(Exception):
    """Raised into a translation that nobody waits for any more."""


class Run:
    """One question being answered in a thread. Made by ``Desk.take``. Where it is not ``heard``, its end is its only
    event: each would wake the event loop, which takes the time of the thread that answers."""

    def __init__(
        self,
        work: Callable[[Callable[[Event], None]], Answer],
        pool: ThreadPoolExecutor,
        *,
        ended: Callable[[Run], None],
        heard: bool = True,
    ) -> None:
        self._heard = heard
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()
        self._stop = threading.Event()
        self._ended = ended
        self._hear: Callable[[Answer | None], None] | None = None
        self._future = self._loop.run_in_executor(pool, copy_context().run, self._do, work)
        self._future.add_done_callback(self._end)

    def stop(self) -> None:
        """End the work at its next event, or while it waits for the model. May be called from any thread, also when it
        has ended."""
        self._stop.set()

    def then(self, hear: Callable[[Answer | None], None]) -> None:
        """Call ``hear`` in the event loop when the run has ended, with its answer where it has one; once."""
        self._hear = hear

    async def next(self, timeout: float) -> Event | None:
        """The next event, None after the last; raises TimeoutError where none came in ``timeout`` seconds."""
        return await asyncio.wait_for(self._events.get(), timeout)

    def failure(self) -> BaseException | None:
        """After the last event: what the translation raised, None where it returned an answer."""
        return self._future.exception()

    def answer(self) -> Answer:
        """After the last event: the answer; raises what the translation raised."""
        return self._future.result()

    def _do(self, work: Callable[[Callable[[Event], None]], Answer]) -> Answer:
        with while_wanted(self._check):
            return work(self._emit)

    def _check(self) -> None:
        if self._stop.is_set():
            raise _Stopped

    def _emit(self, event: Event) -> None:
        self._check()
        # The answer is what the translation returns; its event would only say it twice.
        if self._heard and event.name != "answer":
            self._loop.call_soon_threadsafe(self._put, event)

    def _put(self, event: Event) -> None:
        if self._events.qsize() >= UNREAD:
            self.stop()
        else:
            self._events.put_nowait(event)

    def _end(self, future: asyncio.Future[Answer]) -> None:
        # Its exception is looked at, so that asyncio does not report it when a client has left.
        answer = None if future.cancelled() or future.exception() else future.result()
        if self._hear:
            self._hear(answer)
        self._events.put_nowait(None)
        self._ended(self)


class Desk:
    """Takes questions while there is room: one is sampled, ``waiting`` more may wait for the model; of one caller that
    is known at most ``per_caller``."""

    def __init__(
        self, translator: Translator, *, metrics: Metrics, waiting: int = WAITING, per_caller: int = WAITING + 1
    ) -> None:
        self._translator = translator
        self._metrics = metrics
        self._places = waiting + 1
        self._pool = ThreadPoolExecutor(self._places, thread_name_prefix="nlq-question")
        self._lock = threading.Lock()
        self._per_caller = per_caller
        self._taken: Counter[str] = Counter()
        self._runs: set[Run] = set()
        self._last_seconds = 5.0

    def take(
        self,
        question: Question,
        options: AskOptions,
        *,
        translator: Translator | None = None,
        caller: str = "",
        heard: bool = True,
    ) -> Run:
        """Start the question, with the ``translator`` of its ``caller`` ("": not known) where there is one; ``heard``
        says whether its events are waited for. Raises OverloadedError where every place is taken. Call it in the event
        loop."""
        asked = translator or self._translator
        with self._lock:
            self._check_room(caller)
            self._taken[caller] += 1

        def work(emit: Callable[[Event], None]) -> Answer:
            began = time.monotonic()
            try:
                answer = asked.translate(question, options, on_event=emit)
            except NlqError as exc:
                self._metrics.failed(type(exc).__name__)
                raise
            else:
                self._metrics.answered(answer)
                return answer
            finally:
                self._release(caller, time.monotonic() - began)

        run = Run(work, self._pool, ended=self._runs.discard, heard=heard)
        self._runs.add(run)
        return run

    def close(self) -> None:
        """Stop what runs and wait for the threads: a model must not be freed under a running question."""
        for run in tuple(self._runs):
            run.stop()
        self._pool.shutdown(wait=True)

    def _check_room(self, caller: str) -> None:
        taken, own = self._taken.total(), self._taken[caller] if caller else 0
        if own >= self._per_caller:
            message = f"{own} questions of yours are being answered already; ask again in a moment."
        elif taken >= self._places:
            message = f"{taken} questions are being answered already; ask again in a moment."
        else:
            return
        raise OverloadedError(message, retry_after=self._last_seconds)

    def _release(self, caller: str, seconds: float) -> None:
        with self._lock:
            self._taken -= Counter([caller])
            self._last_seconds = seconds


EVENT_DATA: Mapping[str, Callable[[Any], Any]] = {
    "schema": lambda s: {
        "index": s.index,
        "about": s.about,
        "fields": [{"name": f.name, "kind": f.kind} for f in s.fields],
    },
    "values": lambda values: [{"text": v.text, "field": v.field, "value": v.value} for v in values],
    "examples": lambda examples: [{"question": e.question, "query": e.query, "index": e.index} for e in examples],
    "sampled": lambda c: {"text": c.text, "logprob": c.logprob},
    "candidate": candidate_out,
    "ballot": lambda b: {**votes_out(b), "confidence": b.confidence, "entropy": b.entropy},
}


def event_data(event: Event) -> Any:
    """The JSON value that goes out as the event's data."""
    return EVENT_DATA[event.name](event.data)


def sse(name: str, data: Any) -> str:
    """One server-sent event."""
    return f"event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n"


async def stream(run: Run, first: Event | None, *, out: Callable[[Answer], Any]) -> AsyncIterator[str]:
    """The run as server-sent events, ``first`` (taken by the caller) in front; closing it stops the run. ``out`` makes
    of the answer what is sent."""
    try:
        event = first
        while event is not None:
            yield sse(event.name, event_data(event))
            while True:
                try:
                    event = await run.next(KEEP_ALIVE_SECONDS)
                    break
                except TimeoutError:
                    yield ": still here\n\n"
        failure = run.failure()
        if failure is None:
            yield sse("answer", out(run.answer()))
        else:
            yield sse("error", problem_of(failure).body())
    finally:
        run.stop()
