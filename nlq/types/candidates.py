"""What models write and what verification finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from nlq.types.index import Body

Origin = Literal["sampled", "neighbour", "revised"]
"""Where a candidate comes from: the model; a cheap edit of a sampled one; the model's second look at two others."""


def is_sample(origin: str) -> bool:
    """Whether a candidate of that origin was written by the model, at first or at a second look; an edit is none."""
    return origin != "neighbour"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One text. ``logprob`` is the mean log-probability of its tokens, before temperature, and 0 of those that the
    schema forces where the runtime does not ask about them; ``tokens`` their number; ``complete`` is False where
    max_tokens cut the text off.

    ``origin`` says where it comes from; an edit of a sampled one has that one's log-probability and says in ``edit``
    what was changed. ``draw`` names the model, prompt and temperature that it was drawn with.
    """

    text: str
    logprob: float
    tokens: int = 0
    complete: bool = True
    origin: Origin = "sampled"
    edit: str = ""
    draw: str = ""

    @property
    def sampled(self) -> bool:
        """Whether the model wrote it (``is_sample``)."""
        return is_sample(self.origin)


class Outcome(StrEnum):
    """How far a candidate came. Every name is the check that stopped it, but the last."""

    UNPARSED = "unparsed"
    INVALID = "invalid"
    REFUSED = "refused"
    REJECTED = "rejected"
    TIMED_OUT = "timed_out"
    EXECUTED = "executed"


@dataclass(frozen=True, slots=True)
class Result:
    """What the engine answered to one body: hits with ``_id`` and ``_source``, aggregations, total, ``took`` in ms.

    Where it is ``partial``, ``terminate_after`` left documents out. ``read`` is for who compares results: what this one
    says under a query, so that it is made out once.
    """

    hits: tuple[Mapping[str, Any], ...]
    total: int
    aggregations: Mapping[str, Any] = field(default_factory=dict)
    took: int = 0
    partial: bool = False
    read: dict[int, Any] = field(default_factory=dict, init=False, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the engine did not answer one body: it refused it (``rejected``) or took too long (``timed_out``)."""

    outcome: Literal[Outcome.REJECTED, Outcome.TIMED_OUT]
    reason: str


@dataclass(frozen=True, slots=True)
class Repair:
    """A value of a term of ``field`` that was replaced by the one that exists; ``to`` names the field where it does,
    where that is another one."""

    field: str
    was: str
    now: str
    to: str = ""


@dataclass(frozen=True, slots=True)
class Signal:
    """A deterministic sign of whether an executed candidate is right. ``note`` says in words what was seen."""

    name: str
    value: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What verification found about one candidate: ``query`` where it was accepted, ``result`` where it executed.

    ``score`` is the probability that it is right, as the scorer reads its ``signals`` (None: not scored).
    """

    candidate: Candidate
    outcome: Outcome
    query: Body | None = None
    result: Result | None = None
    reason: str = ""
    repairs: tuple[Repair, ...] = ()
    signals: tuple[Signal, ...] = ()
    score: float | None = None
