"""What goes over the wire: the request (checked by pydantic) and the answers (typed dictionaries).

Answers are plain dictionaries that are dumped as ASCII: a model can write half of a surrogate pair into a query,
which no UTF-8 encoder takes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, StrictBool, StrictInt
from typing_extensions import TypedDict

from nlq.errors import InputError
from nlq.settings import Settings
from nlq.translator import AskOptions, Event, clean_question
from nlq.types import Answer, Ballot, Body, Group, IndexInfo, Question, Repair, Result, Verdict

MAX_N = 64
PREVIEW_HITS = 5


class Ask(BaseModel):
    """One question. Only ``question`` is needed; ``query`` is another name for it."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"question": "Which director made the most comedies after 1995?", "n": 8}]},
    )

    question: str = Field(
        validation_alias=AliasChoices("question", "query"), description="What to ask, in any language."
    )
    n: Annotated[StrictInt, Field(ge=1, le=MAX_N)] | Literal["auto"] | None = Field(
        None, description="Candidates to sample; the service's own number where it is absent or `auto`."
    )
    temperature: float | None = Field(None, ge=0, le=5, allow_inf_nan=False, description="0 is greedy.")
    select: Literal["vote", "first"] = Field("vote", description="Largest group of equal results, or first to pass.")
    seed: int = Field(0, ge=0, lt=2**31)
    max_results: int | None = Field(None, ge=1, description="Most hits or buckets the query may ask for.")
    explain: StrictBool = Field(False, description="Send every candidate with its verdict.")
    time_budget: float | None = Field(None, gt=0, le=600, allow_inf_nan=False, description="Seconds to sample for.")

    def question_of(self, index: str, settings: Settings) -> Question:
        """The cleaned question; raises InputError where it is empty or over-long for this service."""
        return Question(clean_question(self.question, most=settings.max_question_chars), index)

    def options(self, settings: Settings) -> AskOptions:
        """Raises InputError where more results are asked for than this service gives."""
        if self.max_results is not None and self.max_results > settings.max_results:
            raise InputError(f"max_results is {self.max_results}; at most {settings.max_results} are given.")
        return AskOptions(
            n=None if self.n == "auto" else self.n,
            temperature=self.temperature,
            select=self.select,
            seed=self.seed,
            max_results=self.max_results,
            time_budget=self.time_budget,
        )


class ResponseOut(TypedDict):
    """What the engine answered; ``hits`` with ``_id`` and ``_source``, ``took`` in milliseconds."""

    hits: list[dict[str, Any]]
    aggregations: dict[str, Any]
    total: int
    took: int


# The functional form, as "for" is a keyword. "groups" holds the votes of every group, the leader's first.
VotesOut = TypedDict("VotesOut", {"for": int, "of": int, "groups": list[int]})


class RepairOut(TypedDict):
    """A value of a term of ``field`` that does not exist, and the existing one that took its place in ``query``; of the
    field ``to``, where that is not empty."""

    field: str
    was: str
    now: str
    to: str


class AlternativeOut(TypedDict):
    """What another group of candidates answered; at most five of its hits."""

    query: Body
    repairs: list[RepairOut]
    votes: int
    response: ResponseOut


class CandidateOut(TypedDict):
    """One sampled text; ``query`` is what became of it, null where a check stopped it; ``group`` counts from 0 (the
    leader), null where it did not execute."""

    text: str
    query: Body | None
    repairs: list[RepairOut]
    outcome: str
    reason: str
    logprob: float
    tokens: int
    complete: bool
    total: int | None
    group: int | None


class AnswerOut(TypedDict):
    """``query`` can be sent to ``POST /{index}/_search`` of the cluster as it is."""

    id: str
    question: str
    index: str
    query: Body
    repairs: list[RepairOut]
    response: ResponseOut
    readback: str
    votes: VotesOut
    confidence: float
    alternatives: list[AlternativeOut]
    timings: dict[str, float]


class ExplainedAnswerOut(AnswerOut):
    candidates: list[CandidateOut]


class IndexOut(TypedDict):
    name: str
    documents: int
    about: str
    questions: list[str]


