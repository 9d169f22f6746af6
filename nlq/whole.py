"""The result that is answered, where dry runs looked at a part of a large index only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from nlq.trail import Trail
from nlq.types import Ballot, Body, Failure, Group, Outcome, Result, Verdict

Search = Callable[[Sequence[Body]], Sequence[Result | Failure]]
"""Runs bodies on all of the index, together."""

SHOWN = 4
"""Groups whose result a caller looks at: the answer and three alternatives."""


def whole(trail: Trail, ballot: Ballot, *, rule: Callable[[Sequence[Verdict]], Ballot], search: Search) -> Ballot:
    """The ballot whose leader and first alternatives have results of every document.

    Where the leader's query fails on them, its candidates failed, and ``rule`` chooses among the others. An alternative
    that fails so keeps the result of its part. Raises what ``search`` raises.
    """
    while ballot.leader and _is_cut(ballot.leader.chosen):
        leader = ballot.leader.chosen
        asked = [group.chosen for group in ballot.groups[:SHOWN] if _is_cut(group.chosen)]
        found = search([verdict.query or {} for verdict in asked])
        if isinstance(found[0], Failure):
            trail.verdicts = tuple(_failed(v, found[0]) if v.query == leader.query else v for v in trail.verdicts)
            ballot = rule(trail.verdicts)
            continue
        now = {
            id(verdict): replace(verdict, result=result)
            for verdict, result in zip(asked, found, strict=True)
            if isinstance(result, Result)
        }
        trail.verdicts = _with(trail.verdicts, now)
        ballot = replace(ballot, groups=tuple(Group(_with(group.verdicts, now)) for group in ballot.groups))
    return ballot


def _is_cut(verdict: Verdict) -> bool:
    """Whether its dry run left documents out, unasked."""
    query, result = verdict.query, verdict.result
    return query is not None and result is not None and result.partial and "terminate_after" not in query


def _failed(verdict: Verdict, failure: Failure) -> Verdict:
    return replace(verdict, outcome=Outcome(failure.outcome), reason=failure.reason, result=None, score=None)


def _with(verdicts: Sequence[Verdict], now: Mapping[int, Verdict]) -> tuple[Verdict, ...]:
    return tuple(now.get(id(verdict), verdict) for verdict in verdicts)
