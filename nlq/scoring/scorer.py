"""A logistic regression over named features, and how its numbers become probabilities."""

from __future__ import annotations

import json
import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

from nlq.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Scorer:
    """``weights`` per feature and ``bias`` give log-odds; a feature without weight counts nothing, one that a
    candidate lacks is taken as ``means`` has it.

    ``knots`` are pairs (score, share right) of the leaders of held-out questions, both rising: an isotonic regression
    (Zadrozny and Elkan 2002) between whose points is interpolated. Without knots the score is the confidence.
    """

    weights: Mapping[str, float]
    bias: float = 0.0
    means: Mapping[str, float] = field(default_factory=dict)
    knots: tuple[tuple[float, float], ...] = ()

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """From what ``nlq.scoring.train`` wrote; ConfigError where it is something else."""
        try:
            return cls(
                weights={str(k): float(v) for k, v in data["weights"].items()},
                bias=float(data["bias"]),
                means={str(k): float(v) for k, v in data["means"].items()},
                knots=tuple((float(x), float(y)) for x, y in data["knots"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as exc:
            raise ConfigError("The scorer's file holds no weights: train it again with `nlq eval train`.") from exc

    def score(self, features: Mapping[str, float]) -> float:
        """The probability that a candidate with these features is right, in 0..1."""
        odds = self.bias + sum(w * features.get(name, self.means.get(name, 0.0)) for name, w in self.weights.items())
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, odds))))

    def confidence(self, score: float) -> float:
        """How often leaders of that score were right, in 0..1."""
        if not self.knots:
            return score
        after = bisect_right([x for x, _ in self.knots], score)
        if after == 0 or after == len(self.knots):
            return self.knots[min(after, len(self.knots) - 1)][1]
        (x0, y0), (x1, y1) = self.knots[after - 1], self.knots[after]
        return y0 + (y1 - y0) * (score - x0) / (x1 - x0)


def load_scorer(path: Path | None = None) -> Scorer:
    """The scorer of a file that ``nlq eval train`` wrote, None being the one that ships with the package. ConfigError
    where the file cannot be read."""
    try:
        text = (path or files("nlq.scoring") / "scorer.json").read_text(encoding="utf-8")
        return Scorer.of(json.loads(text))
    except OSError as exc:
        raise ConfigError(f"NLQ_SCORER: {path} cannot be read; `nlq eval train DIR --out FILE` makes one.") from exc
    except ValueError as exc:
        raise ConfigError(f"NLQ_SCORER: {path} is not JSON; make it with `nlq eval train`.") from exc
