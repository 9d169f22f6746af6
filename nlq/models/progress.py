"""One look for every progress bar over bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn


@contextmanager
def bytes_bar(task: str, total: int, *, console: Console) -> Iterator[Callable[[int], None]]:
    """Show a bar of ``total`` bytes; the value advances it by so many."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task(task, total=total)
        yield lambda count: progress.advance(bar, count)
