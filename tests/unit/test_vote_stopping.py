"""When there is enough: every rule of stopping on the same candidates."""

from __future__ import annotations

from typing import Any

import pytest

from nlq.types import Candidate, Outcome, Result, Verdict
from nlq.vote import STOPS, beta, unanimous, window
from nlq.vote.stopping import sure
from tests.fixtures.vote_verdicts import draw
from tests.support import lines

CASES = lines("vote_stops.jsonl")


@pytest.mark.parametrize("case", CASES, ids=[case["fact"] for case in CASES])
def test_stops(case: dict[str, Any]) -> None:
    verdicts = draw(case["candidates"])

    assert sorted(n for n, stop in STOPS.items() if stop(verdicts, remaining=case["remaining"])) == case["stops"]


@pytest.mark.parametrize(
    ("candidates", "probability"), [("a", 3 / 4), ("a b", 1 / 2), ("a a a a", 31 / 32), ("a a b", 11 / 16)]
)
def test_beta_compares_the_posterior_with_its_threshold(candidates: str, probability: float) -> None:
    assert beta(draw(candidates), remaining=1, threshold=probability - 1e-6)
    assert not beta(draw(candidates), remaining=1, threshold=probability)


def test_a_failed_candidate_counts_for_the_runner_up() -> None:
    for candidates in ("a a a b !", "a a a b b"):
        assert beta(draw(candidates), remaining=1, threshold=0.65)
        assert not beta(draw(candidates), remaining=1, threshold=0.66)


def test_windows_and_starts_are_as_long_as_asked_for() -> None:
    assert window(draw("b a a"), remaining=9, size=2)
    assert not window(draw("b a a"), remaining=9, size=3)
    assert unanimous(draw("a a b"), remaining=9, size=2)
    assert not unanimous(draw("a a b"), remaining=9, size=3)


@pytest.mark.parametrize(
    ("score", "ids", "ends"), [(0.95, "a", True), (0.85, "a", False), (None, "a", False), (0.95, "", False)]
)
def test_a_candidate_that_is_surely_right_ends_the_sampling(score: float | None, ids: str, ends: bool) -> None:
    hits = tuple({"_index": "books", "_id": id_} for id_ in ids)
    verdict = Verdict(Candidate("{}", -0.1), Outcome.EXECUTED, {}, Result(hits, len(hits)), score=score)

    assert sure([verdict], remaining=7) is ends
