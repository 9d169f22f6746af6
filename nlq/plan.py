"""Which model is asked with which prompt, how warm, for which candidate: the diversity of a sample.

All of it is decided before the first candidate is drawn, and by a candidate's number alone: the tenth one comes from
the same prompt however the rounds are cut. Prompts change after a block of candidates, not with each, since every
runtime computes a prompt once for the candidates that share it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import TypeVar

from nlq.ports import Sampler
from nlq.types import Example, Prompt, SamplingParams

_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class Diversity:
    """What differs between the candidates of one question. Raises ValueError where a number is out of range.

    ``temperatures`` are dealt to them in turn (none: all have the request's; a 0 among them is for the first candidate
    only, as greedy ones are all the same). ``shot_groups`` is how many prompts with different examples there are, and
    ``shotless_share`` the part of the candidates, in 0..1, whose prompt has no retrieved examples.
    """

    temperatures: tuple[float, ...] = ()
    shot_groups: int = 1
    shotless_share: float = 0.0

    def __post_init__(self) -> None:
        if self.temperatures and not (0 < max(self.temperatures) <= 5 and min(self.temperatures) >= 0):
            raise ValueError("temperatures must be between 0 and 5, one of them above 0")
        if self.shot_groups < 1:
            raise ValueError("shot_groups must be at least 1")
        if not 0 <= self.shotless_share <= 1:
            raise ValueError("shotless_share must be between 0 and 1")


@dataclass(frozen=True, slots=True)
class Variant:
    """A prompt for a model, and the part of all candidates, in 0..1, that is asked so. ``name`` tells it from others
    of the same question ("" where there are none); ``shots`` are the examples that the prompt shows."""

    sampler: Sampler
    prompt: Prompt
    share: float = 1.0
    name: str = ""
    shots: tuple[Example, ...] = ()


@dataclass(frozen=True, slots=True)
class Draw:
    """One request to one model for ``params.n`` candidates."""

    variant: Variant
    params: SamplingParams

    @property
    def name(self) -> str:
        """Where these candidates come from, as the trail shows it."""
        temperature = f"t={self.params.temperature:g}"
        return f"{self.variant.name}, {temperature}" if self.variant.name else temperature


def variants(
    samplers: Sequence[tuple[Sampler, float]],
    examples: Sequence[Example],
    *,
    shots: int,
    diversity: Diversity,
    prompt: Callable[[Sequence[Example]], Prompt],
) -> tuple[Variant, ...]:
    """Every model with every prompt; their shares sum to 1. ``samplers`` come with weights, ``shots`` is the most
    examples that one prompt shows."""
    shares: defaultdict[tuple[int, ...], float] = defaultdict(float)
    for group in groups(range(len(examples)), diversity.shot_groups, shots):
        shares[group] += (1 - diversity.shotless_share) / diversity.shot_groups
    shares[()] += diversity.shotless_share
    shown = {group: tuple(examples[place] for place in group) for group, share in shares.items() if share}
    prompts = {group: prompt(few) for group, few in shown.items()}
    whole = sum(weight for _, weight in samplers)
    return tuple(
        Variant(
            sampler=sampler,
            prompt=prompts[group],
            share=weight / whole * shares[group],
            name=", ".join(
                [sampler.name] * (len(samplers) > 1) + [f"shots {number}" if group else "no shots"] * (len(shown) > 1)
            ),
            shots=few,
        )
        for sampler, weight in samplers
        for number, (group, few) in enumerate(shown.items(), start=1)
    )


def plan(
    rounds: Sequence[int],
    asked: Sequence[Variant],
    *,
    blocks: Sequence[int],
    params: SamplingParams,
    temperatures: Sequence[float] = (),
) -> tuple[tuple[Draw, ...], ...]:
    """The draws of each round, ``rounds`` being their sizes; a variant's draws stand together.

    Candidates are dealt to the variants in ``blocks`` (sizes again, of the same sum): a block goes to the one that
    lacks most of its share. No two draws of a plan share a seed of a candidate.
    """
    warmth = _ladder(temperatures) if temperatures else repeat(params.temperature)
    seats = list(zip(_dealt([v.share for v in asked], blocks), warmth, strict=False))
    drawn, out = 0, []
    for size in rounds:
        counted = Counter(seats[drawn : drawn + size])
        draws = []
        for (place, temperature), n in sorted(counted.items(), key=lambda seat: seat[0][0]):
            seed = (params.seed + drawn) % 2**32
            draws.append(Draw(asked[place], params.with_(n=n, temperature=temperature, seed=seed)))
            drawn += n
        out.append(tuple(draws))
    return tuple(out)


def groups(items: Sequence[_Item], n: int, k: int) -> tuple[tuple[_Item, ...], ...]:
    """n groups of at most k items each; ``items`` (n * k of them, or what there is) come best first.

    They are dealt like cards, so that each group has a good one; where they do not suffice, later groups take again
    from the beginning. All are in the order of ``items``.
    """
    size = min(k, len(items))
    dealt: list[tuple[_Item, ...]] = []
    for group in range(n):
        places = {(group + turn * n) % len(items) for turn in range(size)} if size > 0 else set()
        spare = ((group + step) % len(items) for step in range(len(items)))
        while len(places) < size:
            places.add(next(spare))
        dealt.append(tuple(items[place] for place in sorted(places)))
    return tuple(dealt)


def _dealt(shares: Sequence[float], blocks: Sequence[int]) -> Iterator[int]:
    """The place of its share for every candidate."""
    given = [0] * len(shares)
    for size in blocks:
        due = sum(given) + size
        owed = [round(share * due - got, 9) for share, got in zip(shares, given, strict=True)]
        place = owed.index(max(owed))
        given[place] += size
        yield from repeat(place, size)


def _ladder(temperatures: Sequence[float]) -> Iterator[float]:
    if 0 in temperatures:
        yield 0.0
    warm = [t for t in temperatures if t > 0]
    while True:
        yield from warm
