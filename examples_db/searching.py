"""Searching by vectors: one maker's index kept up with the table, and the change from one maker to another."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from examples_db.database import Database
from examples_db.embed import Embedder
from examples_db.index import IndexSizes, VectorIndex
from examples_db.progress import Progress
from examples_db.retrieve import Near
from examples_db.schema import FIELDS_RECIPE
from examples_db.vectors import Vectors
from nlq.errors import NlqError, StoreError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

EarlierEmbedder = Callable[[str], Embedder | None]
"""Gives the embedder of that id where it can still be had."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """``inline_most`` changed examples are embedded by the question that meets them, more in the background, ``batch``
    at a time. ``looked_at_most`` vectors are looked at for one question, however few of them may be shown."""

    index: IndexSizes = field(default_factory=IndexSizes)
    inline_most: int = 1024
    batch: int = 128
    looked_at_most: int = 16_384


class Searcher:
    """The index over one maker's vectors. Not for several threads, but for ``near``."""

    def __init__(self, vectors: Vectors, sizes: Sizes) -> None:
        self.vectors = vectors
        self._sizes = sizes
        self._index: VectorIndex | None = None

    @property
    def index(self) -> VectorIndex:
        """As of the last ``refresh``, which comes first."""
        if self._index is None:
            self.refresh()
        assert self._index is not None
        return self._index

    def refresh(self) -> int:
        """Bring the index up to the table, embedding the changes where they are few; returns how many are lacking."""
        if self.vectors.done() is None:  # pruned by processes with other embedders
            self.vectors.open()
            self._index = None
        lacking = self.vectors.lacking()
        if 0 < lacking <= self._sizes.inline_most:
            self._place()
            lacking = 0
        if self._index is None:
            self._index = self.vectors.read_index(self._sizes.index)
        else:
            self.vectors.catch_up(self._index)
        return lacking

    def _place(self) -> None:
        try:
            self.vectors.place_all(batch=self._sizes.inline_most)
        except StoreError as exc:
            # A full disk, or one that others keep writing to: what has its vector is found all the same, and the next
            # question tries again.
            if not isinstance(exc.__cause__, sqlite3.OperationalError):
                raise

    def rebuild(self) -> None:
        """Replace an index that was outgrown; the old one serves meanwhile."""
        self._index = self.vectors.build_index(self._sizes.index)

    def near(self, vector: NDArray[np.float32], *, at_first: int, exclude_index: str | None) -> Iterator[Near]:
        """Examples nearest first, read from the table ``at_first`` vectors at a time while the caller wants more."""
        for ids in self.index.ranked(vector, at_first=4 * at_first, most=self._sizes.looked_at_most):
            for start in range(0, len(ids), at_first):
                yield from self.vectors.near(ids[start : start + at_first], vector, exclude_index=exclude_index)


class Search:
    """Searches with the wanted embedder. While it still has to embed much, one that was used before serves where it can
    be had; else what is embedded already is found. Safe for several threads."""

    def __init__(
        self,
        database: Database,
        embedder: Embedder,
        *,
        mask_fields: bool,
        sizes: Sizes,
        earlier: EarlierEmbedder | None,
        on_progress: Progress | None,
    ) -> None:
        self._wanted = Searcher(Vectors(database, embedder, mask_fields), sizes)
        self._sizes = sizes
        self._earlier = earlier
        self._on_progress = on_progress
        self._using = threading.Lock()
        self._serving: Searcher | None = None
        self._stop = threading.Event()
        self._worker: threading.Thread | None = None
        self.failure: NlqError | None = None

    def current(self) -> Searcher:
        """The one to search with, up to date."""
        with self._using:
            if self._serving is None:
                self._wanted.vectors.open()
                self._serving = self._first()
            lacking = self._serving.refresh()
            if lacking or self._serving is not self._wanted or self._serving.index.outgrown:
                self._start()
            return self._serving

    def embed(self, on_progress: Progress | None) -> int:
        """Give every example its vector of the wanted embedder, now; returns how many got one."""
        vectors = self._wanted.vectors
        vectors.open()
        return vectors.place_all(batch=self._sizes.batch, on_progress=on_progress, stop=self._stop)

    def wait(self) -> None:
        """Until nothing is done in the background; raises what ended it early."""
        if self._worker is not None:
            self._worker.join()
        if self.failure is not None:
            raise self.failure

    def close(self) -> None:
        self._stop.set()
        if self._worker is not None:
            self._worker.join()

    def _first(self) -> Searcher:
        wanted = self._wanted.vectors
        if wanted.lacking() <= self._sizes.inline_most:
            return self._wanted
        for id_, dimension, recipe in wanted.earlier():
            embedder = wanted.embedder if id_ == wanted.embedder.id else self._earlier and self._earlier(id_)
            if embedder and (embedder.id, embedder.dimension) == (id_, dimension):
                vectors = Vectors(wanted.database, embedder, mask_fields=recipe == FIELDS_RECIPE)
                vectors.attach()
                return Searcher(vectors, self._sizes)
        wanted.place(wanted.pending(self._sizes.inline_most))  # something at least
        return self._wanted

    def _start(self) -> None:
        if self._stop.is_set() or (self._worker is not None and self._worker.is_alive()):
            return
        self.failure = None
        self._worker = threading.Thread(target=self._work, name="nlq-embedding", daemon=True)
        self._worker.start()

    def _work(self) -> None:
        try:
            self._wanted.vectors.place_all(batch=self._sizes.batch, on_progress=self._on_progress, stop=self._stop)
            if self._stop.is_set():
                return
            if self._serving is not self._wanted or self._wanted.index.outgrown:
                self._wanted.rebuild()
            with self._using:
                self._serving = self._wanted
            self._wanted.vectors.prune()
        except NlqError as exc:
            self.failure = exc
