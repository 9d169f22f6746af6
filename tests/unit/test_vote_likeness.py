"""Results agree more or less; how much does not depend on which of them comes first."""

from __future__ import annotations

import random
from itertools import product
from typing import Any

import pytest

from nlq.types import Verdict
from nlq.vote import likeness, result_key
from tests.fixtures.vote_verdicts import FAILED, executed, found
from tests.support import lines

CASES = lines("vote_likeness.jsonl")
SEEDS = range(3)


@pytest.mark.parametrize("case", CASES, ids=[case["fact"] for case in CASES])
def test_results_are_alike(case: dict[str, Any]) -> None:
    one, other = executed(*case["one"]), executed(*case["other"])

    assert likeness(one, other) == pytest.approx(case["likeness"])
    assert likeness(other, one) == pytest.approx(case["likeness"])


def _some(chance: random.Random) -> Verdict:
    """Documents, a count, numbers or buckets, small enough that equal ones come up."""
    ids = chance.sample("abc", chance.randint(0, 3))
    value = chance.choice([None, 0, 1.5, 1.5 + 1e-12, -2])
    buckets = [{"key": i, "doc_count": chance.randint(0, 2), "v": {"value": value}} for i in ids]
    terms = {"terms": chance.choice([{}, {"order": {"v": "asc"}}]), "aggs": {"v": {"avg": {}}}}
    return executed(
        *chance.choice(
            [
                ({"sort": chance.choice([[], ["x"]])}, {"ids": ids}),
                ({"size": 0}, {"total": len(ids)}),
                ({"aggs": {"v": {"avg": {}}}}, {"aggregations": {"v": {"value": value}}}),
                ({"aggs": {"g": terms}}, {"aggregations": {"g": {"buckets": buckets}}}),
                (
                    {"aggs": {"f": {"filter": {}, "aggs": {"g": terms}}}},
                    {"aggregations": {"f": {"doc_count": len(ids), "g": {"buckets": buckets}}}},
                ),
            ]
        )
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_likeness_is_symmetric_between_0_and_1_and_1_for_equal_results(seed: int) -> None:
    chance = random.Random(seed)
    some = [_some(chance) for _ in range(25)]
    equal = 0

    for one, other in product(some, some):
        like = likeness(one, other)
        assert 0 <= like <= 1
        assert likeness(other, one) == pytest.approx(like)
        if result_key(one) == result_key(other):
            assert like == 1
            equal += one is not other
    assert equal


def test_a_failed_candidate_is_like_none() -> None:
    with pytest.raises(ValueError, match="executed"):
        likeness(found("a"), FAILED)
