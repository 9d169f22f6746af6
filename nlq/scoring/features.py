"""What the scorer sees of a candidate: numbers by name, most of them in 0..1."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nlq.types import Verdict, is_sample
from nlq.vote.groups import by_result

Features = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Trait:
    """What features are made of: ``group`` numbers the candidates with the same result alike (None: not executed)."""

    group: int | None
    logprob: float
    origin: str
    signals: Mapping[str, float]


def features(verdicts: Sequence[Verdict]) -> tuple[Features | None, ...]:
    """One set per verdict, None where it did not execute. Signals are taken as they are attached."""
    place = {id(v): i for i, group in enumerate(by_result(verdicts)) for v in group}
    return features_of(
        [
            Trait(place.get(id(v)), v.candidate.logprob, v.candidate.origin, {s.name: s.value for s in v.signals})
            for v in verdicts
        ]
    )


def features_of(traits: Sequence[Trait]) -> tuple[Features | None, ...]:
    """One set per candidate of a question, None where it has no group.

    ``share`` is the part of all sampled candidates with the same result, ``lead`` by how much that is more (or less)
    than the best other result's, ``odds`` the log-odds of the share with one vote added to each side; ``surprise`` is
    the mean negative log-probability of a token, ``margin`` how much smaller it is than the smallest of another result.
    """
    samples = [t for t in traits if is_sample(t.origin)]
    sampled = len(samples) or 1
    votes = Counter(t.group for t in samples if t.group is not None)
    surest: dict[int, float] = {}
    for trait in traits:
        if trait.group is not None:
            surest[trait.group] = max(trait.logprob, surest.get(trait.group, -math.inf))

    def of(trait: Trait) -> Features:
        own = votes[trait.group] if trait.group is not None else 0
        others = [n for group, n in votes.items() if group != trait.group]
        rivals = [p for group, p in surest.items() if group != trait.group]
        return {
            "share": own / sampled,
            "lead": (own - max(others, default=0)) / sampled,
            "odds": math.log((own + 1) / (sampled - own + 1)),
            "surprise": min(-trait.logprob, 3.0),
            "margin": max(-1.0, min(1.0, trait.logprob - max(rivals, default=trait.logprob))),
            "neighbour": float(trait.origin == "neighbour"),
            "revised": float(trait.origin == "revised"),
            **trait.signals,
        }

    return tuple(None if trait.group is None else of(trait) for trait in traits)
