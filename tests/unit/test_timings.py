"""Seconds by stage, and who watches the stages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from nlq.timings import Timings, watched


def ticking() -> Iterator[float]:
    now = 0.0
    while True:
        yield now
        now += 1


def test_the_seconds_of_a_stage_are_summed_over_its_rounds() -> None:
    clock = ticking()
    timings = Timings(lambda: next(clock))
    for _ in range(2):
        with timings("sample"):
            pass

    assert timings.done() == {"sample": 2.0, "total": 5.0}


def test_a_watch_is_entered_around_every_stage_of_its_block_and_none_after_it() -> None:
    seen: list[str] = []

    @contextmanager
    def watch(stage: str) -> Iterator[None]:
        seen.append(f"{stage} begins")
        try:
            yield
        finally:
            seen.append(f"{stage} ends")

    timings = Timings(lambda: 0.0)
    with watched(watch), timings("schema"):
        pass
    with watched(watch), pytest.raises(ValueError, match="broken"), timings("verify"):
        raise ValueError("broken")
    with timings("unseen"):
        pass

    assert seen == ["schema begins", "schema ends", "verify begins", "verify ends"]
