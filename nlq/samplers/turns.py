"""Locks that are not waited for longer than somebody waits for what follows."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from nlq.wanted import LOOK_SECONDS, check_wanted


@contextmanager
def turn(lock: threading.Lock) -> Iterator[None]:
    """The lock, waited for as long as the caller is wanted."""
    while not lock.acquire(timeout=LOOK_SECONDS):
        check_wanted()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def turn_until(lock: threading.Lock, gone: threading.Event) -> Iterator[bool]:
    """The lock, waited for at most until the event is set: False then."""
    while not gone.is_set():
        if lock.acquire(timeout=LOOK_SECONDS):
            try:
                yield not gone.is_set()
            finally:
                lock.release()
            return
    yield False
