"""Where the seconds of a translation go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar

Clock = Callable[[], float]
Watch = Callable[[str], AbstractContextManager[object]]
"""What is entered while the stage of that name runs."""

_watch: ContextVar[Watch] = ContextVar("nlq_watch", default=nullcontext)


@contextmanager
def watched(watch: Watch) -> Iterator[None]:
    """Every stage that is timed in this context runs inside ``watch(stage)``: a service counts and traces there."""
    token = _watch.set(watch)
    try:
        yield
    finally:
        _watch.reset(token)


class Timings:
    """Seconds per stage, summed over rounds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._started = clock()
        self._spent: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        begin = self._clock()
        try:
            with _watch.get()(stage):
                yield
        finally:
            self._spent[stage] = self._spent.get(stage, 0.0) + self._clock() - begin

    def done(self) -> dict[str, float]:
        return {**self._spent, "total": self._clock() - self._started}
