"""Whether anybody still waits for what a thread works on: long work asks now and then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_CHECK: ContextVar[Callable[[], None] | None] = ContextVar("wanted", default=None)

LOOK_SECONDS = 0.25
"""How often to ask while there is nothing else to do."""


@contextmanager
def while_wanted(check: Callable[[], None]) -> Iterator[None]:
    """In the block ``check_wanted`` calls ``check``, which raises once nobody waits any more."""
    before = _CHECK.set(check)
    try:
        yield
    finally:
        _CHECK.reset(before)


def check_wanted() -> None:
    """Raises what ends work that nobody waits for."""
    check = _CHECK.get()
    if check is not None:
        check()
