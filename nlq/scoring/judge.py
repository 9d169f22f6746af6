"""Attaches to executed verdicts what the rules choose by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from nlq.grounding import View
from nlq.scoring.features import features
from nlq.scoring.scorer import Scorer
from nlq.signals import signals
from nlq.types import Verdict


@dataclass(frozen=True, slots=True)
class Judge:
    """Signals and a score for every executed verdict of one question."""

    scorer: Scorer

    def __call__(self, verdicts: Sequence[Verdict], view: View) -> list[Verdict]:
        """The verdicts in their order.

        Scores depend on all verdicts together: after another round, judge all of them again.
        """
        read = [self._signed(v, view) for v in verdicts]
        return [
            v if found is None else replace(v, score=self.scorer.score(found))
            for v, found in zip(read, features(read), strict=True)
        ]

    def _signed(self, verdict: Verdict, view: View) -> Verdict:
        if verdict.result is None or verdict.signals:
            return verdict
        return replace(verdict, signals=signals(verdict, view.question, view, total=view.total))
