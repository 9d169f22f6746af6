"""Answers that are given again: the same question on an unchanged index asks no model, only the engine."""

from nlq.caching.cache import AnswerCache, Place

__all__ = ["AnswerCache", "Place"]
