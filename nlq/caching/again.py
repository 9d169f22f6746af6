"""A kept answer becomes one for today: what it found is asked again, what was thought stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from nlq.readback import readback
from nlq.types import Answer, Candidate, Group, Outcome, Result, Verdict
from nlq.vote import is_empty

Verify = Callable[[Sequence[Candidate]], Sequence[Verdict]]
"""One verdict for each candidate, in order, with results of every document."""

_NOTHING = Result((), 0)


def slim(answer: Answer) -> Answer:
    """The answer without what its queries found, which may be large and will be old."""
    bare = {id(v): replace(v, result=None) for v in _verdicts(answer)}
    return _with(answer, bare, result=_NOTHING)


def again(kept: Answer, verify: Verify, *, reworded: bool = False) -> Answer | None:
    """``kept`` with the query of every group checked and run anew, from the text that was written: values are repaired
    and dates grounded as they are now. Groups whose query does not run any more are left out; None where the first one
    does not, or finds nothing. ``reworded`` says that it was the answer to another wording."""
    chosen = [group.chosen for group in kept.ballot.groups]
    found = verify([v.candidate for v in chosen])
    if not found or is_empty(found[0]):
        return None
    fresh = {id(was): _refreshed(was, now) for was, now in zip(chosen, found, strict=True)}
    leader = fresh[id(chosen[0])]
    if leader.query is None or leader.result is None:
        return None
    read = readback(leader.query, kept.question.index)
    out = _with(kept, {id(v): fresh.get(id(v), v) for v in _verdicts(kept)}, result=leader.result)
    groups = tuple(g for g in out.ballot.groups if g.chosen.outcome is Outcome.EXECUTED)
    return replace(
        out,
        query=leader.query,
        readback=read,
        ballot=replace(out.ballot, groups=groups),
        cached=True,
        answered_as=kept.question.text if reworded else "",
    )


def _verdicts(answer: Answer) -> Iterator[Verdict]:
    yield from answer.verdicts
    for group in answer.ballot.groups:
        yield from group.verdicts


def _refreshed(was: Verdict, now: Verdict) -> Verdict:
    return replace(was, outcome=now.outcome, query=now.query, result=now.result, reason=now.reason, repairs=now.repairs)


def _with(answer: Answer, verdicts: Mapping[int, Verdict], *, result: Result) -> Answer:
    """The answer with other verdicts, by the ids of its own; groups hold the same objects as the trail."""
    groups = tuple(Group(tuple(verdicts[id(v)] for v in group.verdicts)) for group in answer.ballot.groups)
    return replace(
        answer,
        result=result,
        ballot=replace(answer.ballot, groups=groups),
        verdicts=tuple(verdicts[id(v)] for v in answer.verdicts),
    )
