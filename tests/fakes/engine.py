"""An engine in memory for unit tests: a small part of the query language, with the real one's refusals.

The contract tests hold it to what Elasticsearch does. Scores are all 1, so order counts only where a body sorts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from nlq.elastic.fields import about, flatten, merge
from nlq.elastic.names import check_name, unknown
from nlq.errors import EngineError, InputError
from nlq.ports import Engine
from nlq.types import Body, EngineInfo, Failure, IndexInfo, IndexSchema, Outcome, Result
from tests.fakes.aggregations import aggregate
from tests.fakes.documents import NUMBERS, Index, Refused, matches, need_doc_values, walk

KEYS = frozenset({"query", "aggs", "aggregations", "size", "from", "sort", "_source", "track_total_hits", "timeout"})


class FakeEngine(Engine):
    """``bodies`` keeps what was searched, one list a call; with ``down`` every method raises EngineError."""

    def __init__(self, *, features: Iterable[str] = ("aggregations", "analysis-common")) -> None:
        self.bodies: list[list[Body]] = []
        self.down = False
        self._features = frozenset(features)
        self._indices: dict[str, Index] = {}

    def info(self) -> EngineInfo:
        self._ping()
        return EngineInfo("9.4.3", self._features)

    def indexes(self) -> Sequence[IndexInfo]:
        self._ping()
        return [IndexInfo(name, len(i.documents), about(i.mapping)) for name, i in sorted(self._indices.items())]

    def mapping(self, index: str) -> Mapping[str, Any]:
        return self._index(index).mapping

    def schema(self, index: str) -> IndexSchema:
        mapping = self._index(index).mapping
        return IndexSchema(index, flatten(mapping), about(mapping), self._features)

    def search(self, index: str, bodies: Sequence[Body], *, timeout: float) -> Sequence[Result | Failure]:
        found = self._index(index)
        if bodies:
            self.bodies.append(list(bodies))
        return tuple(_answer(found, body, index) for body in bodies)

    def load(
        self, index: str, *, mappings: Body, documents: Iterable[tuple[str, Body]], settings: Body | None = None
    ) -> int:
        self._ping()
        if check_name(index) in self._indices:
            raise InputError(f"The index {index!r} exists already: choose another name or delete it first.")
        loaded = Index(merge([mappings]))
        count = _put(loaded, documents)
        self._indices[index] = loaded
        return count

    def add(self, index: str, documents: Iterable[tuple[str, Body]]) -> int:
        return _put(self._index(index), documents)

    def delete(self, index: str) -> None:
        """Not of the port: how a test takes an index away."""
        self._indices.pop(index, None)

    def close(self) -> None:
        pass

    def _ping(self) -> None:
        if self.down:
            raise EngineError("Elasticsearch at memory: does not answer: start it with `nlq elastic start`.")

    def _index(self, name: str) -> Index:
        self._ping()
        if check_name(name) not in self._indices:
            raise unknown(name, self._indices)
        return self._indices[name]


def _answer(index: Index, body: Body, name: str) -> Result | Failure:
    try:
        return _search(index, body, name)
    except Refused as exc:
        return Failure(Outcome.REJECTED, str(exc))


def _search(index: Index, body: Body, name: str) -> Result:
    if strange := sorted(set(body) - KEYS):
        raise Refused(f"Unknown key for a VALUE in [{strange[0]}].")
    start, size = body.get("from", 0), body.get("size", 10)
    if start + size > 10_000:
        raise Refused(f"Result window is too large, from + size must be at most [10000] but was [{start + size}].")
    query = body.get("query", {"match_all": {}})
    found = [(key, doc) for key, doc in index.documents.items() if matches(index, query, doc)]
    if not index.documents:
        matches(index, query, {})  # refusals do not depend on documents
    aggregations = aggregate(index, body.get("aggs") or body.get("aggregations") or {}, [doc for _, doc in found])
    hits = _hits(index, body, _sorted(index, body.get("sort"), found)[start : start + size], name)
    return Result(tuple(hits), len(found), aggregations)


def _hits(index: Index, body: Body, found: list[tuple[str, Body]], name: str) -> Iterator[dict[str, Any]]:
    keys = _sort_keys(body.get("sort"))
    for key, document in found:
        hit: dict[str, Any] = {"_index": name, "_id": key, "_score": None if keys else 1.0}
        if (wanted := body.get("_source", True)) is not False:
            hit["_source"] = document if wanted is True else _only(document, wanted)
        if keys:
            hit["sort"] = [next(iter(index.values(document, by)), None) for by, _ in keys]
        yield hit


def _only(document: Body, wanted: Any) -> Body:
    names = [wanted] if isinstance(wanted, str) else wanted
    return {key: value for key, value in document.items() if key in names}


def _sort_keys(sort: Any) -> list[tuple[str, str]]:
    entries = sort if isinstance(sort, list) else [sort] if sort else []
    pairs = ((e, "asc") if isinstance(e, str) else next(iter(e.items())) for e in entries)
    return [(by, how.get("order", "asc") if isinstance(how, dict) else how) for by, how in pairs]


def _sorted(index: Index, sort: Any, found: list[tuple[str, Body]]) -> list[tuple[str, Body]]:
    for by, order in reversed(_sort_keys(sort)):
        if index.field(by) is None:
            raise Refused(f"No mapping found for [{by}] in order to sort on")
        need_doc_values(index, by)
        there = [pair for pair in found if index.values(pair[1], by)]
        missing = [pair for pair in found if not index.values(pair[1], by)]
        there.sort(key=_sort_key(index, by, pick=max if order == "desc" else min), reverse=order == "desc")
        found = there + missing
    return found


def _sort_key(index: Index, by: str, *, pick: Callable[[list[Any]], Any]) -> Callable[[tuple[str, Body]], Any]:
    return lambda pair: pick(index.values(pair[1], by))


def _put(index: Index, documents: Iterable[tuple[str, Body]]) -> int:
    count = 0
    for key, document in documents:
        _check_document(index, key, document)
        index.documents[key] = document
        count += 1
    return count


def _check_document(index: Index, key: str, document: Body) -> None:
    for known in flatten(index.mapping):
        for raw in walk(document, (known.parent or known.name).split(".")):
            if known.kind in NUMBERS and not isinstance(raw, (int, float)):
                raise InputError(f"The document {key!r} was refused: failed to parse field [{known.name}]")
