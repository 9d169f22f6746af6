"""What both stores do to find examples: how each finds the nearest patterns is its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import replace

from examples_db.kept import KeptRecords
from examples_db.pool import MOST, Pool, by_chance
from examples_db.retrieve import SHOWN, Near, Ranking, select
from nlq.errors import StoreError
from nlq.types import Example, LinkedValue


class FoundRecords(KeptRecords, ABC):
    """The part of a store's port that finds examples."""

    ranking: Ranking
    _pool: Pool

    def nearest(
        self,
        question: str,
        k: int,
        *,
        exclude_index: str | None = None,
        values: Iterable[LinkedValue] = (),
        fields: Iterable[str] = (),
    ) -> Sequence[Example]:
        """As the port says; of examples that teach the same the oldest only, none that is stale or unconfirmed, none
        further away than the ranking's floor. A question that is masked already is fine too."""
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
        """As ``nearest``, each with its cosine to the question, 1 for the same pattern; 0 where chance chooses."""
        if k <= 0:
            return ()
        whole = question.encode(errors="replace").decode()  # tokenizers refuse half characters (lone surrogates)
        asked, ranking = tuple(fields), self.ranking
        near: Iterable[Near]
        if ranking.mode == "masked":
            near = self._near(whole, k, exclude_index=exclude_index, values=values, fields=asked)
        elif ranking.mode == "plain":
            near = self._pool.nearest(whole, self._shown())
        else:
            near, ranking = by_chance(whole, self._shown()), replace(ranking, floor=-1, kinds=0, relevance=1)
        chosen = select(near, k, exclude_index=exclude_index, fields=asked, ranking=ranking)
        return tuple((found.cosine, found.example) for found in chosen)

    def warm(self) -> None:
        """Load what the first question would otherwise wait for."""
        if self.ranking.mode == "masked":
            self._warm()
        elif self.ranking.mode == "plain":
            self._pool.nearest("warm", self._shown())

    @abstractmethod
    def _near(
        self,
        question: str,
        k: int,
        *,
        exclude_index: str | None,
        values: Iterable[LinkedValue],
        fields: tuple[str, ...],
    ) -> Iterable[Near]:
        """What may be shown, the nearest patterns first, of equal ones the oldest first, as far as it is asked for."""

    @abstractmethod
    def _warm(self) -> None: ...

    def _shown(self) -> list[Example]:
        """Every example that may be shown. Raises StoreError where the store holds too many to compare each."""
        if (count := self.count()) > MOST:
            raise StoreError(
                f"NLQ_RETRIEVAL={self.ranking.mode} compares a question with at most {MOST:,} examples, and there are "
                f"{count:,}: set NLQ_RETRIEVAL=masked."
            )
        return [record.example for record in self.page(limit=MOST) if record.state in SHOWN]
