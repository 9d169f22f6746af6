"""The records of the store in Elasticsearch: everything of its port that looks for no neighbours.

A write names the state of the document that it was read from, so none undoes another's; a change that meets another
one is made again on what is there then.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from examples_db import jsonl
from examples_db.elastic_adding import Adding
from examples_db.elastic_documents import (
    checked_as,
    content_of,
    counts_of,
    declined_id,
    example_of,
    found_by,
    is_example,
    is_id,
    key_of,
    new_etag,
    query_of,
    record_of,
    source_id,
    tags_of,
    tombstone_of,
    uses_id,
)
from examples_db.elastic_index import PAGE, Document, ExampleIndex
from examples_db.elastic_vectors import PatternVectors
from examples_db.rows import canonical_of, now
from nlq.errors import ConflictError, InputError, StoreError, UnknownExampleError
from nlq.types import Body, Example, ExampleFilter, Record, State

_ATTEMPTS = 50
"""Who meets a conflict saw another writer succeed: so many writers at once are served."""


class ElasticRecords:
    """Examples and what is kept about them. May be used by several threads at once."""

    def __init__(self, index: ExampleIndex, vectors: PatternVectors) -> None:
        self._index = index
        self._vectors = vectors
        self._adding = Adding(index, vectors)
        self._counting = threading.Lock()

    def add(self, examples: Iterable[Example], *, tags: Iterable[str], author: str, state: State) -> int:
        labels = tuple(tags)
        return self.restore(Record(e, "", tags=labels, author=author, state=state) for e in examples)

    def restore(self, records: Iterable[Record]) -> int:
        """Keep the examples with all that is known of them, in the canonical spelling; returns how many were new.

        Ids and etags are given anew. What was written is taken back where a later part fails. Raises InputError where
        one is no record.
        """
        return self._adding.add(records)

    def all(self) -> tuple[Example, ...]:
        return tuple(example_of(document) for page in self._index.pages(found_by()) for document in page)

    def count(self, where: ExampleFilter | None) -> int:
        return self._index.count(query_of(where))

    def page(self, where: ExampleFilter | None, *, after: str, limit: int) -> tuple[Record, ...]:
        start = self._place(after) if after else None
        if limit <= 0:
            return ()
        pages = self._index.pages(query_of(where), size=min(limit, PAGE), start=start)
        found = list(islice((document for page in pages for document in page), limit))
        uses = self._index.read([uses_id(document.id) for document in found])
        return tuple(record_of(document, uses.get(uses_id(document.id))) for document in found)

    def get(self, example_id: str) -> Record:
        document = self._example(example_id)
        return record_of(document, self._index.read([uses_id(example_id)]).get(uses_id(example_id)))

    def edit(self, example_id: str, example: Example, *, tags: Iterable[str] | None, etag: str) -> Record:
        labels = None if tags is None else tags_of(tags)
        jsonl.checked_record(Record(example, "", tags=tuple(labels or ())))
        kept = canonical_of(example)
        self._unchanged(example_id, etag)  # before anything is embedded
        (vector,) = self._vectors.of_examples([kept])
        changes = {**content_of(kept), **vector, **checked_as(State.UNCHECKED), "updated": now(), "etag": new_etag()}
        if labels is not None:
            changes["tags"] = labels
        same = found_by({"term": {"key": changes["key"]}}, without=[{"term": {"id": example_id}}])
        while True:
            document = self._unchanged(example_id, etag)
            if self._index.count(same):
                raise ConflictError("Another example has this question, index and query already: remove one of both.")
            if not self._index.write([{"index": {"_id": example_id, **document.at}}, {**document.source, **changes}]):
                self._decline(document)
                return self.get(example_id)

    def remove(self, example_id: str, *, etag: str | None) -> None:
        while True:
            document = self._unchanged(example_id, etag)
            if not self._index.write(tombstone_of(document)):
                break
        self._index.write([{"delete": {"_id": uses_id(example_id)}}], seen=False)
        self._decline(document)

    def mark(self, example_id: str, state: State, *, engine: str, reason: str, etag: str | None) -> None:
        changes = checked_as(state, engine=engine, checked=now(), reason=reason)
        for _ in range(_ATTEMPTS):
            document = self._unchanged(example_id, etag)
            if not self._index.write([{"update": {"_id": example_id, **document.at}}, {"doc": changes}]):
                return
        raise StoreError(f"The example {example_id!r} is changed again and again: try again later.")

    def used(self, shown: Iterable[str], *, won: Iterable[str]) -> None:
        """Counts of several processes add up. Raises StoreError where some could not be counted."""
        uses, wins = Counter(shown), Counter(won)
        left = [example_id for example_id in uses | wins if is_id(example_id)]
        with self._counting:  # threads of this process wait here, not in conflicts
            for _ in range(_ATTEMPTS):
                if not left:
                    return
                left = self._count(left, uses=uses, wins=wins)
        if left:
            raise StoreError(f"The uses of {len(left)} examples were not counted: too many processes count at once.")

    def source_version(self, source: str) -> str | None:
        """What ``replace_source`` was last given for that source."""
        found = self._index.read([source_id(source)]).get(source_id(source))
        return None if found is None else str(found.source.get("version"))

    def replace_source(self, source: str, examples: Iterable[Example], *, version: str) -> None:
        """Make these the only examples of that source and remember the version, which is written last: where this
        stops half-way, doing it again completes it.

        What did not change stays as it is; so do examples of other sources and those that somebody edited. What
        somebody edited or removed does not come back.
        """
        wanted = {key_of(example): example for example in map(canonical_of, map(jsonl.checked, examples))}
        if any(example.source != source for example in wanted.values()):
            raise InputError(f"All examples must have the source {source!r}.")
        declined = self._index.read([declined_id(key) for key in wanted])
        wanted = {key: example for key, example in wanted.items() if declined_id(key) not in declined}
        self.restore(Record(example, "") for example in wanted.values())
        for page in self._index.pages(query_of(ExampleFilter(source=source))):
            lines = [line for document in page for line in _brought_up(document, wanted)]
            if lines:
                self._index.write(lines)
        self._vectors.fill(self._index, None)  # of those whose fields, and so patterns, changed
        self._index.write([{"index": {"_id": source_id(source)}}, {"kind": "source", "version": version}])

    def _count(self, ids: Sequence[str], *, uses: Mapping[str, int], wins: Mapping[str, int]) -> list[str]:
        """Add to the counts of those that are examples; returns those whose counts another process changed just now."""
        there = self._index.read([*ids, *map(uses_id, ids)])
        lines: list[Body] = []
        for example_id in ids:
            if is_example(there.get(example_id)):
                before = there.get(name := uses_id(example_id))
                counts = counts_of(before)
                lines.append({"create": {"_id": name}} if before is None else {"index": {"_id": name, **before.at}})
                added = {"uses": counts["uses"] + uses[example_id], "wins": counts["wins"] + wins[example_id]}
                lines.append({"kind": "uses", **added})
        undone = self._index.write(lines, seen=False) if lines else {}
        return [example_id for example_id in ids if uses_id(example_id) in undone]

    def _decline(self, before: Document) -> None:
        """What somebody edited or removed of a source that is kept up does not come back."""
        if self.source_version(str(before.source["source"])) is not None:
            declined = declined_id(before.source["key"])
            self._index.write([{"index": {"_id": declined}}, {"kind": "declined"}], seen=False)

    def _example(self, example_id: str) -> Document:
        found = self._index.read([example_id]).get(example_id) if is_id(example_id) else None
        if found is None or not is_example(found):
            raise _unknown(example_id)
        return found

    def _place(self, example_id: str) -> Sequence[Any]:
        """Where it is or was in the order in which examples were added."""
        found = self._index.read([example_id]).get(example_id) if is_id(example_id) else None
        if found is None:
            raise _unknown(example_id)
        return found.place

    def _unchanged(self, example_id: str, etag: str | None) -> Document:
        found = self._example(example_id)
        if etag is not None and found.source["etag"] != etag:
            raise ConflictError(f"The example {example_id} was changed meanwhile: look at it again.")
        return found


def _brought_up(document: Document, wanted: Mapping[str, Example]) -> list[Body]:
    """The lines that make a document, unless somebody edited it, what is wanted of its source now."""
    example = wanted.get(document.source["key"])
    if document.source["updated"] != document.source["created"]:
        return []
    if example is None:
        return [*tombstone_of(document), {"delete": {"_id": uses_id(document.id)}}]
    if list(example.fields) == document.source["fields"]:
        return []
    changes = {"fields": list(example.fields), "etag": new_etag(), "made": []}
    return [{"update": {"_id": document.id, **document.at}}, {"doc": changes}]


def _unknown(example_id: str) -> UnknownExampleError:
    return UnknownExampleError(f"There is no example {example_id[:40]!r}: list them with `nlq examples list`.")
