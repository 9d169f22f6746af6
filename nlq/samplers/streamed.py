"""Work in a thread of its own whose reader may be slow, or leave."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TypeVar

from nlq.wanted import LOOK_SECONDS, check_wanted

_Item = TypeVar("_Item")

Work = Callable[[Callable[[_Item], None], threading.Event], None]
"""Takes what to hand each item to, and an event that is set once nobody reads any more."""


def streamed(work: Work[_Item], *, name: str) -> Iterator[_Item]:
    """What ``work`` hands over, as it comes; raises what it raises. A slow reader holds it up nowhere; closing the
    iterator, or a caller who is gone (``check_wanted``), sets its event and waits for its end."""
    items: queue.SimpleQueue[tuple[_Item] | BaseException | None] = queue.SimpleQueue()
    gone = threading.Event()

    def run() -> None:
        try:
            work(lambda item: items.put((item,)), gone)
        except BaseException as exc:  # noqa: BLE001  # raised by the reader, in its own thread
            items.put(exc)
        finally:
            items.put(None)

    thread = threading.Thread(target=run, name=name)
    thread.start()
    try:
        while (item := _next(items)) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item[0]
    finally:
        gone.set()
        thread.join()


def _next(items: queue.SimpleQueue[tuple[_Item] | BaseException | None]) -> tuple[_Item] | BaseException | None:
    while True:
        check_wanted()
        with suppress(queue.Empty):
            return items.get(timeout=LOOK_SECONDS)
