"""The numbers of a report: what the scores of many cases come to."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from nlq.evaluation.metrics import (
    Bin,
    Interval,
    PowerLaw,
    brier,
    calibration_error,
    coverage,
    expected_distinct,
    mean_interval,
    power_law,
    reliability,
)
from nlq.evaluation.scores import CaseScore, Scores
from nlq.types import is_sample

WORST = 10
EVERYTHING = "all"


@dataclass(frozen=True, slots=True)
class Rule:
    """A selection rule: precision with all candidates and by their number k, and how far its confidence can be
    believed where it answers."""

    precision: Interval
    by_k: Mapping[int, float]
    calibration_error: float
    brier: float
    bins: tuple[Bin, ...]


@dataclass(frozen=True, slots=True)
class Stop:
    """A stopping rule: candidates it takes on average, and the precision of what is then chosen."""

    samples: float
    precision: Interval


@dataclass(frozen=True, slots=True)
class Part:
    """Cases of one group: shares that are right."""

    cases: int
    greedy: float
    single: float
    coverage: float
    precision: float


@dataclass(frozen=True, slots=True)
class Summary:
    """Some cases taken together. ``n`` is the smallest number of candidates of a case, up to which the curves reach
    (element k - 1 of a tuple belongs to k); costs are means over the cases where they are known. Shares are 0..1."""

    name: str
    cases: int
    n: int
    greedy: Interval
    single: Interval
    covered: Interval
    coverage: tuple[float, ...]
    law: PowerLaw
    rules: Mapping[str, Rule]
    stops: Mapping[str, Stop]
    groups: Mapping[str, Part]
    outcomes: Mapping[str, int]
    distinct_queries: tuple[float, ...]
    distinct_results: tuple[float, ...]
    costs: Mapping[str, float]


def summaries(scores: Scores, *, half: str | None = None) -> tuple[Summary, ...]:
    """Of each set, and of all together where there are several; sets without cases are left out."""
    parts = [(name, scores.of(set_name=name, half=half)) for name in scores.sets]
    if len(parts) > 1:
        parts.append((EVERYTHING, scores.of(half=half)))
    return tuple(summarise(name, cases, select=scores.select) for name, cases in parts if cases)


def summarise(name: str, cases: Sequence[CaseScore], *, select: str) -> Summary:
    n = min(c.n for c in cases)
    curve = tuple(mean(coverage(c.n, c.hits, k) for c in cases) for k in range(1, n + 1))
    return Summary(
        name=name,
        cases=len(cases),
        n=n,
        greedy=mean_interval([_share(c.greedy) for c in cases]),
        single=mean_interval([_single(c) for c in cases]),
        covered=mean_interval([float(c.hits > 0) for c in cases]),
        coverage=curve,
        law=power_law(curve),
        rules={rule: _rule(cases, rule) for rule in cases[0].chosen},
        stops={stop: _stop(cases, stop) for stop in cases[0].stops},
        groups=_groups(cases, select),
        outcomes=_outcomes(cases),
        distinct_queries=_distinct(cases, n, lambda c: c.queries),
        distinct_results=_distinct(cases, n, lambda c: c.results),
        costs=_costs(cases),
    )


def worst(scores: Scores, *, half: str | None = None) -> tuple[CaseScore, ...]:
    """The wrong answers that the rule was surest of, at most WORST."""
    wrong = [c for c in scores.of(half=half) if not c.chosen[scores.select].right]
    return tuple(sorted(wrong, key=lambda c: (-c.chosen[scores.select].confidence, c.id))[:WORST])


def mean(values: Iterable[float]) -> float:
    """NaN where any is NaN, or none is there."""
    known = list(values)
    return math.fsum(known) / len(known) if known else math.nan


def _mean_known(values: Iterable[float]) -> float:
    return mean(v for v in values if not math.isnan(v))


def _share(right: bool | None) -> float:
    return math.nan if right is None else float(right)


def _single(case: CaseScore) -> float:
    return case.hits / case.n if case.n else 0.0


def _rule(cases: Sequence[CaseScore], rule: str) -> Rule:
    answers = [c.chosen[rule] for c in cases if c.chosen[rule].answered]
    sure, right = [a.confidence for a in answers], [a.right for a in answers]
    bins = reliability(sure, right)
    sizes = sorted(set.intersection(*(set(c.precision[rule]) for c in cases)))
    return Rule(
        precision=mean_interval([float(c.chosen[rule].right) for c in cases]),
        by_k={k: mean(c.precision[rule][k] for c in cases) for k in sizes},
        calibration_error=calibration_error(bins),
        brier=brier(sure, right),
        bins=bins,
    )


def _stop(cases: Sequence[CaseScore], stop: str) -> Stop:
    found = [c.stops[stop] for c in cases]
    return Stop(mean(s.samples for s in found), mean_interval([float(s.right) for s in found]))


def _groups(cases: Sequence[CaseScore], select: str) -> dict[str, Part]:
    """The largest group first."""
    groups: dict[str, list[CaseScore]] = {}
    for case in cases:
        groups.setdefault(case.group or "none", []).append(case)
    return {
        name: Part(
            cases=len(members),
            greedy=mean(_share(c.greedy) for c in members),
            single=mean(_single(c) for c in members),
            coverage=mean(float(c.hits > 0) for c in members),
            precision=mean(float(c.chosen[select].right) for c in members),
        )
        for name, members in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    }


def _outcomes(cases: Sequence[CaseScore]) -> dict[str, int]:
    """How far the sampled candidates came; "empty" is taken out of "executed", "edits" are those that executed."""
    names = ("unparsed", "invalid", "refused", "rejected", "timed_out", "empty", "executed", "edits")
    counts = Counter("empty" if t.empty else str(t.outcome) for c in cases for t in c.sampled)
    counts["edits"] = sum(t.outcome == "executed" for c in cases for t in c.tried if not is_sample(t.origin))
    return {name: counts[name] for name in names}


def _distinct(cases: Sequence[CaseScore], n: int, sizes: Callable[[CaseScore], Sequence[int]]) -> tuple[float, ...]:
    return tuple(mean(expected_distinct(sizes(c), k, n=c.n) for c in cases) for k in range(1, n + 1))


def _costs(cases: Sequence[CaseScore]) -> dict[str, float]:
    return {
        "samples": mean(c.n for c in cases),
        "tokens": mean(c.tokens for c in cases),
        "prompt_tokens": _mean_known(c.prompt_tokens for c in cases),
        "flops": _mean_known(c.flops for c in cases),
        "seconds": _mean_known(c.seconds for c in cases),
        "joules": _mean_known(c.joules for c in cases),
    }
