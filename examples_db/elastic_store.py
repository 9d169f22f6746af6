"""Examples in Elasticsearch, so that many processes on many machines share them.

One document holds an example with its vectors; ``elastic_documents`` says what else there is. Nothing here needs a
script, a plug-in or a licence.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Self

from examples_db.elastic_documents import MAPPING, example_of, found_by
from examples_db.elastic_index import MOST_FOUND, ExampleIndex
from examples_db.elastic_records import ElasticRecords
from examples_db.elastic_vectors import PatternVectors
from examples_db.embed import Embedder
from examples_db.kept import KeptRecords
from examples_db.retrieve import SHOWN, Near, Ranking, select
from nlq.types import Body, Example, LinkedValue

if TYPE_CHECKING:
    import numpy as np
    from elasticsearch import Elasticsearch
    from numpy.typing import NDArray

    from examples_db.searching import EarlierEmbedder
    from examples_db.vectors import Progress

_WIDTH = 4
"""How many more candidates than hits the graph is searched for: what 8-bit vectors rank wrong comes in again."""


class ElasticStore(KeptRecords):
    """The ExampleStore of nlq that replicas share. May be used by several threads at once.

    What one process wrote holds for all at once; their searches find it within a second.
    """

    def __init__(
        self,
        index: ExampleIndex,
        *,
        embedder: Embedder,
        ranking: Ranking | None = None,
        earlier: EarlierEmbedder | None = None,
        on_progress: Progress | None = None,
    ) -> None:
        self.embedder = embedder
        self.ranking = ranking or Ranking()
        self._index = index
        self._vectors = PatternVectors(embedder, mask_fields=self.ranking.mask_fields)
        self._records = ElasticRecords(index, self._vectors)
        self._serving = self._vectors
        self._earlier = earlier
        self._on_progress = on_progress
        self._embedding = threading.Lock()

    @classmethod
    def open(
        cls,
        client: Elasticsearch,
        *,
        url: str,
        index: str,
        embedder: Embedder,
        ranking: Ranking | None = None,
        earlier: EarlierEmbedder | None = None,
        on_progress: Progress | None = None,
    ) -> Self:
        """The store in that index, made where there is none. It closes ``client``; ``url`` is shown in messages.

        After a change of the embedder, the one that ``earlier`` gives serves until ``warm`` has embedded everything,
        of which ``on_progress`` hears.

        Raises StoreError where the index is not nlq's, of another layout, or Elasticsearch does not answer.
        """
        documents = ExampleIndex(client, url=url, name=index)
        store = cls(documents, embedder=embedder, ranking=ranking, earlier=earlier, on_progress=on_progress)
        try:
            store._prepare()
        except BaseException:
            store.close()
            raise
        return store

    def nearest(
        self,
        question: str,
        k: int,
        *,
        exclude_index: str | None = None,
        values: Iterable[LinkedValue] = (),
        fields: Iterable[str] = (),
    ) -> Sequence[Example]:
        found = self.scored(question, k, exclude_index=exclude_index, values=values, fields=fields)
        return tuple(example for _, example in found)

    def scored(
        self,
        question: str,
        k: int,
        *,
        exclude_index: str | None = None,
        values: Iterable[LinkedValue] = (),
        fields: Iterable[str] = (),
    ) -> Sequence[tuple[float, Example]]:
        """As ``nearest``, each with its cosine to the question, 1 for the same pattern."""
        if k <= 0:
            return ()
        asked, serving = tuple(fields), self._serving
        vector = serving.of_question(question, values=values, fields=asked)
        near = self._near(serving, vector, exclude_index=exclude_index, at_first=self.ranking.pool(k))
        chosen = select(near, k, exclude_index=exclude_index, fields=asked, ranking=self.ranking)
        return tuple((cosine, example) for cosine, example, _ in chosen)

    def warm(self) -> None:
        """Load the embedder, and embed the examples that have no vector of it, as after a change of the embedder or of
        how patterns are made; the others are found meanwhile."""
        self.embedder.encode(["warm"])
        self.embed(self._on_progress)

    def embed(self, on_progress: Progress | None = None) -> int:
        """Give every example its vector now; returns how many got one."""
        with self._embedding:
            done = self._vectors.fill(self._index, on_progress)
            self._serving = self._vectors
            return done

    def close(self) -> None:
        self._index.close()

    def _prepare(self) -> None:
        wanted = self._vectors
        makers = self._index.prepare(MAPPING, vector=wanted.name, maker=wanted.maker, dimension=self.embedder.dimension)
        if self._earlier is None or not (lacking := wanted.lacking(self._index)):
            return
        for name in makers.keys() - {wanted.name}:
            embedder = self._earlier(str(makers[name].get("embedder")))
            vectors = embedder and PatternVectors.of(embedder, makers[name])
            if vectors and (fewer := vectors.lacking(self._index)) < lacking:
                self._serving, lacking = vectors, fewer

    def _near(
        self, vectors: PatternVectors, vector: NDArray[np.float32], *, exclude_index: str | None, at_first: int
    ) -> Iterator[Near]:
        """All that may be shown, nearest first, of equal ones the oldest first; asks for four times as many whenever
        the caller wants more."""
        import numpy as np

        fits: list[Body] = [{"term": {"made": vectors.name}}, {"terms": {"state": sorted(SHOWN)}}]
        left_out: list[Body] = [] if exclude_index is None else [{"term": {"index": exclude_index}}]
        knn = {
            "field": vectors.field,
            "query_vector": vector.tolist(),
            "filter": found_by(*fits, without=left_out),
        }
        size, seen = min(at_first, MOST_FOUND), set[str]()
        while True:
            wide = {**knn, "k": size, "num_candidates": min(_WIDTH * size, MOST_FOUND)}
            found = self._index.search({"knn": wide, "size": size}, vector=vectors.field)
            fresh = [document for document in found if document.id not in seen]
            seen.update(document.id for document in fresh)
            rows = np.array([document.vector for document in fresh], dtype=np.float32).reshape(-1, len(vector))
            # Elasticsearch's own scores are of rounded vectors
            ranked = sorted(zip((-rows @ vector).tolist(), fresh, rows, strict=True), key=lambda r: (r[0], r[1].place))
            yield from (Near(-far, example_of(document), row) for far, document, row in ranked)
            if len(found) < size or size == MOST_FOUND:
                return
            size = min(4 * size, MOST_FOUND)
