"""The fast stage: rules and stops are replayed on what was sampled."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from nlq.errors import InputError
from nlq.evaluation.cases import read_set
from nlq.evaluation.recorded import Recorded
from nlq.evaluation.samples import Sampled
from nlq.evaluation.scores import CaseScore, Scores, read_scores, write_scores
from nlq.evaluation.scoring import Plan, score, sizes
from nlq.grounding import View
from nlq.translator import Translator
from nlq.types import Candidate, SamplingParams, Verdict
from nlq.vote import RULES, STOPS
from tests.fakes.benchmark import ALL, COUNT, NONE, write_set
from tests.fakes.engine import FakeEngine
from tests.fakes.store import FakeStore

BROKEN = "{"


def _score(
    folder: Path, texts: Sequence[str], *, greedy: str | None = None, translator: Translator | None = None
) -> CaseScore:
    translator = translator or _translator()
    candidates = tuple(Candidate(text, -0.5, tokens=10) for text in texts)
    sampled = Sampled("1", candidates, greedy=Candidate(greedy, -0.1) if greedy else None)
    [found] = score([read_set(write_set(folder / "books"))], translator, {"books": {"1": sampled}}, Plan())
    return found


def _translator() -> Translator:
    return Translator(FakeEngine(), Recorded(iter(())), FakeStore(), params=SamplingParams(n=3))


def test_only_what_was_sampled_is_scored_with_every_rule_and_stop(tmp_path: Path) -> None:
    found = _score(tmp_path, [COUNT, COUNT, ALL])

    assert [t.right for t in found.tried] == [True, True, False]
    assert found.chosen.keys() == RULES.keys()
    assert found.stops.keys() == STOPS.keys()
    assert found.chosen["vote"].right
    assert (found.hits, found.n, found.tokens) == (2, 3, 30)


def test_candidates_say_how_far_they_came(tmp_path: Path) -> None:
    found = _score(tmp_path, [COUNT, NONE, BROKEN])

    assert [(t.outcome, t.empty, t.group) for t in found.tried] == [
        ("executed", False, 0),
        ("executed", True, 1),
        ("unparsed", False, None),
    ]
    assert found.tried[2].reason


def test_no_candidate_that_runs_is_no_answer(tmp_path: Path) -> None:
    found = _score(tmp_path, [BROKEN, BROKEN])

    assert not found.chosen["vote"].answered
    assert not found.chosen["vote"].right
    assert found.results == ()


def test_nothing_sampled_is_no_answer(tmp_path: Path) -> None:
    assert _score(tmp_path, []).n == 0


@pytest.mark.parametrize(("text", "right"), [(COUNT, True), (ALL, False), (NONE, False), (None, None)])
def test_the_greedy_candidate_is_judged_apart(tmp_path: Path, text: str | None, right: bool | None) -> None:
    found = _score(tmp_path, [COUNT, ALL], greedy=text)

    assert found.greedy is right
    assert found.n == 2


def test_precision_at_one_is_the_mean_over_the_samples_and_at_all_the_choice(tmp_path: Path) -> None:
    by_k = _score(tmp_path, [COUNT, COUNT, COUNT, ALL]).precision["vote"]

    assert by_k == {1: 0.75, 2: pytest.approx(by_k[2]), 4: 1.0}
    assert 0.5 <= by_k[2] <= 1


def test_queries_and_results_are_counted_by_kind(tmp_path: Path) -> None:
    spelled = '{"query":{"bool":{"must_not":[{"terms":{"shelf":["Travel","Poetry"]}}]}},"size":0}'
    found = _score(tmp_path, [COUNT, COUNT, spelled, ALL, BROKEN])

    assert found.queries == (2, 1, 1, 1)
    assert found.results == (3, 1)


def test_a_stopping_rule_takes_fewer_samples_where_they_agree(tmp_path: Path) -> None:
    agreed = _score(tmp_path / "a", [COUNT] * 12)
    split = _score(tmp_path / "b", [COUNT, ALL] * 6)

    assert (agreed.stops["beta"].samples, agreed.stops["beta"].right) == (4, True)
    assert split.stops["beta"].samples == 12


def test_scores_are_those_of_the_candidates_that_count_at_k(tmp_path: Path) -> None:
    judged: list[int] = []

    def judge(verdicts: Sequence[Verdict], view: View) -> Sequence[Verdict]:
        assert view.question == "How many crime books?"
        judged.append(len(verdicts))
        return [replace(v, score=float(v.candidate.text == COUNT)) for v in verdicts]

    found = _score(tmp_path, [ALL, ALL, COUNT, ALL], translator=replace(_translator(), judge=judge))

    assert found.chosen["best"].right
    assert {1, 2, 4} <= set(judged)
    assert found.precision["best"][1] == 0.25
    assert [t.score for t in found.tried] == [0, 0, 1, 0]


def test_edits_are_made_anew_and_count_as_no_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def edits(verdicts: Sequence[Verdict], *_: object, **__: object) -> tuple[Candidate, ...]:
        return (Candidate(COUNT, verdicts[0].candidate.logprob, origin="neighbour", edit="dropped"),)

    monkeypatch.setattr("nlq.translator.neighbour_candidates", edits)
    translator = _translator()
    translator.limits = replace(translator.limits, neighbours=1)
    found = _score(tmp_path, [ALL, NONE], translator=translator)

    assert [t.origin for t in found.tried] == ["sampled", "sampled", "neighbour"]
    assert (found.n, found.hits) == (2, 0)
    assert found.tried[2].right


@pytest.mark.parametrize(("n", "ks"), [(0, ()), (1, (1,)), (6, (1, 2, 4, 6)), (16, (1, 2, 4, 8, 16))])
def test_sizes_are_powers_of_two_and_the_whole(n: int, ks: tuple[int, ...]) -> None:
    assert sizes(n) == ks


def test_scores_are_read_as_they_were_written(tmp_path: Path) -> None:
    scores = Scores("vote", 8, (_score(tmp_path, [COUNT, NONE, BROKEN], greedy=COUNT),))
    write_scores(tmp_path / "scores.json", scores)
    back = read_scores(tmp_path / "scores.json")
    [case], [before] = back.cases, scores.cases

    assert math.isnan(case.seconds)
    assert replace(case, **_UNKNOWN) == replace(before, **_UNKNOWN)


_UNKNOWN = {"seconds": 0.0, "joules": 0.0, "prompt_tokens": 0.0, "flops": 0.0}


@pytest.mark.parametrize("content", [None, "[]", '{"select": "vote", "subsets": 8, "cases": [{}]}'])
def test_without_scores_the_command_that_makes_them_is_named(tmp_path: Path, content: str | None) -> None:
    if content:
        (tmp_path / "scores.json").write_text(content)

    with pytest.raises(InputError, match="nlq eval score"):
        read_scores(tmp_path / "scores.json")
