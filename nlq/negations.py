"""Values that the question excludes: "not written in English", "other than Fiction", "neither red nor blue".

A small model often demands such a value (in recorded candidates in 10 of 26 places). It is excluded where nothing
stands between the word of negation and the value but an adverb, a participle, prepositions, articles, and other values
with "or" or "nor": whatever else does may be what is negated ("never escalated tickets by Aisha"), and so may a word
that is a condition itself ("not delivered in Spain").
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nlq.narrow import split
from nlq.types import Body, LinkedValue

_NOT = r"(?:\b(?:not|cannot|except(?:\s+for)?|excluding|other\s+than|without|never|non|neither)\b|n['’]t\b)"
_WORDS = r"(?!only\b)\w+ly|\w{2,}ed|\w{2,}en|made|set|be|in|of|by|from|on|at|to|as|with|for|a|an|the|any|its?|their"
_LEAVES = ("term", "match", "match_phrase", "terms")
_DEMANDS = ("filter", "must")


def excluded(body: Body, question: str, links: Sequence[LinkedValue]) -> Body:
    """A copy that excludes the values which ``question`` excludes and the body demands.

    Conditions of the query itself and of a ``bool`` that it is are looked at; ones inside others, or on values that the
    question has twice, stay as they are.
    """
    query = body.get("query")
    if not isinstance(query, dict) or not re.search(_NOT, question, re.IGNORECASE):
        return body
    said = _Said(question, links, query)
    if said.excludes(query):
        return {**body, "query": {"bool": {"must_not": [query]}}}
    content = query.get("bool")
    if list(query) != ["bool"] or not isinstance(content, dict):
        return body
    out: Body = {}
    moved: list[Any] = []
    for key, held in content.items():
        leaves = held if isinstance(held, list) else [held]
        out_of_it = [leaf for leaf in leaves if key in _DEMANDS and said.excludes(leaf)]
        moved += out_of_it
        if kept := [leaf for leaf in leaves if leaf not in out_of_it]:
            out[key] = kept if isinstance(held, list) else held
    if not moved:
        return body
    before = content.get("must_not", [])
    out["must_not"] = [*(before if isinstance(before, list) else [before]), *moved]
    return {**body, "query": {"bool": out}}


class _Said:
    """What ``question`` says of the values that ``query`` demands."""

    def __init__(self, question: str, links: Sequence[LinkedValue], query: Body) -> None:
        self._question = question
        self._links = links
        demanded = {text for leaf in _demanded(query) for value in _values(leaf) for text in self._texts(value)}
        value = "|".join(map(re.escape, sorted(demanded, key=len, reverse=True))) or "(?!)"
        conditions = {word for text in [*(link.text for link in links), *_words(query)] for word in split(text)}
        apart = "|".join(map(re.escape, conditions)) or "(?!)"
        between = rf"(?:(?!(?:{apart})\b)(?:{_WORDS})\s+)*"
        self._before = re.compile(
            rf"{_NOT}[\s-]+{between}(?:(?:{value})\s+(?:or|nor)\s+{between})*[\"'“‘]?$", re.IGNORECASE
        )

    def excludes(self, leaf: Any) -> bool:
        """Whether the question excludes every value of the leaf."""
        values = list(_values(leaf))
        return bool(values) and all(map(self._excluded, values))

    def _excluded(self, value: str) -> bool:
        for text in self._texts(value):
            found = list(re.finditer(rf"(?<!\w){re.escape(text)}(?!\w)", self._question, re.IGNORECASE))
            if found:
                return len(found) == 1 and self._before.search(self._question, 0, found[0].start()) is not None
        return False

    def _texts(self, value: str) -> list[str]:
        """How the question may say the value, the longest first."""
        linked = {link.text for link in self._links if str(link.value).casefold() == value.casefold()}
        return sorted({value, *linked}, key=len, reverse=True)


def _demanded(query: Body) -> Iterator[Any]:
    yield query
    content = query.get("bool")
    if isinstance(content, dict):
        for key in _DEMANDS:
            held = content.get(key, [])
            yield from held if isinstance(held, list) else [held]


def _words(node: Any) -> Iterator[str]:
    """Names of fields and values in a query."""
    if isinstance(node, Mapping):
        for key, held in node.items():
            yield key
            yield from _words(held)
    elif isinstance(node, list):
        for item in node:
            yield from _words(item)
    elif isinstance(node, str):
        yield node


def _values(leaf: Any) -> Iterator[str]:
    """The texts that a leaf compares one field with; none where it is no such leaf."""
    kind = next(iter(leaf), "") if isinstance(leaf, dict) else ""
    content: Any = leaf[kind] if kind in _LEAVES else None
    for spec in content.values() if isinstance(content, dict) else ():
        held = spec.get("value", spec.get("query")) if isinstance(spec, dict) else spec
        yield from (each for each in (held if isinstance(held, list) else [held]) if isinstance(each, str) and each)
