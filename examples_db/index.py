"""Nearest vectors of length 1 by their cosines: compared with all of them where they are few, with those of the nearest
of many cells (an inverted file of 8-bit codes of their principal components) where they are many.

What it finds are ids to look up: scores are the caller's to compute from the vectors that are the truth.
"""

from __future__ import annotations

import hashlib
import math
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Chunk = tuple["NDArray[np.int64]", "NDArray[np.float32]"]
"""Ids and as many rows."""


@dataclass(frozen=True, slots=True)
class IndexSizes:
    """``flat_most`` vectors are compared one by one; of more there are cells, ``cells`` times the square root of their
    number, and ``probes`` of these are searched at first. ``trained_per_cell`` vectors are read to place a cell, and to
    find the ``components`` that are kept of each."""

    flat_most: int = 10_000
    cells: float = 4.0
    probes: int = 160
    components: int = 256
    trained_per_cell: int = 30


class VectorIndex:
    """FAISS with ids that rise, safe for several threads. ``last`` is the largest id in it."""

    def __init__(self, vectors: Any, ids: list[NDArray[np.int64]], *, sizes: IndexSizes) -> None:
        self._vectors = vectors
        self._cells = _faiss().try_extract_index_ivf(vectors)
        self._ids = ids
        self._sizes = sizes
        self._using = threading.Lock()
        self._trained = self.size

    @classmethod
    def build(
        cls,
        dimension: int,
        *,
        count: int,
        chunks: Iterable[Chunk],
        sample: Callable[[int], NDArray[np.float32]],
        sizes: IndexSizes,
    ) -> VectorIndex:
        """Of about ``count`` vectors in ``chunks``; ``sample`` gives about so many of them to learn cells from."""
        faiss = _faiss()
        if count <= sizes.flat_most:
            vectors: Any = faiss.IndexFlatIP(dimension)
        else:
            cells = max(1, int(sizes.cells * math.sqrt(count)))
            vectors = _untrained(dimension, cells=cells, sizes=sizes)
            vectors.train(sample(cells * sizes.trained_per_cell))
        index = cls(vectors, [], sizes=sizes)
        for ids, rows in chunks:
            index.add(ids, rows)
        index._trained = index.size
        return index

    @property
    def size(self) -> int:
        return int(self._vectors.ntotal)

    @property
    def last(self) -> int:
        return int(self._ids[-1][-1]) if self._ids else 0

    @property
    def flat(self) -> bool:
        return self._cells is None

    @property
    def outgrown(self) -> bool:
        """Whether building it again would serve better: it holds twice of what a flat one should, or made the cells."""
        return self.size > (2 * self._sizes.flat_most if self.flat else 2 * self._trained)

    def add(self, ids: NDArray[np.int64], rows: NDArray[np.float32]) -> None:
        """Ids must be larger than ``last`` and rise."""
        with self._using:
            self._vectors.add(rows)
            self._ids.append(ids)

    def search(self, vector: NDArray[np.float32], n: int, *, effort: int = 1) -> list[int]:
        """Ids of about the n nearest, nearest first; fewer where the cells that ``effort`` allows hold no more."""
        import numpy as np

        options = {} if self.flat else {"params": self._parameters(effort)}
        with self._using, _one_thread():
            if len(self._ids) > 1:
                self._ids[:] = [np.concatenate(self._ids)]
            found = self._vectors.search(vector, min(n, self.size), **options)[1][0]
            return [] if not self._ids else list(self._ids[0][found[found >= 0]].tolist())

    def _parameters(self, effort: int) -> Any:
        faiss = _faiss()
        probes = faiss.SearchParametersIVF(nprobe=min(self._cells.nlist, self._sizes.probes * effort))
        whole = self._vectors.d == self._cells.d
        return probes if whole else faiss.SearchParametersPreTransform(index_params=probes)

    def ranked(self, vector: NDArray[np.float32], *, at_first: int, most: int) -> Iterator[list[int]]:
        """Ids nearest first in batches, the first of ``at_first``, each later one about three times all before it;
        ``most`` in all."""
        seen: set[int] = set()
        n, effort = at_first, 1
        while len(seen) < min(self.size, most):
            batch = [i for i in self.search(vector, min(n, most), effort=effort) if i not in seen]
            seen.update(batch)
            if batch:
                yield batch
            if n >= most or (n >= self.size and (self.flat or self._sizes.probes * effort >= self._cells.nlist)):
                return
            n, effort = n * 4, effort * 2

    def _made_for(self, sizes: IndexSizes) -> bool:
        """Whether ``build`` would make such an index, but for the number of cells."""
        return not self.flat and self._cells.d == min(self._vectors.d, sizes.components)

    def save(self, file: Path) -> str:
        """Write it there; returns the file's SHA-256."""
        import numpy as np

        with self._using, file.open("wb") as out:
            np.save(out, np.concatenate(self._ids), allow_pickle=False)
            _faiss().write_index(self._vectors, _faiss().PyCallbackIOWriter(out.write))
            out.flush()
            os.fsync(out.fileno())
        with file.open("rb") as written:
            return hashlib.file_digest(written, "sha256").hexdigest()

    @classmethod
    def load(cls, file: Path, *, sha256: str, sizes: IndexSizes) -> VectorIndex | None:
        """What was saved there; None where the file is not the one with that digest."""
        import numpy as np

        try:
            with file.open("rb") as source:
                if hashlib.file_digest(source, "sha256").hexdigest() != sha256:
                    return None
                source.seek(0)
                ids = np.load(source, allow_pickle=False)
                index = cls(_faiss().read_index(_faiss().PyCallbackIOReader(source.read)), [ids], sizes=sizes)
                return index if index._made_for(sizes) else None
        except (OSError, ValueError, RuntimeError):  # RuntimeError is what FAISS raises for what it cannot read
            return None


def _untrained(dimension: int, *, cells: int, sizes: IndexSizes) -> Any:
    """An inverted file. Of components, which are centred, distances are compared: these keep the order of cosines."""
    faiss = _faiss()
    kept = min(dimension, sizes.components)
    code = faiss.ScalarQuantizer.QT_8bit
    vectors = faiss.IndexIVFScalarQuantizer(faiss.IndexFlatL2(kept), kept, cells, code, faiss.METRIC_L2)
    vectors.cp.niter = 6
    vectors.cp.min_points_per_centroid = 1
    vectors.cp.max_points_per_centroid = sizes.trained_per_cell
    return vectors if kept == dimension else faiss.IndexPreTransform(faiss.PCAMatrix(dimension, kept), vectors)


def _faiss() -> Any:
    """FAISS, whose declared types lack what is used here. It is large: imported when it is needed."""
    import faiss

    return faiss


@contextmanager
def _one_thread() -> Iterator[None]:
    """One question is searched in about a millisecond: sooner than a second thread of a busy machine awakes."""
    faiss = _faiss()
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)
