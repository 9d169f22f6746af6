"""How likely each candidate is right, read from its signals and its agreement with the others.

A logistic regression, trained on verified samples by ``nlq.scoring.train`` and shipped as ``scorer.json``: names of
features, their weights, and what the training saw. Nothing is learnt while questions are answered.
"""

from nlq.scoring.features import features
from nlq.scoring.judge import Judge
from nlq.scoring.scorer import Scorer, load_scorer

__all__ = ["Judge", "Scorer", "features", "load_scorer"]
