"""An embedder that needs no model: texts are near where they share runs of characters."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class HashEmbedder:
    """Counts of character trigrams, hashed into ``dimension`` places; the same in every process.

    ``encoded`` lists the texts it was asked for, to see what was embedded again.
    """

    def __init__(self, dimension: int = 256, *, name: str = "hash") -> None:
        self.encoded: list[str] = []
        self._dimension = dimension
        self._name = name

    @property
    def id(self) -> str:
        return f"{self._name}-{self._dimension}"

    @property
    def dimension(self) -> int:
        return self._dimension

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        import numpy as np

        self.encoded.extend(texts)
        rows: NDArray[np.float32] = np.zeros((len(texts), self._dimension), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            padded = f"  {text.lower()} "
            for i in range(len(padded) - 2):
                row[zlib.crc32(padded[i : i + 3].encode()) % self._dimension] += 1
        rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
        return rows
