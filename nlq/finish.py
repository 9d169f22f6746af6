"""From an accepted body to the one that runs: values repaired, dates fixed, sizes filled, texts turned into vectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nlq.bounds import as_worded
from nlq.canonical import canonical
from nlq.compared import compared
from nlq.dates import grounded, whole_periods
from nlq.grounding import View
from nlq.negations import excluded
from nlq.open_ends import open_ended
from nlq.partial import tolerant
from nlq.placed import placed
from nlq.presence import present
from nlq.ranking import counted, grouped, ordered, ranked, tallied
from nlq.sizes import listed, uncut
from nlq.types import Body, IndexSchema, LinkedValue, Repair
from nlq.values import repair
from nlq.verify import complete

Encode = Callable[[Sequence[str]], Sequence[Sequence[float]]]
"""Texts become vectors."""


@dataclass(frozen=True, slots=True)
class Finish:
    """Makes bodies of one question ready to run. The order matters: values are repaired while terms are terms, and
    what the index's parts lack is last, when every clause is there. Without ``encode`` texts stay in the place of
    vectors, and the engine refuses them. Only where the view has a question is the body a model's guess, whose shape
    is mended; what a person wrote keeps it."""

    view: View
    max_results: int
    encode: Encode | None = None

    def __call__(self, body: Body) -> tuple[Body, tuple[Repair, ...]]:
        """The body as it runs, and the values that were replaced."""
        index = self.view.index
        asked = self.view.question
        right = mended(body, asked, index=index, links=self.view.values) if asked else body
        repaired, repairs = repair(right, self.view.seen, index=index, links=self.view.values)
        dated = grounded(whole_periods(canonical(repaired, index), index), index, self.view.now)
        ready = tolerant(complete(dated, max_results=self.max_results), index)
        return (with_vectors(ready, self.encode) if self.encode else ready), repairs


def mended(body: Body, question: str, *, index: IndexSchema, links: Sequence[LinkedValue] = ()) -> Body:
    """The body without what models get wrong though the question says it plainly."""
    found = present(placed(excluded(body, question, links), question, index, links), question)
    bounded = as_worded(open_ended(compared(found, question, index), question), question)
    groups = tallied(grouped(bounded, question, index), question, index)
    in_order = ordered(counted(groups, question, index), question)
    return ranked(listed(uncut(in_order, question), question), index)


def with_vectors(body: Body, encode: Encode) -> Body:
    """The body with every text under ``query_vector`` of a knn clause embedded; the text stays as the clause's name."""
    texts = list(dict.fromkeys(_texts(body)))
    if not texts:
        return body
    vectors = dict(zip(texts, encode(texts), strict=True))
    embedded: Body = _embedded(body, vectors)
    return embedded


def _texts(node: Any) -> list[str]:
    if isinstance(node, list):
        return [text for item in node for text in _texts(item)]
    if not isinstance(node, dict):
        return []
    own = [node["query_vector"]] if _asks(node) else []
    return own + [text for value in node.values() for text in _texts(value)]


def _embedded(node: Any, vectors: Mapping[str, Sequence[float]]) -> Any:
    if isinstance(node, list):
        return [_embedded(item, vectors) for item in node]
    if not isinstance(node, dict):
        return node
    out = {key: _embedded(value, vectors) for key, value in node.items()}
    if _asks(node):
        text = node["query_vector"]
        out |= {"query_vector": [round(number, 6) for number in vectors[text]], "_name": text}
    return out


def _asks(node: Mapping[str, Any]) -> bool:
    return isinstance(node.get("query_vector"), str) and isinstance(node.get("field"), str)
