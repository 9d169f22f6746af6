"""Which of the nearest examples are shown: pure, so that every store ranks alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

from examples_db.mask import lesson_of
from nlq.types import Example, State

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Mode = Literal["masked", "plain", "random"]
"""How examples are found: by the patterns of questions, by questions as they are, or by chance. The last two are there
to be compared with."""

SHOWN = frozenset({State.UNCHECKED, State.VERIFIED})
"""States of the examples that a store offers to ``select``: what is stale or unconfirmed teaches mistakes."""

_FAMILIES = {
    "integer": "long short byte unsigned_long double float half_float scaled_float token_count",
    "text": "match_only_text annotated_text search_as_you_type",
    "keyword": "constant_keyword wildcard",
    "date": "date_nanos",
    "object": "flattened",
}
_FAMILY_OF = {kind: family for family, kinds in _FAMILIES.items() for kind in kinds.split()}


@dataclass(frozen=True, slots=True)
class Ranking:
    """How examples are found (``mode``) and chosen.

    Those whose cosine to the question is below ``floor`` are left out. ``kinds`` is what an example gains where its
    index has the same kinds of fields as the asked one. ``relevance`` is the lambda of maximal marginal relevance
    (Carbonell and Goldstein 1998): 1 is by nearness alone, less prefers examples unlike those chosen already.
    ``mask_fields`` says whether names of fields are masked in questions; a store makes its vectors accordingly.
    """

    mode: Mode = "masked"
    floor: float = 0.25
    kinds: float = 0.05
    relevance: float = 1.0
    mask_fields: bool = False

    def __post_init__(self) -> None:
        if not (-1 <= self.floor <= 1 and 0 <= self.kinds <= 1 and 0 <= self.relevance <= 1):
            raise ValueError("floor must be between -1 and 1, kinds and relevance between 0 and 1")

    def pool(self, k: int) -> int:
        """How many different examples are compared to choose k; stores ask their index for as many at first."""
        return 4 * k + 16


class Near(NamedTuple):
    """An example with its vector (length 1) and its cosine to the question."""

    cosine: float
    example: Example
    vector: NDArray[np.float32]


class _Scored(NamedTuple):
    score: float
    near: Near


def select(
    candidates: Iterable[Near],
    k: int,
    *,
    exclude_index: str | None = None,
    fields: Iterable[str] = (),
    ranking: Ranking | None = None,
) -> tuple[Near, ...]:
    """At most k of the candidates, best first; ``fields`` are the "name:kind" pairs of the index that is asked.

    ``candidates`` come nearest first, of equal ones the oldest first, and are consumed only as far as they can matter.
    Some are ``left_out``. Of candidates that teach the same (see ``lesson_of``) the first stays.
    """
    ranking = ranking or Ranking()
    kinds = kinds_of(fields)
    gain = ranking.kinds if kinds else 0.0
    pool: list[_Scored] = []
    for near in _distinct(candidates, exclude_index=exclude_index, floor=ranking.floor):
        if len(pool) == ranking.pool(k) or _decided(pool, k, best=near.cosine + gain, ranking=ranking):
            break
        pool.append(_Scored(near.cosine + gain * overlap(kinds, kinds_of(near.example.fields)), near))
    pool.sort(key=lambda scored: -scored.score)
    chosen = pool if ranking.relevance == 1 else _diverse(pool, k, relevance=ranking.relevance)
    return tuple(scored.near for scored in chosen[: max(k, 0)])


@lru_cache(maxsize=4096)
def left_out(index: str, exclude_index: str | None) -> bool:
    """Whether the two can name an index in common; each is a name, a pattern with ``*``, or several of these with
    commas between. What an alias stands for is not known here."""
    return exclude_index is not None and any(_meet(a, b) for a in index.split(",") for b in exclude_index.split(","))


def kinds_of(fields: Iterable[str]) -> frozenset[str]:
    """The kinds of "name:kind" pairs, those that are asked alike as one (all numbers, say)."""
    kinds = (field.rsplit(":", 1)[-1] for field in fields)
    return frozenset(_FAMILY_OF.get(kind, kind) for kind in kinds)


def overlap(one: frozenset[str], other: frozenset[str]) -> float:
    """Jaccard's index: 1 where both are the same, 0 where they share nothing or are empty."""
    return len(one & other) / (len(one | other) or 1)


def _distinct(candidates: Iterable[Near], *, exclude_index: str | None, floor: float) -> Iterator[Near]:
    seen: set[str] = set()
    for near in candidates:
        if near.cosine < floor:
            return
        if not left_out(near.example.index, exclude_index) and (lesson := lesson_of(near.example)) not in seen:
            seen.add(lesson)
            yield near


def _meet(one: str, other: str) -> bool:
    """Of two patterns each stretches over what the other needs in its middle: only their ends can keep them apart."""
    if "*" not in one or "*" not in other:
        name, pattern = (one, other) if "*" not in one else (other, one)
        return fnmatchcase(name, pattern.replace("[", "[[]").replace("?", "[?]"))
    (head, *_, tail), (its_head, *_, its_tail) = one.split("*"), other.split("*")
    heads_fit = head.startswith(its_head) or its_head.startswith(head)
    return heads_fit and (tail.endswith(its_tail) or its_tail.endswith(tail))


def _decided(pool: Sequence[_Scored], k: int, *, best: float, ranking: Ranking) -> bool:
    """Whether no candidate of at most that score could still come among the first k."""
    if k <= 0:
        return True
    if ranking.relevance < 1 or len(pool) < k:
        return False
    return best <= sorted(pool, key=lambda scored: -scored.score)[k - 1].score


def _diverse(pool: Sequence[_Scored], k: int, *, relevance: float) -> list[_Scored]:
    left, chosen = list(pool), list[_Scored]()

    def marginal(place: int) -> float:
        scored = left[place]
        likeness = max((float(scored.near.vector @ other.near.vector) for other in chosen), default=0.0)
        return relevance * scored.score - (1 - relevance) * likeness

    while left and len(chosen) < k:
        chosen.append(left.pop(max(range(len(left)), key=marginal)))
    return chosen
