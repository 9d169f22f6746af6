"""How likely a candidate is right."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from nlq.errors import ConfigError, InputError
from nlq.scoring import Scorer, features, load_scorer
from nlq.scoring.train import Sampled, train
from nlq.types import Candidate, Outcome, Result, Signal, Verdict


def _verdict(ids: str, *, logprob: float = -0.1, **more: Any) -> Verdict:
    hits = tuple({"_index": "books", "_id": id_, "_source": {}} for id_ in ids)
    candidate = Candidate(f"{{{ids}}}", logprob, **more)
    return Verdict(candidate, Outcome.EXECUTED, {"query": {"match_all": {}}}, Result(hits, len(hits)))


def test_a_result_that_more_candidates_share_has_more_of_the_vote() -> None:
    first, second, alone = features([_verdict("ab"), _verdict("ba"), _verdict("c")])

    assert first and second and alone
    assert first["share"] == second["share"] == pytest.approx(2 / 3)
    assert alone["lead"] == pytest.approx(-1 / 3)
    assert first["odds"] > 0 > alone["odds"]


def test_an_edit_adds_no_vote_and_is_marked() -> None:
    alone, edit = features([_verdict("a"), _verdict("b", origin="neighbour")])

    assert alone and edit
    assert (alone["share"], edit["share"]) == (1.0, 0.0)
    assert (alone["neighbour"], edit["neighbour"]) == (0.0, 1.0)


def test_what_did_not_execute_has_no_features_but_counts_among_the_votes() -> None:
    failed = Verdict(Candidate("{", -1.0), Outcome.UNPARSED)

    found, none = features([_verdict("a"), failed])

    assert none is None
    assert found and found["share"] == 0.5


def test_signals_are_features() -> None:
    (found,) = features([replace(_verdict("a"), signals=(Signal("grounded", 0.5, "not in the question: 7"),))])

    assert found and found["grounded"] == 0.5


def test_a_missing_feature_is_taken_at_its_mean_and_an_unknown_one_counts_nothing() -> None:
    scorer = Scorer({"share": 2.0}, bias=-1.0, means={"share": 0.5})

    assert scorer.score({}) == scorer.score({"share": 0.5, "colour": 9.0}) == 0.5
    assert scorer.score({"share": 1.0}) == pytest.approx(1 / (1 + math.exp(-1)))


def test_confidence_is_read_between_the_knots_and_level_beyond_them() -> None:
    scorer = Scorer({}, knots=((0.2, 0.1), (0.4, 0.5), (0.8, 0.9)))

    assert [scorer.confidence(x) for x in (0.0, 0.3, 0.8, 1.0)] == pytest.approx([0.1, 0.3, 0.9, 0.9])
    assert Scorer({}).confidence(0.3) == 0.3


def test_the_shipped_scorer_knows_only_features_that_exist() -> None:
    scorer = load_scorer()
    (found,) = features([_verdict("a")])

    from nlq.signals import SIGNALS

    assert found
    assert set(scorer.weights) <= set(found) | set(SIGNALS)
    assert scorer.weights["empty"] < 0 < scorer.weights["share"]
    assert list(scorer.knots) == sorted(scorer.knots)


@pytest.mark.parametrize("data", [{}, {"weights": []}, {"weights": {"a": "x"}, "bias": 0, "means": {}, "knots": []}])
def test_a_file_without_weights_is_told(data: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="nlq eval train"):
        Scorer.of(data)


def _questions(n: int) -> list[Sampled]:
    """Right is what has the signal, whatever the noise says."""
    noise = [(i * 7919 % 101) / 101 for i in range(2 * n)]
    return [
        Sampled(
            f"q{i}",
            f"index{i % 10}",
            ({"sign": 1.0, "noise": noise[i]}, {"sign": 0.0, "noise": noise[-i]}),
            (True, False),
        )
        for i in range(n)
    ]


def test_training_finds_what_tells_right_from_wrong() -> None:
    trained = train(_questions(60))
    scorer = Scorer.of(trained)

    assert scorer.score({"sign": 1.0, "noise": 0.5}) > 0.7
    assert scorer.score({"sign": 0.0, "noise": 0.5}) < 0.3
    assert trained["report"]["held_out_best"] == 1.0
    assert all(0 < y < 1 for _, y in trained["knots"])


def test_training_needs_several_indices() -> None:
    with pytest.raises(InputError, match="5 indices"):
        train([replace(q, index="one") for q in _questions(20)])
