"""The values that flow through a translation. All frozen; nothing here does I/O.

Units: times in seconds, log-probabilities natural, sizes in documents unless a name says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Literal

Body = dict[str, Any]
"""An Elasticsearch search body (what ``POST /INDEX/_search`` takes), parsed from JSON."""

Role = Literal["system", "user", "assistant"]

Origin = Literal["sampled", "neighbour", "revised"]
"""Where a candidate comes from: the model; a cheap edit of a sampled one; the model's second look at two others."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a person asks of one index, alias or pattern."""

    text: str
    index: str


@dataclass(frozen=True, slots=True)
class Field:
    """One searchable path of a mapping.

    ``kind`` is the mapping's type ("text", "keyword", "long", "date", "nested", …), or "conflict" where the indices
    behind one name disagree so far that Elasticsearch cannot treat the field as one. Multi-fields are fields of their
    own with ``parent`` set ("title.keyword" has parent "title"). ``nested`` is the innermost nested path that holds
    the field, ``format`` a date field's format, ``dims`` a dense vector's length, ``relations`` a join field's
    (parent, child) pairs. ``searchable`` says whether queries can name it, ``aggregatable`` whether sorts and
    aggregations can; ``partial`` that not every index behind the name maps it, or maps it alike.
    """

    name: str
    kind: str
    parent: str | None = None
    nested: str | None = None
    format: str | None = None
    dims: int | None = None
    relations: tuple[tuple[str, str], ...] = ()
    searchable: bool = True
    aggregatable: bool = True
    partial: bool = False


@dataclass(frozen=True, slots=True)
class IndexSchema:
    """What can be asked of an index: its fields and what the engine that holds it can run.

    ``features`` names the engine's modules and plug-ins (empty where it does not tell), ``version`` is its number.
    """

    index: str
    fields: tuple[Field, ...]
    about: str = ""
    features: frozenset[str] = frozenset()
    version: str = ""

    def field(self, name: str) -> Field | None:
        """The field of that name, or None."""
        return next((f for f in self.fields if f.name == name), None)


@dataclass(frozen=True, slots=True)
class Example:
    """A question with a query known to answer it; ``fields`` are "name:kind" pairs of the index it was asked of.

    ``id`` names it in the store that gave it ("" where it comes from none).
    """

    question: str
    query: Body
    index: str
    fields: tuple[str, ...] = ()
    source: str = "hand"
    id: str = ""


class State(StrEnum):
    """What is known of an example: never checked; right on an engine; no longer right there; or made by a machine and
    not confirmed by asking its question again."""

    UNCHECKED = "unchecked"
    VERIFIED = "verified"
    STALE = "stale"
    UNCONFIRMED = "unconfirmed"


@dataclass(frozen=True, slots=True)
class Record:
    """An example as a store keeps it. Times are UTC, ISO 8601; ``etag`` differs whenever the example was edited.

    ``state`` was found on the engine of version ``engine`` at ``checked`` ("" where never). ``uses`` counts how often
    it was shown to a model, ``wins`` how often the answer came from a prompt that showed it.
    """

    example: Example
    etag: str
    tags: tuple[str, ...] = ()
    author: str = ""
    state: State = State.UNCHECKED
    engine: str = ""
    checked: str = ""
    reason: str = ""
    created: str = ""
    updated: str = ""
    uses: int = 0
    wins: int = 0


@dataclass(frozen=True, slots=True)
class ExampleFilter:
    """Which records are meant; None leaves a part open. ``text`` occurs in the question, case aside."""

    index: str | None = None
    source: str | None = None
    state: State | None = None
    tag: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class LinkedValue:
    """Words of a question that occur as a value of a field. ``field`` is the field a term query would use."""

    text: str
    field: str
    value: str | int | float | bool


@dataclass(frozen=True, slots=True)
class Message:
    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """Chat messages in order. ``head`` is byte-identical between questions on one index, so runtimes can cache it."""

    head: tuple[Message, ...]
    shots: tuple[Message, ...]
    tail: tuple[Message, ...]

    @property
    def messages(self) -> tuple[Message, ...]:
        return self.head + self.shots + self.tail


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """How to draw ``n`` texts. ``temperature=0`` is greedy; ``strategy="beam"`` keeps the n best of n beams.

    ``top_k=0`` and ``min_p=0`` switch those filters off. ``seed`` makes a draw repeatable on one runtime.
    Raises ValueError where a number is out of range.
    """

    n: int = 1
    temperature: float = 0.8
    top_p: float = 0.95
    top_k: int = 0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    max_tokens: int = 400
    seed: int = 0
    strategy: Literal["sample", "beam"] = "sample"

    def __post_init__(self) -> None:
        ranges: tuple[tuple[str, bool, str], ...] = (
            ("n", 1 <= self.n <= 1024, "between 1 and 1024"),
            ("temperature", 0 <= self.temperature <= 5, "between 0 and 5"),
            ("top_p", 0 < self.top_p <= 1, "above 0 and at most 1"),
            ("top_k", self.top_k >= 0, "0 (off) or more"),
            ("min_p", 0 <= self.min_p < 1, "at least 0 and below 1"),
            ("repetition_penalty", 0 < self.repetition_penalty <= 10, "above 0 and at most 10"),
            ("max_tokens", 1 <= self.max_tokens <= 8192, "between 1 and 8192"),
            ("seed", 0 <= self.seed < 2**32, "between 0 and 2^32 - 1"),
            ("strategy", self.strategy in ("sample", "beam"), "'sample' or 'beam'"),
        )
        for name, fine, allowed in ranges:
            if not fine:
                raise ValueError(f"{name} must be {allowed}, not {getattr(self, name)!r}")

    @property
    def greedy(self) -> bool:
        return self.temperature == 0 and self.strategy == "sample"

    def with_(self, **changes: Any) -> SamplingParams:
        """A copy with these numbers changed, checked again."""
        return replace(self, **changes)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One text. ``logprob`` is the mean log-probability of its tokens (before temperature); ``tokens`` their number;
    ``complete`` is False where max_tokens cut the text off.

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
    """What the engine answered to one body: hits with ``_id`` and ``_source``, aggregations, total, ``took`` in ms."""

    hits: tuple[Mapping[str, Any], ...]
    total: int
    aggregations: Mapping[str, Any] = field(default_factory=dict)
    took: int = 0


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


@dataclass(frozen=True, slots=True)
class Group:
    """Candidates that agree: their results are equal (their queries are, where a rule counts texts). The first verdict
    speaks for the group."""

    verdicts: tuple[Verdict, ...]

    @property
    def votes(self) -> int:
        """How many of them the model wrote; edits have no vote."""
        return sum(v.candidate.origin != "neighbour" for v in self.verdicts)

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
        return sum(v.candidate.origin != "neighbour" for v in self.verdicts)

    @property
    def tokens(self) -> int:
        """How many tokens it wrote for them."""
        return sum(v.candidate.tokens for v in self.verdicts if v.candidate.origin != "neighbour")


@dataclass(frozen=True, slots=True)
class IndexInfo:
    """One index of the engine as a chooser shows it."""

    name: str
    documents: int
    about: str = ""


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """The connected engine: its version and the plug-ins and modules it runs (empty where it does not tell)."""

    version: str
    features: frozenset[str] = frozenset()
