"""A scorer trained on scored runs."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from nlq.errors import ConfigError, InputError
from nlq.evaluation.run import Folder
from nlq.evaluation.scores import CaseScore, Scores, Tried, write_scores
from nlq.evaluation.training import train_on, write_scorer
from nlq.scoring import load_scorer

RIGHT = Tried("{a}", "executed", right=True, logprob=-0.1, group=0, signals={"grounded": 1.0})
WRONG = Tried("{b}", "executed", right=False, logprob=-0.2, group=1, signals={"grounded": 0.2})
FAILED = Tried("{", "unparsed", right=False)


def _run(path: Path, case: CaseScore) -> Path:
    path.mkdir()
    cases = tuple(replace(case, id=f"c{i}", index=f"index{i % 7}", half="ab"[i % 2]) for i in range(32))
    write_scores(Folder(path).scores, Scores("best", 1, cases))
    return path


@pytest.fixture
def case() -> CaseScore:
    return CaseScore(
        set="books",
        id="",
        index="",
        group="",
        half="a",
        question="?",
        gold={},
        tried=(RIGHT, WRONG, FAILED),
        greedy=None,
        chosen={},
        precision={},
        stops={},
    )


def test_a_trained_scorer_is_written_and_read_again(tmp_path: Path, case: CaseScore) -> None:
    trained = train_on([_run(tmp_path / "run", case)], half="a")
    write_scorer(tmp_path / "scorer.json", trained)
    scorer = load_scorer(tmp_path / "scorer.json")

    assert trained["report"]["questions"] == 16
    assert scorer.score({"grounded": 1.0}) > scorer.score({"grounded": 0.2})
    assert not any(math.isnan(w) for w in scorer.weights.values())


def test_a_run_without_executed_candidates_trains_nothing(tmp_path: Path, case: CaseScore) -> None:
    with pytest.raises(InputError, match="sample more"):
        train_on([_run(tmp_path / "run", replace(case, tried=(FAILED,)))])


@pytest.mark.parametrize("content", [None, "no json", json.dumps({"weights": 1})])
def test_a_scorer_file_that_cannot_be_used_is_told_with_the_command_that_makes_one(
    tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "scorer.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")

    with pytest.raises(ConfigError, match="nlq eval train"):
        load_scorer(path)
