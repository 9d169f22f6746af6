"""Numbers of a run, held to values worked out by hand or by counting."""

from __future__ import annotations

import itertools
import math

import pytest

from nlq.evaluation.metrics import (
    brier,
    calibration_error,
    coverage,
    expected_distinct,
    mcnemar,
    mean_interval,
    power_law,
    reliability,
)


@pytest.mark.parametrize("k", range(1, 7))
@pytest.mark.parametrize("right", range(7))
def test_coverage_is_the_share_of_all_subsets_that_hold_a_right_sample(right: int, k: int) -> None:
    subsets = list(itertools.combinations([True] * right + [False] * (6 - right), k))

    assert coverage(6, right, k) == pytest.approx(sum(map(any, subsets)) / len(subsets))


def test_coverage_of_more_than_there_are_is_not_known() -> None:
    assert math.isnan(coverage(4, 2, 5))


@pytest.mark.parametrize("k", range(1, 6))
def test_distinct_kinds_are_counted_over_all_subsets(k: int) -> None:
    subsets = list(itertools.combinations("aabc-", k))
    counted = sum(len(set(subset) - {"-"}) for subset in subsets) / len(subsets)

    assert expected_distinct([2, 1, 1], k, n=5) == pytest.approx(counted)


def test_an_interval_holds_the_mean_and_is_the_same_again() -> None:
    interval = mean_interval([0.0, 1.0] * 20)

    assert interval == mean_interval([0.0, 1.0] * 20)
    assert interval.low < interval.mean == 0.5 < interval.high
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * math.sqrt(0.25 / 40), rel=0.15)


@pytest.mark.parametrize(("values", "width"), [([1.0, 1.0], 0.0), ([], math.nan), ([1.0, math.nan], math.nan)])
def test_an_interval_of_equal_values_has_no_width_and_of_unknown_ones_none_is_known(
    values: list[float], width: float
) -> None:
    interval = mean_interval(values)

    assert interval.high - interval.low == pytest.approx(width, nan_ok=True)


def test_a_power_law_is_found_again() -> None:
    law = power_law([math.exp(-1.2 * k**-0.6) for k in range(1, 17)])

    assert (law.a, law.b) == pytest.approx((-1.2, -0.6), abs=1e-4)
    assert law.rms == pytest.approx(0, abs=1e-6)
    assert law.at(4) == pytest.approx(math.exp(-1.2 * 4**-0.6), abs=1e-4)


def test_a_power_law_with_noise_misses_by_about_the_noise() -> None:
    law = power_law([math.exp(-(k**-0.5)) + (0.01 if k % 2 else -0.01) for k in range(1, 17)])

    assert law.b == pytest.approx(-0.5, abs=5 * law.b_error)
    assert law.rms == pytest.approx(0.01, rel=0.2)


@pytest.mark.parametrize("curve", [[], [1.0] * 8, [0.0] * 8, [0.5, 0.7], [math.nan] * 8])
def test_a_curve_without_three_points_has_no_law(curve: list[float]) -> None:
    assert math.isnan(power_law(curve).b)


@pytest.mark.parametrize(("won", "lost", "p"), [(0, 0, 1), (1, 0, 1), (5, 0, 0.0625), (9, 3, 0.14599609375), (3, 3, 1)])
def test_mcnemars_test_is_the_binomial_one_on_pairs_that_differ(won: int, lost: int, p: float) -> None:
    assert mcnemar(won, lost) == pytest.approx(p)
    assert mcnemar(lost, won) == pytest.approx(p)


def test_bins_hold_their_upper_bound_and_empty_ones_are_left_out() -> None:
    bins = reliability([0.0, 0.1, 0.3, 0.31, 1.0], [False, True, True, False, True])

    assert [(b.low, b.high, b.count) for b in bins] == [(0.0, 0.1, 2), (0.2, 0.3, 1), (0.3, 0.4, 1), (0.9, 1.0, 1)]


def test_the_calibration_error_weighs_bins_by_their_answers() -> None:
    bins = reliability([0.8, 0.8, 0.8, 0.8, 0.5], [True, True, True, False, False])

    assert calibration_error(bins) == pytest.approx((4 * 0.05 + 1 * 0.5) / 5)


def test_the_brier_score_is_the_mean_square() -> None:
    assert brier([1.0, 0.5], [True, False]) == pytest.approx(0.125)


def test_without_answers_calibration_is_not_known() -> None:
    assert math.isnan(brier([], []))
    assert math.isnan(calibration_error(reliability([], [])))
