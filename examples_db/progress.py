"""How far embedding is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.errors import LiveError
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

Progress = Callable[[int, int], None]
"""Called with how many are done and how many there are; both are the same at the end, however it came."""


@contextmanager
def counted(total: int, on_progress: Progress | None) -> Iterator[Callable[[int], int]]:
    """The value adds so many to what is done, tells it, and returns it."""
    done = 0

    def add(number: int) -> int:
        nonlocal done
        done += number
        if on_progress is not None:
            on_progress(done, max(done, total))
        return done

    try:
        yield add
    finally:
        if on_progress is not None and done < total:
            on_progress(done, done)


class EmbeddingBar:
    """A ``Progress`` that is drawn on ``console``, from the first batch that leaves something to do
    until the end. One thread at a time."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown: tuple[Bars, TaskID] | None = None

    def __call__(self, done: int, total: int) -> None:
        if self._shown is None and done < total:
            self._shown = self._drawn(total)
        if self._shown is not None:
            bars, task = self._shown
            bars.update(task, completed=done, total=total)
            if done >= total:
                bars.stop()
                self._shown = None

    def _drawn(self, total: int) -> tuple[Bars, TaskID] | None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        bars = Bars(*columns, console=self._console)
        task = bars.add_task("embedding examples", total=total)
        try:
            bars.start()
        except LiveError:  # before rich 14.1 a console draws one thing at a time
            return None
        return bars, task
