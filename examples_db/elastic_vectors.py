"""Vectors of examples as parts of their documents."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from examples_db.elastic_documents import example_of, found_by, is_example
from examples_db.elastic_index import Document, ExampleIndex
from examples_db.embed import Embedder
from examples_db.mask import mask, pattern_of
from examples_db.progress import Progress, counted
from examples_db.schema import FIELDS_RECIPE, RECIPE
from nlq.types import Body, Example, LinkedValue

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TOGETHER = 200
"""Examples embedded and written in one request."""


class PatternVectors:
    """The vectors that one embedder makes of patterns that are made in one way.

    ``name`` is their field below ``vectors``: each embedder and each way has its own, so that processes with another
    one are served meanwhile. A document's ``made`` lists those of its vectors that are of what it says now.
    """

    def __init__(self, embedder: Embedder, *, mask_fields: bool) -> None:
        self.embedder = embedder
        self._mask_fields = mask_fields
        self.maker: Body = {
            "embedder": embedder.id,
            "dimension": embedder.dimension,
            "recipe": FIELDS_RECIPE if mask_fields else RECIPE,
        }
        self.name = hashlib.sha256(json.dumps(self.maker).encode()).hexdigest()[:16]

    @classmethod
    def of(cls, embedder: Embedder, maker: Mapping[str, Any]) -> Self | None:
        """The vectors that ``maker`` names, where this embedder makes them."""
        vectors = cls(embedder, mask_fields=maker.get("recipe") == FIELDS_RECIPE)
        return vectors if vectors.maker == maker else None

    @property
    def field(self) -> str:
        return f"vectors.{self.name}"

    def fill(self, index: ExampleIndex, on_progress: Progress | None) -> int:
        """Give every example that lacks it a vector of this kind; returns how many. What is changed meanwhile is left
        to whoever changes it."""
        count = 0
        with counted(self.lacking(index), on_progress) as add:
            for some in index.pages(self._lacking, size=TOGETHER):
                self._embed(index, some)
                count = add(len(some))
        return count

    def lacking(self, index: ExampleIndex) -> int:
        """How many examples have no vector of this kind, whoever added them."""
        index.refresh()
        return index.count(self._lacking)

    @property
    def _lacking(self) -> Body:
        return found_by(without=[{"term": {"made": self.name}}])

    def of_question(
        self, question: str, *, values: Iterable[LinkedValue], fields: Iterable[str]
    ) -> NDArray[np.float32]:
        """One vector of length 1."""
        pattern = mask(question, values, fields=fields if self._mask_fields else ())
        row: NDArray[np.float32] = self.embedder.encode([pattern])[0]
        return row

    def of_examples(self, examples: Sequence[Example]) -> list[Body]:
        """The part of each one's document that holds its vector and those of no other embedder."""
        rows = self.embedder.encode([pattern_of(example, mask_fields=self._mask_fields) for example in examples])
        return [{"made": [self.name], "vectors": {self.name: row.tolist()}} for row in rows]

    def _embed(self, index: ExampleIndex, documents: Sequence[Document]) -> None:
        left = list(documents)
        while left:
            rows = self.of_examples([example_of(document) for document in left])
            lines: list[Body] = []
            for document, row in zip(left, rows, strict=True):
                made = [*document.source["made"], self.name]
                lines += [{"update": {"_id": document.id, **document.at}}, {"doc": {**row, "made": made}}]
            there = index.read(list(index.write(lines)))  # those that somebody changed just now
            left = [d for d in there.values() if is_example(d) and self.name not in d.source["made"]]
