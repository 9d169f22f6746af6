"""Samples of all questions that are asked now, in one forward pass a step."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import torch

from nlq.errors import SamplerError
from nlq.samplers.torch_attention import FEW
from nlq.samplers.torch_decode import Runtime
from nlq.samplers.torch_errors import torch_errors
from nlq.samplers.torch_rows import Look, Request, Row, looks, mask, settle
from nlq.samplers.torch_slots import Slots

FREE_TOKENS = {"cuda": 256, "cpu": 16}
"""Tokens that a forward pass reads in about the time that reading the weights takes: operations per second over bytes
per second, times the bytes of a weight over the two operations it takes part in."""


class Batch:
    """Rows enter once their prompt was read and there is a slot, and leave when they end or their caller is gone.

    At most ``rows`` grow at a time; of the requests that wait, each gets a slot in turn. Used by one thread.
    """

    def __init__(self, runtime: Runtime, *, rows: int, compiled: bool) -> None:
        self.steps = 0
        self.runtime = runtime
        self._most = rows
        self._slots = Slots(runtime.model, compiled=compiled)
        self._rows: list[Row] = []  # in the order of their slots
        self._waiting: deque[Request] = deque()
        self._free = FREE_TOKENS.get(runtime.device.type, FREE_TOKENS["cuda"])

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, request: Request) -> None:
        self._waiting.append(request)

    def fail(self, reason: str) -> None:
        """End every request with an error and give their memory back."""
        for request in {*self._waiting, *(row.request for row in self._rows)}:
            request.error = reason
        self._waiting.clear()
        self._rows = []
        self._slots.clear()

    @torch.inference_mode()
    def step(self) -> None:
        """Make every sample at least one token longer. What fails for all of them becomes their requests' error."""
        self.steps += 1
        try:
            with torch_errors():
                self._leave()
                self._enter()
                if self._rows:
                    self._grow()
        except SamplerError as exc:
            self.fail(str(exc))

    def _grow(self) -> None:
        width = best_width(self._slots.widths, [len(row.unread) for row in self._rows], free=self._free)
        feeds = [row.unread[:width] for row in self._rows]
        logits = self._slots.forward(feeds, [row.start for row in self._rows], width=width)
        wanted = [looks(row, read=len(feed)) for row, feed in zip(self._rows, feeds, strict=True)]
        flat = [look for each in wanted for look in each]
        bits = mask(self.runtime, flat)  # on the CPU, while a GPU still computes the logits
        settle(self.runtime, flat, _behind(logits, wanted), bits)
        for row, feed in zip(self._rows, feeds, strict=True):
            row.read += len(feed)
        self._leave()

    def _leave(self) -> None:
        """Drop the rows that ended, whose request failed, or whose caller is gone; the last ones take their slots."""
        for row in self._rows:
            if row.ended and row.request.error is None:
                row.request.end(row)
        failed = [slot for slot, row in enumerate(self._rows) if row.request.error is not None]
        if failed:
            self._slots.wipe(failed)
        stay = [slot for slot, row in enumerate(self._rows) if _stays(row)]
        if len(stay) == len(self._rows):
            return
        movers = [slot for slot in stay if slot >= len(stay)]
        holes = sorted(set(range(len(stay))) - set(stay))
        rows = self._rows[: len(stay)]
        if movers:
            self._slots.move(movers, holes)
        for hole, mover in zip(holes, movers, strict=True):
            rows[hole] = self._rows[mover]
        self._rows = rows

    def _enter(self) -> None:
        entered: dict[Request, list[Row]] = {}
        free = self._most - len(self._rows)
        while free and self._waiting:
            request = self._waiting.popleft()
            if not request.waits:
                continue
            try:
                row = request.begin()
            except SamplerError as exc:  # its grammar gave up; the others' did not
                request.error = str(exc)
                continue
            entered.setdefault(request, []).append(row)
            self._waiting.append(request)
            free -= 1
        for request, rows in entered.items():
            self._seat(request, rows)
        self._leave()

    def _seat(self, request: Request, rows: Sequence[Row]) -> None:
        first, prompt = len(self._rows), request.prefilled.prompt
        length = len(prompt.ids) + request.params.max_tokens + FEW
        self._slots.reserve(prompt, rows=first + len(rows), length=length)
        self._slots.put(prompt, first=first, count=len(rows))
        self._rows += rows
        wanted = [look for row in rows for look in looks(row, read=0)]
        settle(self.runtime, wanted, request.prefilled.logits.expand(len(rows), -1), mask(self.runtime, wanted))


def best_width(widths: Sequence[int], counts: Sequence[int], *, free: int) -> int:
    """How many tokens of each row to read at once, where the rows have ``counts`` of them to read: the width at which a
    step reads most for its time, if the weights take as long as ``free`` tokens."""

    def gain(width: int) -> float:
        return sum(min(count, width) for count in counts) / (1 + len(counts) * width / free)

    return max(widths, key=gain)


def _stays(row: Row) -> bool:
    return not row.ended and row.request.error is None and not row.request.gone.is_set()


def _behind(logits: torch.Tensor, wanted: Sequence[Sequence[Look]]) -> torch.Tensor:
    """The logits that are looked at, float32 [looks, vocabulary], of those behind every token that was read."""
    if logits.shape[1] == 1:
        return logits[: len(wanted), 0].float()
    places = [(row, column) for row, each in enumerate(wanted) for column in range(len(each))]
    rows, columns = torch.tensor(places, device=logits.device).T
    return logits[rows, columns].float()
