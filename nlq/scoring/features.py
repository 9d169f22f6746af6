"""What the scorer sees of a candidate: numbers by name, most of them in 0..1."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from nlq.types import Verdict
from nlq.vote import vote

Features = Mapping[str, float]


def features(verdicts: Sequence[Verdict]) -> tuple[Features | None, ...]:
    """One set per verdict, None where it did not execute. Signals are taken as they are attached.

    ``share`` is the part of all sampled candidates with the same result, ``lead`` by how much that is more (or less)
    than the best other result's, ``odds`` the log-odds of the share with one vote added to each side; ``surprise`` is
    the mean negative log-probability of a token, ``margin`` how much smaller it is than the smallest of another result.
    """
    sampled = sum(v.candidate.origin != "neighbour" for v in verdicts) or 1
    groups = vote(verdicts).groups
    votes = [group.votes for group in groups]
    sure = [max(v.candidate.logprob for v in group.verdicts) for group in groups]
    place = {id(v): i for i, group in enumerate(groups) for v in group.verdicts}

    def agreement(place: int, logprob: float) -> Features:
        others = [n for i, n in enumerate(votes) if i != place]
        rivals = [p for i, p in enumerate(sure) if i != place]
        return {
            "share": votes[place] / sampled,
            "lead": (votes[place] - max(others, default=0)) / sampled,
            "odds": math.log((votes[place] + 1) / (sampled - votes[place] + 1)),
            "surprise": min(-logprob, 3.0),
            "margin": max(-1.0, min(1.0, logprob - max(rivals, default=logprob))),
        }

    return tuple(
        {**agreement(place[id(v)], v.candidate.logprob), **_own(v)} if id(v) in place else None for v in verdicts
    )


def _own(verdict: Verdict) -> Features:
    return {
        "neighbour": float(verdict.candidate.origin == "neighbour"),
        "revised": float(verdict.candidate.origin == "revised"),
        **{signal.name: signal.value for signal in verdict.signals},
    }
