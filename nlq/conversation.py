"""A question that goes on from an answer: the last question and its query become a part of the prompt."""

from __future__ import annotations

from nlq.errors import InputError
from nlq.json_schema import Schema, minified
from nlq.policy import check_shape
from nlq.types import Example
from nlq.verify import check
from nlq.written import as_written

MOST_QUERY_CHARS = 3000
"""Of a query that the model is shown; about a thousand tokens."""


def shown(previous: Example, accepted: Schema, *, max_results: int) -> Example:
    """``previous`` as the model is shown it: its query as a person would have written it.

    It may come from anybody: raises InputError where its query could not run on an index of the schema ``accepted``.
    """
    refusal = check_shape(previous.query) or check(previous.query, accepted)  # in this order: the second recurses
    if refusal:
        raise InputError(f"The previous query cannot be gone on from: {refusal.reason.rstrip('.')}.")
    query = {key: value for key, value in previous.query.items() if key != "track_total_hits"}
    written = as_written(query, max_results=max_results)
    if len(minified(written)) > MOST_QUERY_CHARS:
        raise InputError("The previous query is too long to go on from: ask for everything in one new question.")
    return Example(previous.question, written, previous.index)


def together(previous: Example | None, question: str) -> str:
    """What is meant by ``question``: its words, and those it goes on from."""
    return f"{previous.question}; {question}" if previous else question
