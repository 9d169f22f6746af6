"""What an index has examples of already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nlq.ports import Embedder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SAME_QUESTION = 0.95
"""The cosine above which two questions are the same one."""


class Known:
    """Fingerprints and questions of the examples of one index. Without an embedder only equal questions are alike."""

    def __init__(self, embedder: Embedder | None) -> None:
        self._embedder = embedder
        self._fingerprints: set[str] = set()
        self._questions: list[str] = []
        self._vectors: NDArray[np.float32] | None = None

    @property
    def questions(self) -> tuple[str, ...]:
        """Every question, in the order they were added."""
        return tuple(self._questions)

    def has_result(self, fingerprint: str) -> bool:
        return fingerprint in self._fingerprints

    def like(self, question: str) -> str | None:
        """The question that is nearly this one; None where none is. Raises StoreError where no text can be embedded."""
        same = next((known for known in self._questions if known.casefold() == question.casefold()), None)
        if same or self._embedder is None or not self._questions:
            return same
        vectors = self._known_vectors(self._embedder)
        near = vectors @ self._embedder.encode([question])[0]
        best = int(near.argmax())
        return self._questions[best] if near[best] > SAME_QUESTION else None

    def add(self, question: str, fingerprint: str) -> None:
        self._questions.append(question)
        self._fingerprints.add(fingerprint)

    def _known_vectors(self, embedder: Embedder) -> NDArray[np.float32]:
        """A row for every question; those that are new are embedded together."""
        import numpy as np

        done = 0 if self._vectors is None else len(self._vectors)
        if self._vectors is None:
            self._vectors = embedder.encode(self._questions)
        elif done < len(self._questions):
            self._vectors = np.concatenate([self._vectors, embedder.encode(self._questions[done:])])
        return self._vectors
