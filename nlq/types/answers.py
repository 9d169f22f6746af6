"""What is chosen, and the trail that led to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nlq.types.candidates import Result, Verdict
from nlq.types.examples import Example
from nlq.types.index import Body
from nlq.types.prompts import LinkedValue, Question


@dataclass(frozen=True, slots=True)
class Group:
    """Candidates that agree: their results are equal (their queries are, where a rule counts texts). The first verdict
    speaks for the group."""

    verdicts: tuple[Verdict, ...]

    @property
    def votes(self) -> int:
        """How many of them the model wrote; edits have no vote."""
        return sum(v.candidate.sampled for v in self.verdicts)

    @property
    def chosen(self) -> Verdict:
        return self.verdicts[0]


@dataclass(frozen=True, slots=True)
class Ballot:
    """Groups in the order of the rule that counted them, the leader first; ``of`` counts all that the model wrote,
    failed ones too.

    ``confidence`` is in 0..1, ``entropy`` is Shannon's over the groups in bits.
    """

    groups: tuple[Group, ...]
    of: int
    confidence: float
    entropy: float

    @property
    def leader(self) -> Group | None:
        return self.groups[0] if self.groups else None

    @property
    def runner_up(self) -> Group | None:
        return self.groups[1] if len(self.groups) > 1 else None


@dataclass(frozen=True, slots=True)
class Answer:
    """An executed query and the whole trail that led to it. ``timings`` maps stages to seconds.

    Where it is ``cached``, no model was asked this time: what it found is new, verdicts, votes and confidence are those
    of the answer that was kept, and only what speaks for a group has a result. ``answered_as`` is the question that was
    answered then, where that was worded otherwise.
    """

    id: str
    question: Question
    query: Body
    result: Result
    readback: str
    ballot: Ballot
    verdicts: Sequence[Verdict]
    values: tuple[LinkedValue, ...]
    examples: tuple[Example, ...]
    timings: Mapping[str, float]
    cached: bool = False
    answered_as: str = ""

    @property
    def samples(self) -> int:
        """How many candidates a model wrote, those of a second look too."""
        return sum(v.candidate.sampled for v in self.verdicts)

    @property
    def tokens(self) -> int:
        """How many tokens it wrote for them."""
        return sum(v.candidate.tokens for v in self.verdicts if v.candidate.sampled)
