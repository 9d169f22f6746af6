"""Deterministic signs of whether an executed candidate is right, read off its query, its result and the question.

A right query says what the question says and nothing else: its values and fields are in the question, and the
question's numbers and linked values are in it; its result has the shape that the question's words ask for.
"""

from nlq.signals.facts import Facts
from nlq.signals.table import SIGNALS, signals

__all__ = ["SIGNALS", "Facts", "signals"]
