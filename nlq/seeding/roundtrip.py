"""A question is asked again: does it lead back to the query it was made with?"""

from __future__ import annotations

from dataclasses import replace

from nlq.errors import InputError, NoAnswerError
from nlq.rounds import Rounds
from nlq.translator import AskOptions, Translator
from nlq.types import Question, Verdict
from nlq.vote import result_key


class RoundTrip:
    """Asks with at most ``n`` candidates, and no more than the vote needs; shows the model no example of the index."""

    def __init__(self, translator: Translator, *, n: int) -> None:
        rounds = Rounds(first=(n + 1) // 2, step=2, stop="decided")
        limits = replace(translator.limits, foreign_shots=True)
        params = translator.params.with_(n=n)
        self._asker = replace(translator, params=params, rounds=rounds, limits=limits, cache=None)
        self._asker.grounding = translator.grounding  # what it knows of the index already

    def differs(self, question: str, index: str, expected: Verdict) -> str | None:
        """None where the answer has the result of ``expected``, else what came instead. Raises BackendError."""
        try:
            answer = self._asker.translate(Question(question, index), AskOptions())
        except NoAnswerError:
            return "asked again, no candidate could be run"
        except InputError as exc:  # a prompt longer than the model's context is a fault of this question only
            return f"asked again: {exc}"
        leader, *others = answer.ballot.groups
        key = result_key(expected)
        if result_key(leader.chosen) == key:
            return None
        right = sum(group.votes for group in others if result_key(group.chosen) == key)
        of = answer.ballot.of
        return f"asked again, {right} of {of} candidates lead back, {leader.votes} say: {answer.readback[:300]}"