class PartOut(TypedDict):
    status: Literal["ok", "down"]
    detail: str


class HealthOut(TypedDict):
    status: Literal["ok", "down"]
    parts: dict[str, PartOut]


class ProblemOut(TypedDict):
    """A problem document (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str


def response_out(result: Result, *, hits: int | None = None) -> ResponseOut:
    return {
        "hits": [dict(h) for h in result.hits[:hits]],
        "aggregations": dict(result.aggregations),
        "total": result.total,
        "took": result.took,
    }


def votes_out(ballot: Ballot) -> VotesOut:
    sizes = [g.votes for g in ballot.groups]
    return {"for": sizes[0] if sizes else 0, "of": ballot.of, "groups": sizes}


def repairs_out(repairs: Sequence[Repair]) -> list[RepairOut]:
    return [{"field": r.field, "was": r.was, "now": r.now, "to": r.to} for r in repairs]


def candidate_out(verdict: Verdict, *, group: int | None = None) -> CandidateOut:
    candidate = verdict.candidate
    return {
        "text": candidate.text,
        "query": verdict.query,
        "repairs": repairs_out(verdict.repairs),
        "outcome": verdict.outcome.value,
        "reason": verdict.reason,
        "logprob": candidate.logprob,
        "tokens": candidate.tokens,
        "complete": candidate.complete,
        "total": None if verdict.result is None else verdict.result.total,
        "group": group,
    }


def failed_candidate(verdict: Verdict) -> dict[str, Any]:
    """What a caller needs of a candidate that did not survive."""
    return {
        "text": verdict.candidate.text,
        "repairs": repairs_out(verdict.repairs),
        "outcome": verdict.outcome.value,
        "reason": verdict.reason,
    }


def answer_out(answer: Answer, *, explain: bool) -> AnswerOut | ExplainedAnswerOut:
    groups = answer.ballot.groups
    leader = answer.ballot.leader
    out: AnswerOut = {
        "id": answer.id,
        "question": answer.question.text,
        "index": answer.question.index,
        "query": answer.query,
        "repairs": repairs_out(leader.chosen.repairs if leader else ()),
        "response": response_out(answer.result),
        "readback": answer.readback,
        "votes": votes_out(answer.ballot),
        "confidence": answer.ballot.confidence,
        "alternatives": [a for g in groups[1:] if (a := _alternative(g))],
        "timings": dict(answer.timings),
    }
    if not explain:
        return out
    numbered = ((v, next((i for i, g in enumerate(groups) if v in g.verdicts), None)) for v in answer.verdicts)
    return {**out, "candidates": [candidate_out(v, group=group) for v, group in numbered]}


def _alternative(group: Group) -> AlternativeOut | None:
    chosen = group.chosen
    if chosen.query is None or chosen.result is None:
        return None
    return {
        "query": chosen.query,
        "repairs": repairs_out(chosen.repairs),
        "votes": group.votes,
        "response": response_out(chosen.result, hits=PREVIEW_HITS),
    }


def index_out(info: IndexInfo, questions: Mapping[str, Any]) -> IndexOut:
    return {
        "name": info.name,
        "documents": info.documents,
        "about": info.about,
        "questions": list(questions.get(info.name, ())),
    }


EVENT_DATA: dict[str, Callable[[Any], Any]] = {
    "schema": lambda s: {
        "index": s.index,
        "about": s.about,
        "fields": [{"name": f.name, "kind": f.kind} for f in s.fields],
    },
    "values": lambda values: [{"text": v.text, "field": v.field, "value": v.value} for v in values],
    "examples": lambda examples: [{"question": e.question, "query": e.query, "index": e.index} for e in examples],
    "sampled": lambda c: {"text": c.text, "logprob": c.logprob},
    "candidate": candidate_out,
    "ballot": lambda b: {**votes_out(b), "confidence": b.confidence, "entropy": b.entropy},
}


def event_data(event: Event) -> Any:
    """The JSON value that goes out as the event's data."""
    return EVENT_DATA[event.name](event.data)
