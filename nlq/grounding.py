"""What one question needs to know of its index: the fields near it, the values and days it names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import TypeVar

from nlq.json_schema import Schema
from nlq.narrow import FieldNames
from nlq.periods import Period, periods
from nlq.ports import Embedder, Engine
from nlq.query_schema import DATE, VECTOR, accepted_schema, decoded_schema
from nlq.timings import Clock
from nlq.types import Body, IndexSchema, LinkedValue, Result
from nlq.values import SHOWN, Catalog, Kind, Lookup, Seen, link, lookup

_Value = TypeVar("_Value")

LISTING_SECONDS = 300.0
LINKING_SECONDS = 1.0
MOST_KEPT = 64
_COUNT: Body = {"size": 0, "track_total_hits": True}


@dataclass(frozen=True, slots=True)
class View:
    """An index as one question sees it. ``near`` holds the fields that the model is shown, which are others for each
    question where they are ``narrowed``; ``seen`` what is known of the values, ``now`` the moment that relative dates
    count from, ``total`` how many documents there are (None: the engine did not say)."""

    question: str
    index: IndexSchema
    near: IndexSchema
    seen: Seen
    values: tuple[LinkedValue, ...]
    periods: tuple[Period, ...]
    now: datetime
    total: int | None = None
    narrowed: bool = False

    @property
    def accepted(self) -> Schema:
        return _accepted(self.index)

    @property
    def decoded(self) -> Schema:
        return _decoded(self.near)


@dataclass(slots=True)
class Grounding:
    """Looks questions up. Keeps the values of an index for LISTING_SECONDS, and the vectors of its fields' names."""

    engine: Engine
    embedder: Embedder | None
    clock: Clock
    now: Callable[[], datetime]
    most_fields: int
    kinds: frozenset[Kind] = SHOWN
    _listings: dict[IndexSchema, tuple[float, Catalog]] = field(default_factory=dict)
    _names: dict[IndexSchema, FieldNames] = field(default_factory=dict)

    def view(self, question: str, index: IndexSchema) -> View:
        """One engine call. What the engine does not answer in time links nothing. Raises what it raises."""
        seen, total = self._seen(question, index)
        values = link(question, index, seen, kinds=self.kinds)
        now = self.now()
        dated = any(f.kind in DATE for f in index.fields)
        near = self._names_of(index).narrow(question, most=self.most_fields, keep=[v.field for v in values])
        return View(
            question=question,
            index=index,
            near=self._searchable(near),
            seen=seen,
            values=values,
            periods=periods(question, now.date()) if dated else (),
            now=now,
            total=total,
            narrowed=len(near.fields) < len(index.fields),
        )

    def _seen(self, question: str, index: IndexSchema) -> tuple[Seen, int | None]:
        at, listing = self._listings.get(index, (0.0, None))
        fresh = listing if self.clock() - at <= LISTING_SECONDS else None
        asked: Lookup = lookup(question, index, kept=fresh, kinds=self.kinds)
        counted, *results = self.engine.search(index.index, [_COUNT, *asked.bodies], timeout=LINKING_SECONDS)
        seen = asked.read(results)
        if fresh is None and seen.listing is not None:
            _keep(self._listings, index, (self.clock(), seen.listing))
        return seen, counted.total if isinstance(counted, Result) else None

    def _names_of(self, index: IndexSchema) -> FieldNames:
        return self._names.get(index) or _keep(self._names, index, FieldNames(index, self.embed))

    def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """Vectors of the texts; all alike without an embedder, when shared words alone make a field near."""
        return self.embedder.encode(texts).tolist() if self.embedder else [[0.0]] * len(texts)

    def _searchable(self, index: IndexSchema) -> IndexSchema:
        """Without the vectors that no text of ours can be compared with."""
        vectors = [f for f in index.fields if f.kind in VECTOR]
        dims = self.embedder.dimension if vectors and self.embedder else None
        unfit = {f.name for f in vectors if dims is None or f.dims != dims}
        return replace(index, fields=tuple(f for f in index.fields if f.name not in unfit)) if unfit else index


def _keep(kept: dict[IndexSchema, _Value], index: IndexSchema, value: _Value) -> _Value:
    if len(kept) >= MOST_KEPT:
        kept.clear()
    kept[index] = value
    return value


@lru_cache(maxsize=MOST_KEPT)
def _accepted(index: IndexSchema) -> Schema:
    return accepted_schema(index)


@lru_cache(maxsize=MOST_KEPT)
def _decoded(index: IndexSchema) -> Schema:
    return decoded_schema(index)
