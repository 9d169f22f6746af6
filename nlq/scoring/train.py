"""Trains the scorer on candidates whose rightness is known. Needs scikit-learn (the extra ``eval``)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nlq.errors import InputError, without_extra
from nlq.scoring.scorer import Scorer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FOLDS = 5
STRENGTHS = (0.01, 0.03, 0.1, 0.3, 1.0)
"""Inverse strengths of the L2 penalty that are compared."""


@dataclass(frozen=True, slots=True)
class Sampled:
    """One question: ``features`` and ``right`` per executed candidate. Questions of one ``index`` are held out
    together."""

    case: str
    index: str
    features: tuple[Mapping[str, float], ...]
    right: tuple[bool, ...]


def train(questions: Sequence[Sampled], *, names: Sequence[str] = ()) -> dict[str, Any]:
    """What ``Scorer.of`` reads, with a ``report`` of the training.

    Every question weighs the same, however many candidates it has. The penalty is the one with the smallest log loss
    on held-out questions (``FOLDS`` folds, no index in two of them); the knots are fitted to the scores that held-out
    leaders got, so they are no better than what a new question sees. ``names`` limits the features. Raises InputError
    where right and wrong candidates of enough indices are not there, ConfigError without scikit-learn.
    """
    asked = [q for q in questions if q.features]
    if len({q.index for q in asked}) < FOLDS or len({r for q in asked for r in q.right}) < 2:
        raise InputError(
            f"A scorer needs right and wrong candidates of at least {FOLDS} indices: sample more questions."
        )
    kept = sorted(names or {name for q in asked for f in q.features for name in f})
    compared = {c: list(_held_out(asked, kept, c)) for c in STRENGTHS}
    losses = {c: _log_loss(asked, scores) for c, scores in compared.items()}
    best = min(losses, key=lambda c: losses[c])
    scorer = _fitted(asked, kept, best)
    leaders = [_leader(q, scores) for q, scores in zip(asked, compared[best], strict=True)]
    return {
        "weights": {name: round(w, 5) for name, w in scorer.weights.items()},
        "bias": round(scorer.bias, 5),
        "means": {name: round(m, 5) for name, m in scorer.means.items()},
        "knots": _isotonic(leaders),
        "report": {
            "questions": len(asked),
            "indices": len({q.index for q in asked}),
            "candidates": sum(len(q.features) for q in asked),
            "right": sum(sum(q.right) for q in asked),
            "c": best,
            "held_out_log_loss": round(losses[best], 4),
            "held_out_best": round(sum(right for _, right in leaders) / len(leaders), 4),
            "covered": round(sum(any(q.right) for q in asked) / len(asked), 4),
        },
    }


def _held_out(questions: Sequence[Sampled], names: Sequence[str], c: float) -> Iterator[NDArray[np.float64]]:
    """Scores of each question's candidates by a scorer that saw no question of its index."""
    folds = _folds(questions)
    scorers = [_fitted([q for q in questions if q.index not in fold], names, c) for fold in folds]
    for question in questions:
        yield _scores(question, next(s for s, fold in zip(scorers, folds, strict=True) if question.index in fold))


def _folds(questions: Sequence[Sampled]) -> list[set[str]]:
    """Indices in ``FOLDS`` sets with about as many questions each: the largest first, into the smallest set."""
    counts: dict[str, int] = {}
    for q in questions:
        counts[q.index] = counts.get(q.index, 0) + 1
    folds: list[set[str]] = [set() for _ in range(FOLDS)]
    for index in sorted(counts, key=lambda name: (-counts[name], name)):
        min(folds, key=lambda fold: sum(counts[name] for name in fold)).add(index)
    return [fold for fold in folds if fold]


def _fitted(questions: Sequence[Sampled], names: Sequence[str], c: float) -> Scorer:
    import numpy as np

    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError as exc:
        raise without_extra("Training", "eval") from exc
    rows = [[f.get(name, math.nan) for name in names] for q in questions for f in q.features]
    table = np.asarray(rows, dtype=np.float64)
    present = ~np.isnan(table)
    means = np.where(present, table, 0).sum(axis=0) / np.maximum(present.sum(axis=0), 1)
    filled = np.where(present, table, means)
    spread = filled.std(axis=0)
    spread[spread < 1e-9] = 1.0
    weights = [1 / len(q.features) for q in questions for _ in q.features]
    model = LogisticRegression(C=c * len(questions) / 10, max_iter=5000)
    model.fit((filled - means) / spread, [r for q in questions for r in q.right], sample_weight=weights)
    slopes = model.coef_[0] / spread
    return Scorer(
        weights=dict(zip(names, map(float, slopes), strict=True)),
        bias=float(model.intercept_[0] - (slopes * means).sum()),
        means=dict(zip(names, map(float, means), strict=True)),
    )


def _scores(question: Sampled, scorer: Scorer) -> NDArray[np.float64]:
    import numpy as np

    return np.asarray([scorer.score(f) for f in question.features])


def _log_loss(questions: Sequence[Sampled], scores: Sequence[NDArray[np.float64]]) -> float:
    losses = [
        -sum(math.log(max(p if r else 1 - p, 1e-12)) for p, r in zip(found, q.right, strict=True)) / len(q.right)
        for q, found in zip(questions, scores, strict=True)
    ]
    return sum(losses) / len(losses)


def _leader(question: Sampled, scores: NDArray[np.float64]) -> tuple[float, bool]:
    place = int(scores.argmax())
    return float(scores[place]), question.right[place]


def _isotonic(leaders: Sequence[tuple[float, bool]]) -> list[list[float]]:
    """The corners of the isotonic regression of rightness on score, shrunk towards the overall share by one made-up
    question of each kind, so that no confidence is 0 or 1."""
    from sklearn.isotonic import IsotonicRegression

    scores = [score for score, _ in leaders]
    ends = [(min(scores), False), (min(scores), True), (max(scores), True), (max(scores), False)]
    xs, ys = zip(*sorted([*leaders, *ends]), strict=True)
    fitted = IsotonicRegression(y_min=0.0, y_max=1.0).fit(xs, ys)
    corners = zip(fitted.X_thresholds_, fitted.y_thresholds_, strict=True)
    return [[round(float(x), 4), round(float(y), 4)] for x, y in corners]
