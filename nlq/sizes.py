"""How many documents a question asks for: one, all of them, or their number alone."""

from __future__ import annotations

import re

from nlq.types import Body

_ONE = re.compile(r"\b(?:1|one|an?|any|single|example|sample|random|first)\b", re.IGNORECASE)
_IN_ORDER = re.compile(
    r"\b(?:\w+est|most|least|worst)\s+(?:\w+\s+)?first\b|\b(?:sort|order|rank)(?:ed|ing)?\s+(?:by|from|in)\b"
    r"|\b(?:ascending|descending|alphabetical(?:ly)?|chronological(?:ly)?)\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"\b(?:how\s+(?:many|much|often)|numbers?|counts?|counted|counting|totals?|amounts?|tally|quantity|frequency)\b"
    r"|^\W*(?:is|are|was|were|do|does|did|has|have|can)\b",
    re.IGNORECASE,
)
_ENGLISH = re.compile(
    r"\b(?:the|by|with|without|which|what|who|whose|list|show|find|give|from|after|before|since|about|that|where)\b",
    re.IGNORECASE,
)

SCORING = frozenset(
    ("match", "match_phrase", "match_phrase_prefix", "multi_match", "query_string", "knn", "more_like_this")
)
"""Clauses that find the best document first."""


def uncut(body: Body, question: str) -> Body:
    """The body without ``size: 1`` where its documents are in no order, or ``question`` asks for an order ("oldest
    first"), and it speaks of no single one.

    A singular ("the title of the book that …") makes models ask for one document, whichever it is.
    """
    if body.get("size") != 1 or any(body.get(key) for key in ("aggs", "aggregations", "knn")):
        return body
    in_order = _IN_ORDER.search(question) if body.get("sort") else None
    arbitrary = in_order or not (body.get("sort") or _scores(body.get("query")))
    if not arbitrary or _ONE.search(_IN_ORDER.sub(" ", question)):
        return body
    return {key: value for key, value in body.items() if key != "size"}


def listed(body: Body, question: str) -> Body:
    """Documents instead of their number alone, where ``question`` (in English) neither asks for a number nor whether
    there are any: "articles by Alan Turing". The number is in the answer either way."""
    bare = body.get("size") == 0 and not body.get("aggs") and not body.get("aggregations")
    if not bare or _NUMBER.search(question) or not _ENGLISH.search(question):
        return body
    return {key: value for key, value in body.items() if key != "size"}


def _scores(query: object) -> bool:
    """Whether full text, which finds the best document first, is in the query."""
    if isinstance(query, list):
        return any(map(_scores, query))
    return isinstance(query, dict) and any(key in SCORING or _scores(value) for key, value in query.items())
