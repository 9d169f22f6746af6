"""What a request may choose, what none may exceed, and what is told on the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from nlq.types import Example
from nlq.values import SHOWN, Kind


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened on the way; ``data`` is the value of that name from ``nlq.types``
    (schema: IndexSchema, values: tuple[LinkedValue], examples: tuple[Example], sampled: Candidate, candidate: Verdict,
    ballot: Ballot, answer: Answer). "sampled" comes as each candidate ends, "candidate" when its round has run; of a
    second look come "sampled" and "candidate" too, and "ballot" is told once, when nothing follows."""

    name: Literal["schema", "values", "examples", "sampled", "candidate", "ballot", "answer"]
    data: Any


@dataclass(frozen=True, slots=True)
class AskOptions:
    """What one request may choose; None takes the translator's default.

    ``n`` None samples in rounds, at most the default number, until the stopping rule has seen enough; a number is
    sampled whole, unless ``stop`` names a rule. ``select`` is a name of ``nlq.vote.RULES``, ``stop`` of
    ``nlq.vote.STOPS``. ``revise`` says whether the model looks again at two answers that are close; what it then writes
    comes on top of ``n``. ``time_budget`` is in seconds and ends sampling between rounds. The question goes on from
    ``previous``, what was asked before with the query that answered it.
    """

    n: int | None = None
    temperature: float | None = None
    select: str | None = None
    stop: str | None = None
    revise: bool | None = None
    seed: int = 0
    max_results: int | None = None
    time_budget: float | None = None
    previous: Example | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What no request may exceed, and what a prompt shows: how many examples in how many tokens, how many fields, which
    kinds of linked values.

    ``constrained`` False lets the model write free text, to see what the schema is worth. ``neighbours`` is the most
    edits of sampled candidates that are tried for one question. With ``foreign_shots`` no example of the asked index
    itself is shown, as is fair where these are measured or confirmed. A dry run ends after ``dry_run_documents``
    matches of each shard (0: all of them); what is answered is run on all.
    """

    shots: int = 3
    shot_tokens: int = 600
    max_fields: int = 60
    link_kinds: frozenset[Kind] = SHOWN
    constrained: bool = True
    max_question_chars: int = 2000
    max_results: int = 1000
    engine_timeout: float = 5.0
    dry_run_documents: int = 1_000_000
    neighbours: int = 0
    foreign_shots: bool = False
