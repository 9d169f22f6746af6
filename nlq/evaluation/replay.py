"""Any selection rule and any stopping rule on samples that are there."""

from __future__ import annotations

import itertools
import json
import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from nlq.evaluation.cases import Case
from nlq.evaluation.judge import right
from nlq.types import Ballot, Verdict
from nlq.vote import RULES, STOPS

FIRST_ROUND = 4
STEP = 2

Judge = Callable[[Sequence[Verdict]], Sequence[Verdict]]


@dataclass(slots=True)
class Replay:
    """The verdicts of one case, seen again as if only some of its candidates had been sampled.

    ``judge`` gives verdicts the scores they have among themselves, which depend on how many there are.
    """

    case: Case
    verdicts: Sequence[Verdict]
    judge: Judge

    sampled: Sequence[Verdict] = field(init=False)
    _edits: Sequence[Verdict] = field(init=False)
    _known: dict[str, bool] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.sampled = [v for v in self.verdicts if v.candidate.sampled]
        self._edits = [v for v in self.verdicts if not v.candidate.sampled]

    @property
    def n(self) -> int:
        return len(self.sampled)

    def is_right(self, verdict: Verdict) -> bool:
        if verdict.result is None:
            return False
        query = json.dumps(verdict.query, sort_keys=True)
        if query not in self._known:
            self._known[query] = right(verdict.result, self.case.rows, ordered=self.case.ordered)
        return self._known[query]

    def leads_right(self, ballot: Ballot) -> bool:
        return ballot.leader is not None and self.is_right(ballot.leader.chosen)

    def precision(self, ks: Sequence[int], *, subsets: int, seed: int) -> dict[str, dict[int, float]]:
        """For each rule and k the share of ``subsets`` random k-subsets where it chooses a right candidate; of all
        k-subsets where there are no more than that, or than n. ks above n are left out."""
        rng = random.Random(f"{seed} {self.case.id}")
        shares: dict[str, dict[int, float]] = {name: {} for name in RULES}
        for k in (k for k in ks if k <= self.n):
            drawn = [self.among(part) for part in self._subsets(k, rng, subsets)]
            for name, rule in RULES.items():
                shares[name][k] = sum(self.leads_right(rule(verdicts)) for verdicts in drawn) / len(drawn)
        return shares

    def stopped(self, select: str) -> dict[str, tuple[int, bool]]:
        """For each stopping rule how many samples it takes, in the order they came, FIRST_ROUND and then STEP at a
        time, and whether the rule ``select`` then chooses a right one."""
        return {name: self._stopped(stop, select) for name, stop in STOPS.items()}

    def _stopped(self, stop: Callable[..., bool], select: str) -> tuple[int, bool]:
        used = min(FIRST_ROUND, self.n)
        while used < self.n and not stop(self.sampled[:used], remaining=self.n - used):
            used = min(used + STEP, self.n)
        return used, self.leads_right(RULES[select](self.among(range(used))))

    def _subsets(self, k: int, rng: random.Random, wanted: int) -> Iterator[Sequence[int]]:
        if math.comb(self.n, k) <= max(wanted, self.n):
            yield from itertools.combinations(range(self.n), k)
            return
        for _ in range(wanted):
            yield sorted(rng.sample(range(self.n), k))

    def among(self, places: Sequence[int]) -> Sequence[Verdict]:
        """The sampled verdicts at ``places`` and the edits of these, judged among themselves.

        An edit has the log-probability of the candidate that it was made from, which tells whose it is.
        """
        if len(places) == self.n:
            return self.verdicts
        kept = [self.sampled[place] for place in places]
        origins = {v.candidate.logprob for v in kept}
        return self.judge([*kept, *(v for v in self._edits if v.candidate.logprob in origins)])
