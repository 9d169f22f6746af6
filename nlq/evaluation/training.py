"""The scorer's training set, read from scored runs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nlq.evaluation.run import Folder
from nlq.evaluation.scores import CaseScore, read_scores
from nlq.scoring.features import Trait, features_of
from nlq.scoring.train import Sampled, train


def train_on(folders: Sequence[Path], *, half: str | None = None) -> dict[str, Any]:
    """What ``nlq.scoring.train`` makes of all cases (of one half) that these folders hold scores of; raises as it
    does."""
    cases = [case for folder in folders for case in read_scores(Folder(folder).scores).cases]
    return train([_sampled(case) for case in cases if half in (None, case.half)])


def write_scorer(path: Path, trained: Mapping[str, Any]) -> None:
    """As JSON, which ``NLQ_SCORER`` names and ``Scorer.of`` reads."""
    path.write_text(json.dumps(trained, indent=1) + "\n", encoding="utf-8")


def _sampled(case: CaseScore) -> Sampled:
    found = features_of([Trait(t.group, t.logprob, t.origin, t.signals) for t in case.tried])
    kept = [(f, t.right) for f, t in zip(found, case.tried, strict=True) if f is not None]
    return Sampled(case.id, f"{case.set}/{case.index}", tuple(f for f, _ in kept), tuple(right for _, right in kept))
