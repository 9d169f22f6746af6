"""Rate limits: one token bucket a caller, in memory."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

MOST_KEPT = 10_000


class Buckets:
    """A full bucket holds ``rate`` requests and fills up in a minute. May be used by several threads at once.

    Of more than MOST_KEPT callers those that asked longest ago are forgotten, so their buckets are full again.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str, *, rate: int) -> float:
        """Take one request of ``rate`` a minute: 0, or the seconds until there is one again (then nothing is taken)."""
        with self._lock:
            now = self._clock()
            left, at = self._left.pop(caller, (float(rate), now))
            left = min(float(rate), left + (now - at) * rate / 60)
            wait = 0.0 if left >= 1 else (1 - left) * 60 / rate
            self._left[caller] = (left if wait else left - 1, now)
            if len(self._left) > MOST_KEPT:
                self._left.popitem(last=False)
            return wait
