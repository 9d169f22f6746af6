"""Every rule ranks groups of candidates; they differ in what counts."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

from nlq.types import Ballot
from nlq.vote import RULES, best, entropy, mbr, result_key, scored, shares, text, vote, votes, weighted
from tests.fixtures.vote_verdicts import draw, found, said
from tests.support import lines

CASES = [(rule, case) for case in lines("vote_rules.jsonl") for rule in RULES if rule in case]
DRAWS = ("a a b c ! ~d", "ab abc bc xy xy 0 !", "a@0.2 a@0.3 b@0.9 ~c@0.8 0@0.5 !", "a=1 a=2 b=3 b=3 c 0 0 0")


def _leader(ballot: Ballot) -> str:
    return said(ballot.groups[0].chosen)


@pytest.mark.parametrize(("rule", "case"), CASES, ids=[f"{rule}: {case['fact']}" for rule, case in CASES])
def test_the_rule_chooses(rule: str, case: dict[str, Any]) -> None:
    assert _leader(RULES[rule](draw(case["candidates"]))) == case[rule]


@pytest.mark.parametrize("rule", RULES)
def test_no_rule_has_a_leader_where_nothing_executed(rule: str) -> None:
    for candidates in ("", "! !"):
        ballot = RULES[rule](draw(candidates))

        assert (ballot.groups, ballot.confidence, ballot.entropy) == ((), 0, 0)


@pytest.mark.parametrize("candidates", DRAWS)
@pytest.mark.parametrize("rule", RULES)
def test_every_executed_candidate_is_in_one_group_and_of_counts_the_samples(rule: str, candidates: str) -> None:
    verdicts = draw(candidates)
    ballot = RULES[rule](verdicts)

    grouped = [id(v) for g in ballot.groups for v in g.verdicts]
    assert sorted(grouped) == sorted(id(v) for v in verdicts if v.result is not None)
    assert ballot.of == sum(not spec.startswith("~") for spec in candidates.split())
    assert 0 < ballot.confidence <= 1


@pytest.mark.parametrize("candidates", DRAWS)
@pytest.mark.parametrize("rule", [rule for rule in RULES if rule != "first"])
def test_the_order_of_sampling_settles_ties_only(rule: str, candidates: str) -> None:
    chance = random.Random(7)
    specs = [f"{spec}^-0.{place + 1}" for place, spec in enumerate(candidates.split())]  # so that nothing is tied
    leader = result_key(RULES[rule](draw(" ".join(specs))).groups[0].chosen)

    for _ in range(20):
        chance.shuffle(specs)
        assert result_key(RULES[rule](draw(" ".join(specs))).groups[0].chosen) == leader


@pytest.mark.parametrize("rule", [vote, weighted, mbr, text])
def test_failed_candidates_lower_the_confidence(rule: Any) -> None:
    assert rule(draw("a a b")).confidence > rule(draw("a a b !")).confidence


def test_confidence_is_the_leaders_share_of_what_the_rule_counts() -> None:
    assert vote(draw("a a b !")).confidence == 0.5
    assert weighted(draw("a^-1 b^-2 !^-2")).confidence == pytest.approx(math.e / (math.e + 2))
    assert mbr(draw("ab ab a !")).confidence == pytest.approx((1 + 1 + 0.5) / 4)
    assert best(draw("a b b")).confidence == pytest.approx(1 / 3)


def test_with_scores_the_confidence_is_that_of_the_chosen_one() -> None:
    for rule in (best, scored):
        ballot = rule(draw("a@0.4 a@0.6 b@0.3 ~b@0.2"))

        assert ballot.confidence == 0.6
        assert ballot.groups[0].chosen.score == 0.6


def test_an_edit_never_speaks_for_a_group_that_a_sample_is_in_unless_its_score_is_higher() -> None:
    likelier = draw("~a=1^-0.1 ~a=2^-0.1 a=3^-2")

    assert vote(likelier).groups[0].chosen is likelier[2]
    assert best(draw("a=1@0.4 ~a=2@0.5")).groups[0].chosen.candidate.origin == "neighbour"


def test_a_second_look_counts_as_a_sample() -> None:
    ballot = vote([found("a"), found("b", origin="revised"), found("b", origin="revised")])

    assert _leader(ballot) == "b"
    assert ballot.of == 3


def test_a_group_of_edits_has_no_votes_and_no_part_in_the_entropy() -> None:
    ballot = scored(draw("a@0.1 ~b@0.9"))

    assert [votes(g.verdicts) for g in ballot.groups] == [0, 1]
    assert ballot.entropy == 0
    assert ballot.of == 1


def test_entropy_is_in_bits_and_knows_no_empty_groups() -> None:
    assert entropy([1, 1, 1, 1]) == 2
    assert entropy([3, 0]) == 0
    assert entropy([]) == 0


def test_the_share_of_a_candidate_is_that_of_its_result_among_all_samples() -> None:
    assert shares(draw("a a b ! ~a ~c")) == (0.5, 0.5, 0.25, 0, 0.5, 0)
    assert shares(draw("~a")) == (0,)
    assert shares([]) == ()
