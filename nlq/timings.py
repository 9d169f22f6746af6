"""Where the seconds of a translation go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Clock = Callable[[], float]


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
            yield
        finally:
            self._spent[stage] = self._spent.get(stage, 0.0) + self._clock() - begin

    def done(self) -> dict[str, float]:
        return {**self._spent, "total": self._clock() - self._started}
