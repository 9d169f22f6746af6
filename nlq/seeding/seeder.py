"""Questions are judged one after another; what holds is kept in the ledger first, then in the store."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC
from typing import Literal

from nlq.errors import ConflictError, InputError
from nlq.json_schema import minified
from nlq.ports import ExampleStore
from nlq.seeding.coverage import Plan
from nlq.seeding.duplicates import Known
from nlq.seeding.facts import gather
from nlq.seeding.ledger import Entry, Item, Ledger, Place
from nlq.seeding.roundtrip import RoundTrip
from nlq.seeding.sieve import Found, Sieve
from nlq.translator import Translator, clean_question
from nlq.types import Body, Example, ExampleFilter, IndexSchema, Record, State

_STATES = {"verified": State.VERIFIED, "unconfirmed": State.UNCONFIRMED}
_PAGE = 200


@dataclass(slots=True)
class Seeder:
    """Judges items of the ledger for one index. ``unconfirmed`` says what becomes of a query whose question did not
    lead back to it. ``store`` None keeps the ledger alone."""

    index: IndexSchema
    sieve: Sieve
    asked: RoundTrip
    known: Known
    plan: Plan
    ledger: Ledger
    source: str
    author: str
    store: ExampleStore | None = None
    unconfirmed: Literal["unconfirmed", "dropped"] = "dropped"
    clock: Callable[[], float] = time.monotonic
    on_entry: Callable[[Entry], None] = field(default=lambda entry: None)

    def restore(self, examples: Iterable[Example] = ()) -> None:
        """Know what the ledger kept and what ``examples`` of this index say, and put what the ledger kept into the
        store, which may have missed the last of it."""
        for entry in self.ledger.entries:
            self._count(entry)
        for example in examples:
            if example.question not in self.known.questions:
                found = self.sieve.examine(minified(example.query), question=example.question)
                self.known.add(example.question, found.fingerprint if isinstance(found, Found) else "")
        self._store(self.ledger.kept())

    def run(self, items: Iterable[tuple[Place, Item]], *, count: int) -> bool:
        """Judge until ``count`` are kept in the ledger (True) or there is nothing more to judge (False)."""
        have = len(self.ledger.kept())
        if have >= count:
            return True
        for place, item in items:
            entry = self.judge(item, place)
            self.ledger.add(entry)
            self._count(entry)
            if entry.kept:
                self._store([entry])
                have += 1
            self.on_entry(entry)
            if have >= count:
                return True
        return False

    def judge(self, item: Item, place: Place) -> Entry:
        """What becomes of an item. Raises BackendError; then nothing of it was kept."""
        started = self.clock()
        found = self.sieve.examine(item.query, question=item.question)
        query: Body = {} if isinstance(found, str) else found.query
        entry = Entry(item.kind, item.cell, item.question, query, "dropped", place=place)
        if isinstance(found, str):
            entry = replace(entry, reason=found)
        elif self.known.has_result(found.fingerprint):
            entry = replace(entry, reason="an example has this result already")
        else:
            entry = self._asked(item.question, found, entry)
        now = self.sieve.translator.now().astimezone(UTC).isoformat(timespec="seconds")
        return replace(entry, seconds=round(self.clock() - started, 2), checked=now)

    def _asked(self, wording: str, found: Found, entry: Entry) -> Entry:
        """``entry`` with what becomes of it when its question is asked again."""
        if not wording:
            return replace(entry, reason="no wording said all of it")
        try:
            question = clean_question(wording, most=self.sieve.translator.limits.max_question_chars)
        except InputError as exc:
            return replace(entry, reason=str(exc))
        if like := self.known.like(question):
            return replace(entry, question=question, reason=f"nearly the question {like!r}")
        differs = self.asked.differs(question, self.index.index, found.verdict)
        return replace(
            entry,
            question=question,
            fate=self.unconfirmed if differs else "verified",
            reason=differs or "",
            fingerprint=found.fingerprint,
        )

    def record(self, entry: Entry) -> Record:
        """A kept entry as a store keeps it."""
        fields = tuple(f"{f.name}:{f.kind}" for f in self.index.fields)
        return Record(
            Example(entry.question, entry.query, self.index.index, fields, self.source),
            etag="",
            tags=(entry.kind,),
            author=self.author,
            state=_STATES[entry.fate],
            engine=self.index.version,
            checked=entry.checked,
            reason=entry.reason,
        )

    def _count(self, entry: Entry) -> None:
        self.plan.note(entry.kind, entry.cell, entry.query or None, kept=entry.kept)
        if entry.kept:
            self.known.add(entry.question, entry.fingerprint)

    def _store(self, entries: Iterable[Entry]) -> None:
        """Add what the store lacks; what was found on the engine can be marked once the store has given an id."""
        for record in map(self.record, entries):
            example = record.example
            if not self.store or not self.store.add(
                [example], tags=record.tags, author=record.author, state=record.state
            ):
                continue
            for kept in pages(self.store, ExampleFilter(index=example.index, text=example.question)):
                if kept.example.question == example.question and kept.example.query == example.query:
                    with suppress(ConflictError):  # somebody edited it already
                        self.store.mark(
                            kept.example.id,
                            record.state,
                            engine=record.engine,
                            reason=record.reason,
                            etag=kept.etag,
                        )


def pages(store: ExampleStore, where: ExampleFilter | None = None, *, most: int | None = None) -> Iterator[Record]:
    """The records that are meant, page by page; the first ``most`` only, where given."""
    after = ""
    while most is None or most > 0:
        found = store.page(where, after=after, limit=_PAGE if most is None else min(_PAGE, most))
        yield from found
        if len(found) < _PAGE:
            return
        after, most = found[-1].example.id, None if most is None else most - len(found)


def seeder_for(  # noqa: PLR0913  # what a run is made of
    translator: Translator,
    index: str,
    ledger: Ledger,
    *,
    n: int,
    seed: int,
    source: str,
    author: str,
    into: ExampleStore | None,
    unconfirmed: Literal["unconfirmed", "dropped"],
) -> Seeder:
    """A seeder for an index of the translator's engine that knows what the ledger and the translator's examples hold.

    Questions are asked again with at most ``n`` candidates. Raises InputError where the index is unknown or empty.
    """
    schema = translator.engine.schema(index)
    facts = gather(translator.engine, schema, seed=seed, timeout=translator.limits.engine_timeout)
    seeder = Seeder(
        index=schema,
        sieve=Sieve(translator, schema),
        asked=RoundTrip(translator, n=n),
        known=Known(translator.embedder),
        plan=Plan(schema, facts),
        ledger=ledger,
        source=source,
        author=author,
        store=into,
        unconfirmed=unconfirmed,
        clock=translator.clock,
    )
    seeder.restore(record.example for record in pages(translator.examples, ExampleFilter(index=schema.index)))
    return seeder
