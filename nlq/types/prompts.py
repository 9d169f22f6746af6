"""What is asked, of people and of models."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Question:
    """What a person asks of one index, alias or pattern."""

    text: str
    index: str


@dataclass(frozen=True, slots=True)
class LinkedValue:
    """Words of a question that occur as a value of a field. ``field`` is the field a term query would use."""

    text: str
    field: str
    value: str | int | float | bool


@dataclass(frozen=True, slots=True)
class Message:
    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """Chat messages: ``head``, ``index``, ``shots`` and ``tail``, in this order. ``head`` is byte-identical between all
    questions, ``index`` between those on one index, so runtimes can keep what they computed of them."""

    head: tuple[Message, ...]
    shots: tuple[Message, ...]
    tail: tuple[Message, ...]
    index: tuple[Message, ...] = ()

    @property
    def messages(self) -> tuple[Message, ...]:
        return self.head + self.index + self.shots + self.tail


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """How to draw ``n`` texts. ``temperature=0`` is greedy; ``strategy="beam"`` keeps the n best of n beams.

    ``top_k=0`` and ``min_p=0`` switch those filters off. ``seed`` makes a draw repeatable on one runtime.
    Raises ValueError where a number is out of range.
    """

    n: int = 1
    temperature: float = 0.5
    top_p: float = 0.95
    top_k: int = 0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    max_tokens: int = 400
    seed: int = 0
    strategy: Literal["sample", "beam"] = "sample"

    def __post_init__(self) -> None:
        ranges: tuple[tuple[str, bool, str], ...] = (
            ("n", 1 <= self.n <= 1024, "between 1 and 1024"),
            ("temperature", 0 <= self.temperature <= 5, "between 0 and 5"),
            ("top_p", 0 < self.top_p <= 1, "above 0 and at most 1"),
            ("top_k", self.top_k >= 0, "0 (off) or more"),
            ("min_p", 0 <= self.min_p < 1, "at least 0 and below 1"),
            ("repetition_penalty", 0 < self.repetition_penalty <= 10, "above 0 and at most 10"),
            ("max_tokens", 1 <= self.max_tokens <= 8192, "between 1 and 8192"),
            ("seed", 0 <= self.seed < 2**32, "between 0 and 2^32 - 1"),
            ("strategy", self.strategy in ("sample", "beam"), "'sample' or 'beam'"),
        )
        for name, fine, allowed in ranges:
            if not fine:
                raise ValueError(f"{name} must be {allowed}, not {getattr(self, name)!r}")

    @property
    def greedy(self) -> bool:
        return self.temperature == 0 and self.strategy == "sample"

    def with_(self, **changes: Any) -> SamplingParams:
        """A copy with these numbers changed, checked again."""
        return replace(self, **changes)
