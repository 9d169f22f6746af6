"""Examples are kept right: what people add, approve or correct, and what is there already, is checked as any candidate
is: shape ▸ schema ▸ policy ▸ dry run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol, runtime_checkable

from nlq.canonical import canonical
from nlq.errors import AccessError, ConflictError, InputError, StoreError, UnknownExampleError, UnknownIndexError
from nlq.finish import Finish
from nlq.grounding import View
from nlq.json_schema import minified
from nlq.policy import check_policy, check_shape
from nlq.ports import Embedder, Engine, ExampleStore
from nlq.translator import clean_question
from nlq.types import Candidate, Example, ExampleFilter, IndexSchema, Outcome, Record, State, Verdict
from nlq.values import Seen
from nlq.verify import verify
from nlq.written import as_written

APPROVED = "user-approved"
"""The source of examples that come from answers."""

MACHINES = frozenset({"teacher", "self"})
"""Sources whose examples ran, but are confirmed only when their question, asked again, reaches the same result."""

PAGE = 100
TOGETHER = 8
"""Queries of one dry run: its time limit is for all of them."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check of one example came to. ``example`` is what would be kept: its query in the canonical spelling, with
    the fields of its index. UNCHECKED: its index is not on this engine, or did not answer in time."""

    example: Example
    state: State
    reason: str = ""
    engine: str = ""


@dataclass(frozen=True, slots=True)
class Curator:
    """Checks examples against ``engine`` and keeps them in ``store``. Without an ``engine`` no index is there; without
    an ``embedder`` no query that searches by meaning passes."""

    engine: Engine | None
    store: ExampleStore
    embedder: Embedder | None = None
    timeout: float = 5.0
    max_results: int = 1000
    max_question_chars: int = 2000
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def keep(
        self, example: Example, *, tags: Iterable[str] = (), author: str = "", strict: bool = False
    ) -> tuple[Record, bool]:
        """The record of the example, and whether it is new. One whose index is not on this engine is kept UNCHECKED.

        With ``strict`` the query must have run. Raises InputError that says what is wrong with question or query;
        UnknownIndexError with ``strict``; what engine and store raise.
        """
        finding = self._sound(self._cleaned(example), strict=strict)
        new = self.store.add([finding.example], tags=tags, author=author)
        return self._marked(self._find(finding.example), finding), bool(new)

    def approve(self, example: Example, *, tags: Iterable[str] = (), author: str = "") -> tuple[Record, bool]:
        """As ``keep`` with ``strict``, of a question and the query that answers it, as an answer shows it or edited."""
        if refusal := check_shape(example.query):
            raise _refused(refusal.reason)
        written = as_written(example.query, max_results=self.max_results)
        return self.keep(replace(example, query=written, source=APPROVED), tags=tags, author=author, strict=True)

    def edit(self, example_id: str, example: Example, *, tags: Iterable[str] | None = None, etag: str) -> Record:
        """Replace question, query and index of a record by those of ``example``, checked as ``keep`` does.

        Raises what ``keep`` raises, UnknownExampleError, ConflictError.
        """
        before = self.store.get(example_id).example
        if not example.fields and example.index == before.index:
            example = replace(example, fields=before.fields)
        finding = self._sound(self._cleaned(example), strict=False)
        return self._marked(self.store.edit(example_id, finding.example, tags=tags, etag=etag), finding)

    def recheck(self, where: ExampleFilter | None = None) -> Iterator[tuple[Record, Finding]]:
        """Check every record that is meant, and mark it where its check came to something; yields it as it was.

        A query that passes is VERIFIED, but one that a machine wrote and nobody confirmed stays UNCONFIRMED.
        """
        schemas: dict[str, IndexSchema | None] = {}
        for page in pages(self.store, where):
            for index in dict.fromkeys(record.example.index for record in page):
                if index not in schemas:
                    schemas[index] = self._readable(index)
                same = [record for record in page if record.example.index == index]
                findings = self.check([record.example for record in same], schemas[index])
                for record, finding in zip(same, findings, strict=True):
                    if finding.state is not State.UNCHECKED:
                        self._mark(record, finding, _settled(record, finding))
                    yield record, finding

    def check(self, examples: Sequence[Example], schema: IndexSchema | None) -> Iterator[Finding]:
        """One finding per example of one index, in order; ``schema`` None where the index is not on this engine."""
        if schema is None or self.engine is None:
            yield from map(_homeless, examples)
            return
        for start in range(0, len(examples), TOGETHER):
            batch = examples[start : start + TOGETHER]
            for finding in self._run(batch, schema, self.engine):
                late = finding.state is State.UNCHECKED and len(batch) > 1  # it may be another that took the time
                yield from self._run([finding.example], schema, self.engine) if late else (finding,)

    def _run(self, examples: Sequence[Example], schema: IndexSchema, engine: Engine) -> Iterator[Finding]:
        shapes = [check_shape(example.query) for example in examples]  # first: what follows recurses
        texts = ["" if shape else minified(e.query) for e, shape in zip(examples, shapes, strict=True)]
        view = View(question="", index=schema, near=schema, seen=Seen(None), values=(), periods=(), now=self.now())
        verdicts = verify(
            [Candidate(text, 0.0) for text in texts],
            schema=view.accepted,
            index=schema.index,
            engine=engine,
            timeout=self.timeout,
            finish=Finish(view, max_results=self.max_results, encode=self._encode if self.embedder else None),
        )
        for example, shape, verdict in zip(examples, shapes, verdicts, strict=True):
            if shape:
                yield Finding(example, State.STALE, shape.reason, schema.version)
            else:
                yield _found(example, verdict, schema)

    def _encode(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        return self.embedder.encode(texts).tolist() if self.embedder else ()

    def _cleaned(self, example: Example) -> Example:
        return replace(example, question=clean_question(example.question, most=self.max_question_chars))

    def _sound(self, example: Example, *, strict: bool) -> Finding:
        try:
            schema = self.engine.schema(example.index) if self.engine else None
        except UnknownIndexError:
            if strict:
                raise
            schema = None
        [finding] = self.check([example], schema)
        if finding.state is State.STALE or (strict and finding.state is not State.VERIFIED):
            raise _refused(finding.reason)
        return finding

    def _readable(self, index: str) -> IndexSchema | None:
        try:
            return self.engine.schema(index) if self.engine else None
        except (InputError, AccessError):
            return None

    def _marked(self, record: Record, finding: Finding) -> Record:
        if finding.state is not State.UNCHECKED:
            self._mark(record, finding, finding.state)
        return self.store.get(record.example.id)

    def _mark(self, record: Record, finding: Finding, state: State) -> None:
        with suppress(UnknownExampleError, ConflictError):  # removed or edited since it was read: not what was checked
            self.store.mark(record.example.id, state, engine=finding.engine, reason=finding.reason, etag=record.etag)

    def _find(self, example: Example) -> Record:
        """The record of an example that the store holds."""
        text = minified(example.query)
        for page in pages(self.store, ExampleFilter(index=example.index, text=example.question)):
            for record in page:
                if record.example.question == example.question and minified(record.example.query) == text:
                    return record
        raise StoreError("The example was removed while it was being added: add it again.")


@runtime_checkable
class Scoring(Protocol):
    """A store that tells how near its examples are."""

    def scored(self, question: str, k: int, *, exclude_index: str | None = None) -> Sequence[tuple[float, Example]]: ...


def nearest(
    store: ExampleStore, question: str, k: int, *, exclude_index: str | None = None
) -> Sequence[tuple[float | None, Example]]:
    """At most k examples with their scores, nearest first; no scores where the store does not tell them."""
    if isinstance(store, Scoring):
        return store.scored(question, k, exclude_index=exclude_index)
    return tuple((None, e) for e in store.nearest(question, k, exclude_index=exclude_index))


def pages(store: ExampleStore, where: ExampleFilter | None = None) -> Iterator[Sequence[Record]]:
    """The records that are meant in the order they were added, PAGE at a time."""
    after = ""
    while page := store.page(where, after=after, limit=PAGE):
        yield page
        after = page[-1].example.id


def fields_of(schema: IndexSchema) -> tuple[str, ...]:
    """The fields as an example names them."""
    return tuple(f"{field.name}:{field.kind}" for field in schema.fields)


def _found(example: Example, verdict: Verdict, schema: IndexSchema) -> Finding:
    if verdict.outcome is Outcome.TIMED_OUT:
        return Finding(example, State.UNCHECKED, verdict.reason)
    if verdict.outcome is not Outcome.EXECUTED:
        by = "Elasticsearch rejects it: " if verdict.outcome is Outcome.REJECTED else ""
        return Finding(example, State.STALE, by + verdict.reason, schema.version)
    kept = replace(example, query=canonical(example.query, schema), fields=fields_of(schema))
    return Finding(kept, State.VERIFIED, engine=schema.version)


def _homeless(example: Example) -> Finding:
    """Of an example whose index is not here: what no index may be asked is wrong all the same."""
    if refusal := check_policy(example.query):
        return Finding(example, State.STALE, refusal.reason)
    return Finding(example, State.UNCHECKED, f"there is no index {example.index!r} here")


def _settled(record: Record, finding: Finding) -> State:
    """What a record is after its check. A machine's that was stale counts as not confirmed: its index has changed."""
    if finding.state is State.VERIFIED and (
        record.state is State.UNCONFIRMED or (record.state is State.STALE and record.example.source in MACHINES)
    ):
        return State.UNCONFIRMED
    return finding.state


def _refused(reason: str) -> InputError:
    return InputError(f"The query cannot be kept: {reason.rstrip('.')}.")
