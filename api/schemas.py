"""What goes out over the wire: typed dictionaries.

Answers are plain dictionaries that are dumped as ASCII: a model can write half of a surrogate pair into a query,
which no UTF-8 encoder takes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from typing_extensions import TypedDict

from api.chart import chart
from nlq.paging import first_cursor
from nlq.readback import readback
from nlq.run_body import Ran
from nlq.types import Answer, Ballot, Body, Group, IndexInfo, Repair, Result, Signal, Verdict

MAX_N = 64
PREVIEW_HITS = 5
PREVIEW_BUCKETS = 10


class ResponseOut(TypedDict):
    """What the engine answered; ``hits`` with ``_id`` and ``_source``, ``took`` in milliseconds. ``terminated_early``
    says that documents were left out: as the query wants, or of an alternative in a large index."""

    hits: list[dict[str, Any]]
    aggregations: dict[str, Any]
    total: int
    took: int
    terminated_early: bool


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
    """What another group of candidates answered; at most five of its hits and ten of each list of buckets.
    ``confidence`` is its score where candidates are scored, else its share of all votes."""

    query: Body
    readback: str
    repairs: list[RepairOut]
    votes: int
    confidence: float
    response: ResponseOut


class SignalOut(TypedDict):
    """A sign of whether a candidate is right; ``note`` says what was seen."""

    name: str
    value: float
    note: str


class CandidateOut(TypedDict):
    """One text; ``query`` is what became of it, null where a check stopped it; ``group`` counts from 0 (the leader),
    null where it did not execute. ``origin`` is "sampled", "revised" (a second look), or "neighbour", and ``edit`` says
    what was changed of a sampled one. ``draw`` names what it was drawn with; ``score`` is the probability that it is
    right, null where it is not scored."""

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
    origin: str
    edit: str
    draw: str
    score: float | None
    signals: list[SignalOut]


class AnswerOut(TypedDict):
    """``query`` can be sent to ``POST /{index}/_search`` of the cluster as it is; with ``next`` (null where there is
    none) to ``POST /{index}/query`` for the hits that follow. ``chart`` is a Vega-Lite specification, null where a
    table or a number says it better. ``samples`` and ``tokens`` are what the model wrote.
    ``cached`` says that the model was not asked, as the question was before; ``answered_as`` in which words, where
    those were others."""

    id: str
    question: str
    index: str
    query: Body
    repairs: list[RepairOut]
    response: ResponseOut
    chart: dict[str, Any] | None
    readback: str
    votes: VotesOut
    confidence: float
    unsure: bool
    alternatives: list[AlternativeOut]
    samples: int
    tokens: int
    cached: bool
    answered_as: str
    next: str | None
    timings: dict[str, float]


class ExplainedAnswerOut(AnswerOut):
    candidates: list[CandidateOut]


class RanOut(TypedDict):
    """A search body as it ran, with its ``chart`` as in answers; ``next`` stands for the hits that follow, null where
    there are none."""

    index: str
    query: Body
    response: ResponseOut
    chart: dict[str, Any] | None
    readback: str
    next: str | None


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


def response_out(result: Result) -> ResponseOut:
    return {
        "hits": [dict(h) for h in result.hits],
        "aggregations": dict(result.aggregations),
        "total": result.total,
        "took": result.took,
        "terminated_early": result.partial,
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
        "origin": candidate.origin,
        "edit": candidate.edit,
        "draw": candidate.draw,
        "score": verdict.score,
        "signals": [signal_out(signal) for signal in verdict.signals],
    }


def signal_out(signal: Signal) -> SignalOut:
    return {"name": signal.name, "value": signal.value, "note": signal.note}


def failed_candidate(verdict: Verdict) -> dict[str, Any]:
    """What a caller needs of a candidate that did not survive."""
    return {
        "text": verdict.candidate.text,
        "repairs": repairs_out(verdict.repairs),
        "outcome": verdict.outcome.value,
        "reason": verdict.reason,
    }


def answer_out(answer: Answer, *, explain: bool, unsure_below: float = 0.5) -> AnswerOut | ExplainedAnswerOut:
    ballot, index = answer.ballot, answer.question.index
    groups = ballot.groups
    following = first_cursor(index, answer.query, answer.result)
    out: AnswerOut = {
        "id": answer.id,
        "question": answer.question.text,
        "index": index,
        "query": answer.query,
        "repairs": repairs_out(ballot.leader.chosen.repairs if ballot.leader else ()),
        "response": response_out(answer.result),
        "chart": chart(answer.query, answer.result),
        "readback": answer.readback,
        "votes": votes_out(ballot),
        "confidence": ballot.confidence,
        "unsure": ballot.confidence < unsure_below,
        "alternatives": [a for g in groups[1:] if (a := _alternative(g, index, of=ballot.of))],
        "samples": answer.samples,
        "cached": answer.cached,
        "answered_as": answer.answered_as,
        "tokens": answer.tokens,
        "next": following.token() if following else None,
        "timings": dict(answer.timings),
    }
    if not explain:
        return out
    places = {id(verdict): place for place, group in enumerate(groups) for verdict in group.verdicts}
    return {**out, "candidates": [candidate_out(v, group=places.get(id(v))) for v in answer.verdicts]}


def _alternative(group: Group, index: str, *, of: int) -> AlternativeOut | None:
    chosen = group.chosen
    if chosen.query is None or chosen.result is None:
        return None
    return {
        "query": chosen.query,
        "readback": readback(chosen.query, index),
        "repairs": repairs_out(chosen.repairs),
        "votes": group.votes,
        "confidence": group.votes / of if chosen.score is None else chosen.score,
        "response": response_out(_preview(chosen.result)),
    }


def _preview(result: Result) -> Result:
    return replace(result, hits=result.hits[:PREVIEW_HITS], aggregations=_few_buckets(result.aggregations))


def _few_buckets(node: Any) -> Any:
    if isinstance(node, Mapping):
        return {
            key: _few_buckets(value[:PREVIEW_BUCKETS] if key == "buckets" and isinstance(value, list) else value)
            for key, value in node.items()
        }
    return [_few_buckets(item) for item in node] if isinstance(node, list) else node


def ran_out(ran: Ran) -> RanOut:
    return {
        "index": ran.index,
        "query": ran.query,
        "response": response_out(ran.result),
        "chart": chart(ran.query, ran.result),
        "readback": ran.readback,
        "next": ran.next or None,
    }


def index_out(info: IndexInfo, questions: Mapping[str, Any]) -> IndexOut:
    return {
        "name": info.name,
        "documents": info.documents,
        "about": info.about,
        "questions": list(questions.get(info.name, ())),
    }
