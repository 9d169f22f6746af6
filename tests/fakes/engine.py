"""An engine in memory for unit tests: a small part of the query language, with the real one's refusals.

The contract tests hold it to what Elasticsearch does. Scores are all 1, so order counts only where a body sorts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from nlq.elastic.fields import about, flatten, merge, unite
from nlq.elastic.names import check_name, check_names, unknown
from nlq.errors import EngineError, InputError
from nlq.ports import Engine
from nlq.types import Body, EngineInfo, Failure, IndexInfo, IndexSchema, Outcome, Result
from tests.fakes.aggregations import aggregate
from tests.fakes.documents import METADATA, NUMBERS, Index, Refused, matches, need_doc_values, walk

Key = tuple[str, str]
"""Index and id of a document."""

VERSION = "9.4.3"
KEYS = frozenset(
    "query aggs aggregations size from sort search_after _source track_total_hits timeout terminate_after".split()
)


class FakeEngine(Engine):
    """``bodies`` keeps what was searched, one list a call; with ``down`` every method raises EngineError."""

    def __init__(self, *, features: Iterable[str] = ("aggregations", "analysis-common")) -> None:
        self.bodies: list[list[Body]] = []
        self.down = False
        self._features = frozenset(features)
        self._indices: dict[str, Index] = {}

    def info(self) -> EngineInfo:
        self._ping()
        return EngineInfo(VERSION, self._features)

    def indexes(self) -> Sequence[IndexInfo]:
        self._ping()
        return [IndexInfo(name, len(i.documents), about(i.mapping)) for name, i in sorted(self._indices.items())]

    def mapping(self, index: str) -> Mapping[str, Any]:
        return merge(found.mapping for found in self._found(index).values())

    def schema(self, index: str) -> IndexSchema:
        mappings = [found.mapping for found in self._found(index).values()]
        return IndexSchema(index, unite(mappings), about(merge(mappings)), self._features, VERSION)

    def search(self, index: str, bodies: Sequence[Body], *, timeout: float) -> Sequence[Result | Failure]:
        found = self._found(index)
        if bodies:
            self.bodies.append(list(bodies))
        return tuple(_answer(found, body) for body in bodies)

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
        self._ping()
        if check_name(index) not in self._indices:
            raise unknown(index, self._indices)
        return _put(self._indices[index], documents)

    def delete(self, index: str) -> None:
        """Not of the port: how a test takes an index away."""
        self._indices.pop(index, None)

    def close(self) -> None:
        pass

    def _ping(self) -> None:
        if self.down:
            raise EngineError("Elasticsearch at memory: does not answer: start it with `nlq elastic start`.")

    def _found(self, names: str) -> dict[str, Index]:
        """The indices behind the name, by theirs."""
        self._ping()
        parts = check_names(names).split(",")
        found = [[name for name in self._indices if fnmatchcase(name, part)] for part in parts]
        if not all(found):
            raise unknown(names, self._indices)
        return {name: self._indices[name] for name in sorted({name for part in found for name in part})}


def _answer(indices: Mapping[str, Index], body: Body) -> Result | Failure:
    try:
        return _search(indices, body)
    except Refused as exc:
        return Failure(Outcome.REJECTED, str(exc))


def _search(indices: Mapping[str, Index], body: Body) -> Result:
    if strange := sorted(set(body) - KEYS):
        raise Refused(f"Unknown key for a VALUE in [{strange[0]}].")
    start, size = body.get("from", 0), body.get("size", 10)
    if start + size > 10_000:
        raise Refused(f"Result window is too large, from + size must be at most [10000] but was [{start + size}].")
    numbers = {id(doc): place for index in indices.values() for place, doc in enumerate(index.documents.values())}
    whole = Index(merge(index.mapping for index in indices.values()), numbers=numbers)
    query = body.get("query", {"match_all": {}})
    every = [((name, key), doc) for name, index in indices.items() for key, doc in index.documents.items()]
    found = [(key, doc) for key, doc in every if matches(whole, query, doc)]
    most = body.get("terminate_after") or len(found)
    found, cut = found[:most], len(found) > most
    if not every:
        matches(whole, query, {})  # refusals do not depend on documents
    aggregations = aggregate(whole, body.get("aggs") or body.get("aggregations") or {}, [doc for _, doc in found])
    ordered = _sorted(whole, body.get("sort"), found)
    if after := body.get("search_after"):
        keys = _sort_keys(body.get("sort"))
        ordered = [(key, doc) for key, doc in ordered if _is_behind(whole, doc, keys, after)]
    hits = _hits(whole, body, ordered[start : start + size])
    return Result(tuple(hits), len(found), aggregations, partial=cut)


def _hits(index: Index, body: Body, found: list[tuple[Key, Body]]) -> Iterator[dict[str, Any]]:
    keys = _sort_keys(body.get("sort"))
    for (name, key), document in found:
        unscored = keys and "_score" not in dict(keys)
        hit: dict[str, Any] = {"_index": name, "_id": key, "_score": None if unscored else 1.0}
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
    pairs = ((e, "desc" if e == "_score" else "asc") if isinstance(e, str) else next(iter(e.items())) for e in entries)
    return [(by, how.get("order", "asc") if isinstance(how, dict) else how) for by, how in pairs]


def _sorted(index: Index, sort: Any, found: list[tuple[Key, Body]]) -> list[tuple[Key, Body]]:
    for by, order in reversed(_sort_keys(sort)):
        if index.field(by) is None and by not in METADATA:
            raise Refused(f"No mapping found for [{by}] in order to sort on")
        need_doc_values(index, by)
        there = [pair for pair in found if index.values(pair[1], by)]
        missing = [pair for pair in found if not index.values(pair[1], by)]
        there.sort(key=_sort_key(index, by, pick=max if order == "desc" else min), reverse=order == "desc")
        found = there + missing
    return found


def _is_behind(index: Index, document: Body, keys: list[tuple[str, str]], after: list[Any]) -> bool:
    if len(keys) != len(after):
        raise Refused(f"search_after has {len(after)} value(s) but sort has {len(keys)}.")
    for (by, order), bound in zip(keys, after, strict=True):
        value = next(iter(index.values(document, by)), None)
        if value is None or bound is None:
            if value is not bound:
                return value is None
        elif value != bound:
            return bool(value > bound) is (order == "asc")
    return False


def _sort_key(index: Index, by: str, *, pick: Callable[[list[Any]], Any]) -> Callable[[tuple[Key, Body]], Any]:
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
