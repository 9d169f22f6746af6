"""How many candidates are drawn before anyone looks whether they suffice."""

from __future__ import annotations

from dataclasses import dataclass

from nlq.vote import STOPS


@dataclass(frozen=True, slots=True)
class Rounds:
    """How an open number of candidates is drawn: ``first`` of them, then ``step`` at a time, until the rule ``stop``
    (a name of STOPS) has seen enough. Raises ValueError where a part is out of range."""

    first: int = 4
    step: int = 2
    stop: str = "beta"

    def __post_init__(self) -> None:
        if self.first < 1 or self.step < 1:
            raise ValueError("a round must draw at least 1 candidate")
        if self.stop not in STOPS:
            raise ValueError(f"stop must be one of {', '.join(STOPS)}, not {self.stop!r}")


def cut(n: int, *, first: int, step: int) -> tuple[int, ...]:
    """``n`` in parts: ``first``, then ``step`` at a time; the last is what is left."""
    begun = min(first, n)
    whole, rest = divmod(n - begun, step)
    return (begun, *[step] * whole, *([rest] if rest else []))
