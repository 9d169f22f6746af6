"""An example store in a dictionary."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace

from examples_db import jsonl
from examples_db.mask import mask, pattern_of
from examples_db.retrieve import SHOWN, Near, Ranking, select
from nlq.errors import ConflictError, StoreError, UnknownExampleError
from nlq.types import Example, ExampleFilter, LinkedValue, Record, State
from tests.fakes.embedder import HashEmbedder

NOW = "2026-01-31T12:00:00+00:00"


class FakeStore:
    """The whole ExampleStore port; near means sharing trigrams of the pattern. It takes any ``ranking`` but masks no
    names of fields."""

    def __init__(self, examples: Iterable[Example] = (), *, ranking: Ranking | None = None) -> None:
        self._records: dict[str, Record] = {}
        self._embedder = HashEmbedder()
        self._ranking = ranking or Ranking(floor=-1)
        self._changes = 0
        self._open = True
        self.add(examples)

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
        self._check_open()
        shown = [r.example for r in self._records.values() if r.state in SHOWN]
        whole = question.encode(errors="replace").decode()
        vectors = self._embedder.encode([mask(whole, values), *map(pattern_of, shown)])
        cosines = (vectors[1:] @ vectors[0]).round(6).tolist()
        near = [Near(*parts) for parts in zip(cosines, shown, vectors[1:], strict=True)]
        near.sort(key=lambda n: -n.cosine)
        chosen = select(near, k, exclude_index=exclude_index, fields=fields, ranking=self._ranking)
        return tuple((n.cosine, n.example) for n in chosen)

    def warm(self) -> None:
        self._check_open()

    def add(
        self, examples: Iterable[Example], *, tags: Iterable[str] = (), author: str = "", state: State = State.UNCHECKED
    ) -> int:
        labels = tuple(dict.fromkeys(tags))
        return self.restore(Record(e, "", tags=labels, author=author, state=state) for e in examples)

    def restore(self, records: Iterable[Record]) -> int:
        self._check_open()
        checked = [jsonl.checked_record(record) for record in records]
        known = {_identity(r.example) for r in self._records.values()}
        new = {_identity(r.example): r for r in reversed(checked) if _identity(r.example) not in known}
        for record in reversed(new.values()):
            change = self._next()
            example = replace(record.example, id=f"e{change}")
            created = record.created or NOW
            kept = replace(
                record, example=example, etag=str(change), created=created, updated=record.updated or created
            )
            self._records[example.id] = kept
        return len(new)

    def all(self) -> Sequence[Example]:
        self._check_open()
        return tuple(record.example for record in self._records.values())

    def count(self, where: ExampleFilter | None = None) -> int:
        self._check_open()
        return sum(_meant(record, where) for record in self._records.values())

    def page(self, where: ExampleFilter | None = None, *, after: str = "", limit: int = 100) -> Sequence[Record]:
        self._check_open()
        if after and not (after.isascii() and after[1:].isdigit()):
            raise UnknownExampleError(f"There is no example {after!r}.")
        start = int(after[1:]) if after else 0
        behind = (r for r in self._records.values() if int(r.example.id[1:]) > start)
        return tuple(record for record in behind if _meant(record, where))[:limit]

    def get(self, example_id: str) -> Record:
        self._check_open()
        if example_id not in self._records:
            raise UnknownExampleError(f"There is no example {example_id!r}.")
        return self._records[example_id]

    def edit(self, example_id: str, example: Example, *, tags: Iterable[str] | None = None, etag: str) -> Record:
        before = self._unchanged(example_id, etag)
        identity = _identity(jsonl.checked(example))
        if any(_identity(r.example) == identity and key != example_id for key, r in self._records.items()):
            raise ConflictError("Another example has this question, index and query already.")
        self._records[example_id] = Record(
            replace(example, id=example_id, source=before.example.source),
            etag=str(self._next()),
            tags=before.tags if tags is None else tuple(dict.fromkeys(tags)),
            author=before.author,
            created=before.created,
            updated=NOW,
            uses=before.uses,
            wins=before.wins,
        )
        return self._records[example_id]

    def remove(self, example_id: str, *, etag: str | None = None) -> None:
        self._unchanged(example_id, etag)
        del self._records[example_id]

    def mark(self, example_id: str, state: State, *, engine: str, reason: str = "", etag: str | None = None) -> None:
        found = self._unchanged(example_id, etag)
        self._records[example_id] = replace(found, state=state, engine=engine, checked=NOW, reason=reason)

    def used(self, shown: Iterable[str], *, won: Iterable[str] = ()) -> None:
        self._check_open()
        for name, ids in (("uses", shown), ("wins", won)):
            for id_ in ids:
                if (found := self._records.get(id_)) is not None:
                    uses, wins = found.uses + (name == "uses"), found.wins + (name == "wins")
                    self._records[id_] = replace(found, uses=uses, wins=wins)

    def close(self) -> None:
        self._open = False

    def _next(self) -> int:
        self._changes += 1
        return self._changes

    def _unchanged(self, example_id: str, etag: str | None) -> Record:
        found = self.get(example_id)
        if etag not in (None, found.etag):
            raise ConflictError(f"The example {example_id} was changed meanwhile.")
        return found

    def _check_open(self) -> None:
        if not self._open:
            raise StoreError("The example store is closed: open it again.")


def _identity(example: Example) -> tuple[str, str, str]:
    return example.question, example.index, json.dumps(example.query)


def _meant(record: Record, where: ExampleFilter | None) -> bool:
    where = where or ExampleFilter()
    return (
        where.index in (None, record.example.index)
        and where.source in (None, record.example.source)
        and where.state in (None, record.state)
        and (where.tag is None or where.tag in record.tags)
        and (where.text is None or where.text.casefold() in record.example.question.casefold())
    )
