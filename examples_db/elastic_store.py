"""Examples in Elasticsearch, so that many processes on many machines share them.

One document holds an example with its vectors; ``elastic_documents`` says what else there is. Nothing here needs a
script, a plug-in or a licence.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Self

from examples_db.elastic_documents import MAPPING, example_of, found_by, named
from examples_db.elastic_index import MOST_FOUND, ExampleIndex
from examples_db.elastic_records import ElasticRecords
from examples_db.elastic_vectors import PatternVectors
from examples_db.embed import Embedder
from examples_db.found import FoundRecords
from examples_db.pool import Pool
from examples_db.retrieve import SHOWN, Near, Ranking
from nlq.types import Body, LinkedValue

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

    from examples_db.progress import Progress
    from examples_db.searching import EarlierEmbedder

_WIDTH = 4
"""How many more candidates than hits the graph is searched for: what 8-bit vectors rank wrong comes in again."""


class ElasticStore(FoundRecords):
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
        self._pool = Pool(embedder)
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

    def _warm(self) -> None:
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
        self,
        question: str,
        k: int,
        *,
        exclude_index: str | None,
        values: Iterable[LinkedValue],
        fields: tuple[str, ...],
    ) -> Iterator[Near]:
        """Asks for four times as many whenever the caller wants more."""
        import numpy as np

        vectors = self._serving
        vector = vectors.of_question(question, values=values, fields=fields)
        fits: list[Body] = [{"term": {"made": vectors.name}}, {"terms": {"state": sorted(SHOWN)}}]
        knn = {
            "field": vectors.field,
            "query_vector": vector.tolist(),
            "filter": found_by(*fits, without=named(exclude_index)),
        }
        size, seen = min(self.ranking.pool(k), MOST_FOUND), set[str]()
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
