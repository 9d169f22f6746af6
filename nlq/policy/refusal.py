"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass

from nlq.types import Outcome


@dataclass(frozen=True, slots=True)
class Refusal:
    """The check that stopped a text and what it found."""

    outcome: Outcome
    reason: str


def shown(name: object) -> str:
    """A name from outside as a reason shows it: on one line and short."""
    text = str(name)
    plain = text if text.isprintable() else ascii(text)[1:-1]
    return plain if len(plain) <= 60 else f"{plain[:57]}…"
