"""How many documents a question asks for."""

from __future__ import annotations

import re

from nlq.types import Body

_ONE = re.compile(r"\b(?:1|one|an?|any|single|example|sample|random|first)\b", re.IGNORECASE)

SCORING = frozenset(
    ("match", "match_phrase", "match_phrase_prefix", "multi_match", "query_string", "knn", "more_like_this")
)
"""Clauses that find the best document first."""


def uncut(body: Body, question: str) -> Body:
    """The body without ``size: 1`` where its documents are in no order and ``question`` speaks of no single one.

    A singular ("the title of the book that …") makes models ask for one document, whichever it is.
    """
    arbitrary = body.get("size") == 1 and not any(body.get(key) for key in ("sort", "aggs", "aggregations", "knn"))
    if not arbitrary or _scores(body.get("query")) or _ONE.search(question):
        return body
    return {key: value for key, value in body.items() if key != "size"}


def _scores(query: object) -> bool:
    """Whether full text, which finds the best document first, is in the query."""
    if isinstance(query, list):
        return any(map(_scores, query))
    return isinstance(query, dict) and any(key in SCORING or _scores(value) for key, value in query.items())
