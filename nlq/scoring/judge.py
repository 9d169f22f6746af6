"""Attaches to executed verdicts what the rules choose by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from nlq.grounding import View
from nlq.scoring.features import features
from nlq.scoring.scorer import Scorer
from nlq.signals import signals
from nlq.types import Repair, Verdict


@dataclass(frozen=True, slots=True)
class Judge:
    """Signals and a score for every executed verdict of one question."""

    scorer: Scorer

    def __call__(self, verdicts: Sequence[Verdict], view: View) -> list[Verdict]:
        """The verdicts in their order.

        Scores depend on all verdicts together: after another round, judge all of them again.
        """
        read = _signed(verdicts, view)
        return [
            v if found is None else replace(v, score=self.scorer.score(found))
            for v, found in zip(read, features(read), strict=True)
        ]


def _signed(verdicts: Sequence[Verdict], view: View) -> list[Verdict]:
    """With signals where they have none yet. Candidates of one text share their query, repairs and result, and so their
    signals."""
    known = {_same(v): v.signals for v in verdicts if v.signals}
    out: list[Verdict] = []
    for verdict in verdicts:
        if verdict.result is None or verdict.signals:
            out.append(verdict)
            continue
        if (same := _same(verdict)) not in known:
            known[same] = signals(verdict, view.question, view, total=view.total)
        out.append(replace(verdict, signals=known[same]))
    return out


def _same(verdict: Verdict) -> tuple[int, int, tuple[Repair, ...]]:
    return id(verdict.query), id(verdict.result), verdict.repairs
