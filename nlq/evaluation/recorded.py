"""Parts of a translator for scoring: a sampler that says what was sampled before, a store without examples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from nlq.types import Body, Candidate, Example, Prompt, SamplingParams


@dataclass(frozen=True, slots=True)
class Recorded:
    """A sampler that yields, from request to request, what was sampled before."""

    candidates: Iterator[Candidate]
    name: str = "recorded"

    def sample(self, prompt: Prompt, schema: Body | None, params: SamplingParams) -> Iterator[Candidate]:
        del prompt, schema
        for _, candidate in zip(range(params.n), self.candidates, strict=False):
            yield candidate

    def warm(self, prompt: Prompt) -> None: ...

    def ready(self) -> None: ...

    def close(self) -> None: ...


class NoExamples:
    """What a translator asks of a store, of one that is empty."""

    def nearest(self, question: str, k: int, **where: Any) -> Sequence[Example]:
        del question, k, where
        return ()

    def warm(self) -> None: ...

    def used(self, shown: Iterable[str], *, won: Iterable[str] = ()) -> None: ...

    def close(self) -> None: ...
