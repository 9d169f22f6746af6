"""Texts of several callers, embedded in one run."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray

from examples_db.together import MOST, Together


class Slow:
    """Lengths of texts as rows; the first run goes on until ``go`` is set. ``runs`` keeps what each was given."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.go = threading.Event()
        self.runs: list[list[str]] = []

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.runs.append(list(texts))
        self.began.set()
        assert self.go.wait(30)
        if "bad" in texts:
            raise ValueError("bad")
        return np.array([[len(text)] for text in texts], dtype=np.float32)


def _asked(callers: Sequence[Sequence[str]]) -> tuple[Slow, list[list[float] | str]]:
    """What each caller gets while the first is being served."""
    slow = Slow()
    together = Together(slow)

    def one(texts: Sequence[str]) -> list[float] | str:
        try:
            return [float(row[0]) for row in together(texts)]
        except ValueError as exc:
            return str(exc)

    with ThreadPoolExecutor(len(callers)) as pool:
        first = pool.submit(one, callers[0])
        assert slow.began.wait(30)
        rest = []
        for number, texts in enumerate(callers[1:], start=1):
            rest.append(pool.submit(one, texts))
            _until_waiting(together, number)
        slow.go.set()
        return slow, [first.result(30), *(each.result(30) for each in rest)]


def _until_waiting(together: Together, callers: int) -> None:
    pause = threading.Event()
    for _ in range(3000):
        if len(together._waiting) == callers:
            return
        pause.wait(0.01)
    raise AssertionError(f"{len(together._waiting)} wait, not {callers}")


def test_those_who_wait_are_served_by_one_run_and_each_gets_its_own_rows() -> None:
    slow, rows = _asked([["a"], ["bb", "ccc"], ["dddd"]])

    assert rows == [[1], [2, 3], [4]]
    assert slow.runs == [["a"], ["bb", "ccc", "dddd"]]


def test_a_text_that_cannot_be_run_fails_its_own_caller_alone() -> None:
    slow, rows = _asked([["a"], ["bb"], ["bad"], ["ccc"]])

    assert rows == [[1], [2], "bad", [3]]
    assert slow.runs == [["a"], ["bb", "bad", "ccc"], ["bb"], ["bad"], ["ccc"]]


def test_a_run_has_a_most_and_a_caller_with_more_has_one_alone() -> None:
    many = ["x"] * (MOST - 1)

    slow, rows = _asked([["a"], many, ["bb"], ["ccc"], many * 2, ["dddd"]])

    assert [len(run) for run in slow.runs] == [1, MOST, 1, 2 * (MOST - 1), 1]
    assert rows[2:4] == [[2], [3]]


class Interrupted(Slow):
    """Its first run is ended by a person."""

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = super().__call__(texts)
        if len(self.runs) == 1:
            raise KeyboardInterrupt
        return rows


def test_who_is_interrupted_leaves_the_others_to_be_served() -> None:
    interrupted = Interrupted()
    interrupted.go.set()
    together = Together(interrupted)

    with pytest.raises(KeyboardInterrupt):
        together(["a"])

    assert together(["bb"]).tolist() == [[2]]
