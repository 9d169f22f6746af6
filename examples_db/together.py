"""Calls of several threads, run as one."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.float32]

MOST = 64
"""Texts that are run together, unless one caller has more."""


@dataclass(slots=True, eq=False)
class _Call:
    texts: list[str]
    rows: Rows | None = None
    failed: Exception | None = None
    done: bool = False


class Together:
    """``run`` for one caller at a time; whoever waits meanwhile is served together by the next run, as a model takes
    little longer for ten short texts than for one. ``run`` gives a row for each text."""

    def __init__(self, run: Callable[[list[str]], Rows]) -> None:
        self._run = run
        self._running = threading.Lock()
        self._changing = threading.Lock()
        self._waiting: deque[_Call] = deque()

    def __call__(self, texts: Sequence[str]) -> Rows:
        """The rows of the texts, in their order. Raises what ``run`` raises for these texts alone."""
        mine = _Call(list(texts))
        with self._changing:
            self._waiting.append(mine)
        while not mine.done:
            with self._running:
                if not mine.done:
                    self._serve(self._next())
        if mine.failed is not None:
            raise mine.failed
        assert mine.rows is not None
        return mine.rows

    def _next(self) -> list[_Call]:
        """Those who wait longest: as many as fit, one at least."""
        with self._changing:
            calls = [self._waiting.popleft()]
            room = MOST - len(calls[0].texts)
            while self._waiting and (room := room - len(self._waiting[0].texts)) >= 0:
                calls.append(self._waiting.popleft())
        return calls

    def _serve(self, calls: Sequence[_Call]) -> None:
        try:
            rows = self._run([text for call in calls for text in call.texts])
        except Exception as exc:  # noqa: BLE001  # whatever it is, whoever waits is told
            if len(calls) == 1:
                calls[0].failed, calls[0].done = exc, True
                return
            for call in calls:  # one caller's text is no reason to fail the others
                self._serve([call])
            return
        except BaseException:  # this thread is to end: others serve them
            with self._changing:
                self._waiting.extendleft(reversed(calls))
            raise
        at = 0
        for call in calls:
            call.rows, call.done = rows[at : (at := at + len(call.texts))], True
