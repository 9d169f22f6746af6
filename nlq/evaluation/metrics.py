"""Numbers of a benchmark run. Pure; what is undefined is NaN."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with the bounds of its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class PowerLaw:
    """c(k) = exp(a·k^b) with the standard errors of both; ``rms`` is the root mean square of what it misses c by."""

    a: float
    b: float
    a_error: float
    b_error: float
    rms: float

    def at(self, k: float) -> float:
        return math.exp(self.a * k**self.b)


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers whose confidence is in (low, high]: how many, their mean confidence, the share that is right."""

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


NO_LAW = PowerLaw(math.nan, math.nan, math.nan, math.nan, math.nan)


def coverage(n: int, right: int, k: int) -> float:
    """The chance that k of n samples, ``right`` of which are right, hold a right one: 1 - C(n - c, k) / C(n, k).

    The unbiased estimator of pass@k (Chen et al. 2021, "Evaluating Large Language Models Trained on Code").
    NaN where k > n.
    """
    return math.nan if k > n or k < 1 else 1 - math.comb(n - right, k) / math.comb(n, k)


def expected_distinct(sizes: Sequence[int], k: int, *, n: int) -> float:
    """How many kinds k of ``n`` things have on average, ``sizes`` saying how many there are of each kind; things
    beyond sum(sizes) are of none.

    Hurlbert's rarefaction (1971, "The Nonconcept of Species Diversity"). NaN where k > n.
    """
    return math.nan if k > n or k < 1 else sum(coverage(n, size, k) for size in sizes)


def mean_interval(values: Sequence[float], *, seed: int = 0) -> Interval:
    """The mean, and the percentile bootstrap over ``values`` (one per case). NaN where any of them is, or none is."""
    import numpy as np
    from scipy.stats import bootstrap

    if not values or any(map(math.isnan, values)):
        return Interval(math.nan, math.nan, math.nan)
    mean = float(np.mean(values))
    if len(set(values)) == 1:
        return Interval(mean, mean, mean)
    rng = np.random.default_rng(seed)
    found = bootstrap((np.asarray(values),), np.mean, n_resamples=RESAMPLES, method="percentile", rng=rng)
    return Interval(mean, float(found.confidence_interval.low), float(found.confidence_interval.high))


def power_law(coverages: Sequence[float]) -> PowerLaw:
    """The law log c ≈ a·k^b fitted to coverage at k = 1, 2, … by least squares on c (Brown et al. 2024, "Large
    Language Monkeys"). Points that are NaN, 0 or 1 are left out; all NaN where fewer than three are left."""
    import numpy as np
    from scipy.optimize import OptimizeWarning, curve_fit

    points = [(k, c) for k, c in enumerate(coverages, start=1) if 0 < c < 1]
    if len(points) < 3:
        return NO_LAW
    ks, cs = (np.array(column, dtype=float) for column in zip(*points, strict=True))
    slope, offset = np.polyfit(np.log(ks), np.log(-np.log(cs)), 1)

    def law(k: NDArray[np.float64], a: float, b: float) -> NDArray[np.float64]:
        return np.exp(a * k**b)

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("error", OptimizeWarning)
        try:
            (a, b), spread = curve_fit(law, ks, cs, p0=(-math.exp(offset), slope))
        except (RuntimeError, OptimizeWarning):
            return NO_LAW
    errors = np.sqrt(np.diag(spread))
    rms = float(np.sqrt(np.mean((np.exp(a * ks**b) - cs) ** 2)))
    return PowerLaw(float(a), float(b), float(errors[0]), float(errors[1]), rms)


def mcnemar(won: int, lost: int) -> float:
    """The two-sided p-value of McNemar's exact test: ``won`` and ``lost`` are the pairs that differ. 1 without any."""
    from scipy.stats import binomtest

    return float(binomtest(won, won + lost).pvalue) if won + lost else 1.0


def reliability(confidences: Sequence[float], right: Sequence[bool], *, bins: int = 10) -> tuple[Bin, ...]:
    """Bins of equal width over 0..1, those without an answer left out; confidence 0 falls into the first."""
    kept: dict[int, list[tuple[float, bool]]] = {}
    for confidence, is_right in zip(confidences, right, strict=True):
        kept.setdefault(max(0, math.ceil(round(confidence * bins, 9)) - 1), []).append((confidence, is_right))
    return tuple(
        Bin(
            low=place / bins,
            high=(place + 1) / bins,
            count=len(members),
            confidence=sum(c for c, _ in members) / len(members),
            accuracy=sum(r for _, r in members) / len(members),
        )
        for place, members in sorted(kept.items())
    )


def calibration_error(bins: Sequence[Bin]) -> float:
    """The expected calibration error: |accuracy - confidence| averaged over the answers in ``bins`` (Guo et al. 2017,
    "On Calibration of Modern Neural Networks"). NaN without any."""
    total = sum(b.count for b in bins)
    return sum(b.count * abs(b.accuracy - b.confidence) for b in bins) / total if total else math.nan


def brier(confidences: Sequence[float], right: Sequence[bool]) -> float:
    """The mean squared difference between confidence and being right (0 or 1). NaN without any."""
    if not confidences:
        return math.nan
    return sum((c - r) ** 2 for c, r in zip(confidences, right, strict=True)) / len(confidences)
