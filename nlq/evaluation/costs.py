"""What sampling costs: tokens, floating-point operations, energy. What cannot be known is NaN."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, runtime_checkable

from nlq.ports import Sampler
from nlq.types import Body, Candidate, Prompt, SamplingParams

POWERCAP = Path("/sys/class/powercap")


@runtime_checkable
class Sized(Protocol):
    """A sampler that tells how large its model and its prompts are."""

    @property
    def parameters(self) -> int:
        """Weights of the model."""

    def prompt_tokens(self, prompt: Prompt) -> int:
        """Tokens of the messages, as the model reads them."""


class Metered(Sampler):
    """Passes on what ``inner`` yields and keeps account of it since ``start`` was called."""

    def __init__(self, inner: Sampler) -> None:
        self._inner = inner
        self._tokens: dict[Prompt, float] = {}
        self._decoded = 0

    @property
    def name(self) -> str:
        return self._inner.name

    def start(self) -> None:
        self._tokens, self._decoded = {}, 0

    def prompt_tokens(self) -> float:
        """Tokens of all different prompts; NaN where the sampler does not tell."""
        return math.fsum(self._tokens.values()) if isinstance(self._inner, Sized) else math.nan

    def flops(self) -> float:
        """Of all different prompts and every candidate; NaN where the sampler does not tell how large its model is."""
        if not isinstance(self._inner, Sized):
            return math.nan
        return flops(self._inner.parameters, prompt_tokens=self.prompt_tokens(), decoded=self._decoded)

    def sample(self, prompt: Prompt, schema: Body | None, params: SamplingParams) -> Iterator[Candidate]:
        if prompt not in self._tokens:  # asked now, as what counting computes is what sampling needs next
            self._tokens[prompt] = self._inner.prompt_tokens(prompt) if isinstance(self._inner, Sized) else math.nan
        for candidate in self._inner.sample(prompt, schema, params):
            self._decoded += candidate.tokens
            yield candidate

    def warm(self, prompt: Prompt) -> None:
        self._inner.warm(prompt)

    def ready(self) -> None:
        self._inner.ready()

    def close(self) -> None:
        self._inner.close()


class Energy:
    """The processors' own counters (RAPL), where the kernel shows them. They count what the whole machine uses."""

    def __init__(self, folder: Path = POWERCAP) -> None:
        self._counters = sorted(folder.glob("intel-rapl:?")) if folder.is_dir() else []

    def read(self) -> tuple[int, ...]:
        """Microjoules of each processor since some moment; none where they cannot be read."""
        try:
            return tuple(int((c / "energy_uj").read_text()) for c in self._counters)
        except (OSError, ValueError):
            return ()

    def since(self, before: tuple[int, ...]) -> float:
        """Joules since ``before`` was read; right while no counter runs over more than once."""
        now = self.read()
        if not now or len(now) != len(before):
            return math.nan
        return sum(self._spent(c, was, is_) for c, was, is_ in zip(self._counters, before, now, strict=True)) / 1e6

    def _spent(self, counter: Path, was: int, now: int) -> int:
        return now - was if now >= was else now - was + int((counter / "max_energy_range_uj").read_text())


def flops(parameters: float, *, prompt_tokens: float, decoded: float) -> float:
    """Two per weight and token, every prompt computed once: 2·N·(prompt + decoded).

    Kaplan et al. 2020, "Scaling Laws for Neural Language Models", without the attention term.
    """
    return 2 * parameters * (prompt_tokens + decoded)
