"""Is there enough? Pure functions of the verdicts so far, in the order of sampling.

All look at the leader of ``vote``. An empty leader never ends the sampling; a failed candidate is a sample without a
vote and speaks against ending it; edits ("neighbours") do not count. ``remaining`` is how many candidates may still be
sampled.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Protocol

from nlq.types import Group, Verdict
from nlq.vote.groups import is_sampled, votes
from nlq.vote.results import is_empty
from nlq.vote.rules import vote


class Stop(Protocol):
    """Whether sampling may end."""

    def __call__(self, verdicts: Sequence[Verdict], *, remaining: int) -> bool: ...


def decided(verdicts: Sequence[Verdict], *, remaining: int) -> bool:
    """Whether ``remaining`` more candidates could not overtake the leader (they might still tie with it)."""
    leader, others = _standing(verdicts)
    if leader is None:
        return False
    behind = max((votes(g.verdicts) for g in others if not is_empty(g.chosen)), default=0)
    return votes(leader.verdicts) - behind >= remaining


def beta(verdicts: Sequence[Verdict], *, remaining: int, threshold: float = 0.95) -> bool:
    """Whether the leader stays ahead of the runner-up with a probability above ``threshold``.

    Adaptive-Consistency (Aggarwal et al. 2023): P(p > 1/2) for p ~ Beta(v1 + 1, v2 + 1). Failed candidates count for
    the runner-up. Four of four are enough for 0.95.
    """
    del remaining
    leader, others = _standing(verdicts)
    if leader is None:
        return False
    failed = sum(v.result is None for v in verdicts if is_sampled(v))
    behind = max((votes(g.verdicts) for g in others), default=0) + failed
    return _stays_ahead(votes(leader.verdicts), behind) > threshold


def window(verdicts: Sequence[Verdict], *, remaining: int, size: int = 4) -> bool:
    """Whether the last ``size`` samples all lead to the leader's result (ESC, Li et al. 2024, with a window that
    slides)."""
    del remaining
    return _all_lead(verdicts, [v for v in verdicts if is_sampled(v)][-size:], size=size)


def unanimous(verdicts: Sequence[Verdict], *, remaining: int, size: int = 3) -> bool:
    """Whether the first ``size`` samples all lead to the leader's result."""
    del remaining
    return _all_lead(verdicts, [v for v in verdicts if is_sampled(v)][:size], size=size)


def sure(verdicts: Sequence[Verdict], *, remaining: int, threshold: float = 0.9) -> bool:
    """Whether the scorer gives the likeliest candidate that found something at least ``threshold``."""
    del remaining
    return any((v.score or 0.0) >= threshold and not is_empty(v) for v in verdicts)


STOPS: Mapping[str, Stop] = {
    "decided": decided,
    "beta": beta,
    "window": window,
    "unanimous": unanimous,
    "sure": sure,
}


def _standing(verdicts: Sequence[Verdict]) -> tuple[Group | None, Sequence[Group]]:
    """The leader, None where it has no votes or found nothing, and the other groups."""
    groups = vote(verdicts).groups
    if not groups or not votes(groups[0].verdicts) or is_empty(groups[0].chosen):
        return None, groups
    return groups[0], groups[1:]


def _all_lead(verdicts: Sequence[Verdict], some: Sequence[Verdict], *, size: int) -> bool:
    leader, _ = _standing(verdicts)
    if leader is None or len(some) < size:
        return False
    members = {id(v) for v in leader.verdicts}
    return all(id(v) in members for v in some)


def _stays_ahead(ahead: int, behind: int) -> float:
    """P(p > 1/2) for p ~ Beta(ahead + 1, behind + 1): a binomial sum, as both are whole numbers."""
    n = ahead + behind + 1
    return sum(math.comb(n, k) for k in range(ahead + 1)) / (1 << n)
