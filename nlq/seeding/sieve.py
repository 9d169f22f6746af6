"""Which queries are worth a question: those that may run, that the model could write, and that tell something."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nlq.canonical import canonical
from nlq.finish import Finish
from nlq.json_schema import Schema, minified, problem
from nlq.query_schema import decoded_schema
from nlq.translator import Translator
from nlq.types import Body, Candidate, IndexSchema, Outcome, Result, Verdict
from nlq.values import repair
from nlq.verify import check, parse, verify
from nlq.vote import is_empty, result_key

_EVERYTHING: Body = {"match_all": {}}
_SHAPING = frozenset({"field", "path", "fields", "_source", "order", "calendar_interval", "operator", "type"})
_DIGITS = re.compile(r"-?\d+(\.\d+)?")


@dataclass(frozen=True, slots=True)
class Found:
    """A query that passed, in its canonical spelling. Queries of one ``fingerprint`` have the same result over the same
    documents and differ in their values only."""

    query: Body
    verdict: Verdict
    fingerprint: str


@dataclass(slots=True)
class Sieve:
    """Runs queries of one index as the translator would run a candidate."""

    translator: Translator
    index: IndexSchema
    _decoded: Schema = field(init=False)

    def __post_init__(self) -> None:
        self._decoded = decoded_schema(self.index)

    def examine(self, text: str, *, question: str = "", strict: bool = False) -> Found | str:
        """The query written in ``text``, or why it is dropped; ``question`` tells which values may be repaired.

        ``strict`` also drops what a question would say in vain: a condition without which the result is the same, an
        order whose first documents are tied.
        """
        finish = self._finish(question)
        [verdict] = self._run([text], finish)
        if verdict.outcome is not Outcome.EXECUTED:
            return f"{verdict.outcome}: {verdict.reason}"
        body = parse(text)
        if not isinstance(body, dict):
            return body.reason
        query = canonical(repair(body, finish.view.seen)[0], self.index)
        if wrong := problem(query, self._decoded):
            return f"not in the decoded spelling: {wrong}"
        if is_empty(verdict):
            return "finds nothing"
        if why := self._vain(query, verdict, finish, strict=strict):
            return why
        return Found(query, verdict, fingerprint(query, [verdict, *self._documents(query, finish)]))

    def answer(self, body: Body) -> Result | None:
        """What the engine says to a body; None where it may not run."""
        finish = self._finish("")
        if check(body, finish.view.accepted):
            return None
        [verdict] = self._run([minified(body)], finish)
        return verdict.result

    def _finish(self, question: str) -> Finish:
        translator = self.translator
        view = translator.grounding.view(question or self.index.index, self.index)
        encode = translator.grounding.embed if translator.embedder else None
        return Finish(view, max_results=translator.limits.max_results, encode=encode)

    def _run(self, texts: list[str], finish: Finish) -> tuple[Verdict, ...]:
        return verify(
            [Candidate(text, 0.0) for text in texts],
            schema=finish.view.accepted,
            index=self.index.index,
            engine=self.translator.engine,
            timeout=self.translator.limits.engine_timeout,
            finish=finish,
        )

    def _documents(self, query: Body, finish: Finish) -> tuple[Verdict, ...]:
        """What a query computes its numbers over: equal numbers alone say little."""
        if query.get("size") != 0 or query["query"] == _EVERYTHING:
            return ()
        return self._run([minified({"query": query["query"]})], finish)

    def _vain(self, query: Body, verdict: Verdict, finish: Finish, *, strict: bool) -> str | None:
        checks = list(_unfiltered(query))
        if strict:
            checks += [*_without_a_condition(query), *_ties(query)]
        if not checks:
            return None
        found = self._run([minified(body) for _, body, _ in checks], finish)
        return next((why for (why, _, vain), other in zip(checks, found, strict=True) if vain(verdict, other)), None)


Check = tuple[str, Body, Callable[[Verdict, Verdict], bool]]
"""Why a query is vain, another body, and whether the results of both say so."""


def _same(one: Verdict, other: Verdict) -> bool:
    return other.result is not None and result_key(one) == result_key(other)


def _unfiltered(query: Body) -> Iterator[Check]:
    if query["query"] != _EVERYTHING or not query.keys() & {"aggs", "sort"}:
        yield "finds what the unfiltered index has", {**query, "query": _EVERYTHING}, _same


def _without_a_condition(query: Body) -> Iterator[Check]:
    """The query without each of its clauses, and without the limit on its groups."""
    joined = query["query"].get("bool", {})
    for key in ("must", "filter", "should", "must_not"):
        clauses = joined.get(key, [])
        for at in range(len(clauses)) if len(clauses) + len(joined) > 2 else ():
            rest = {**joined, key: clauses[:at] + clauses[at + 1 :]}
            rest = {k: v for k, v in rest.items() if v != []}
            yield "a condition changes nothing", {**query, "query": {"bool": rest}}, _same
    for path, agg in _aggregations(query):
        below = agg.get("aggs", {})
        if "keep" in below:
            bare = {**agg, "aggs": {k: v for k, v in below.items() if k != "keep"}}
            yield "the limit keeps every group", _with(query, path, bare), _same
        if "min_doc_count" in agg.get("terms", {}):
            terms = {k: v for k, v in agg["terms"].items() if k != "min_doc_count"}
            yield "the limit keeps every group", _with(query, path, {**agg, "terms": terms}), _same


def _ties(query: Body) -> Iterator[Check]:
    """The query with room for one more document or group than it asks for."""
    size = query.get("size", 0)
    if size and query.get("sort"):
        yield "the order is tied where it is cut", {**query, "size": size + 1}, lambda _, more: _tied_hits(more, size)
    for path, agg in _aggregations(query):
        if groups := agg.get("terms", {}).get("size"):
            wider = _with(query, path, {**agg, "terms": {**agg["terms"], "size": groups + 1}})
            yield "the groups are tied where they are cut", wider, _tied_groups(path, groups)


def _tied_hits(more: Verdict, size: int) -> bool:
    hits = more.result.hits if more.result else ()
    return len(hits) <= size or hits[size - 1].get("sort") == hits[size].get("sort")


def _tied_groups(path: tuple[str, ...], size: int) -> Callable[[Verdict, Verdict], bool]:
    def tied(_: Verdict, more: Verdict) -> bool:
        found: Any = more.result.aggregations if more.result else {}
        for name in path:
            found = found.get(name, {})
        buckets = found.get("buckets", ())
        return len(buckets) <= size or _rank(buckets[size - 1]) == _rank(buckets[size])

    return tied


def _rank(bucket: Mapping[str, Any]) -> Any:
    return bucket["value"].get("value") if "value" in bucket else bucket["doc_count"]


def _aggregations(query: Body) -> Iterator[tuple[tuple[str, ...], Body]]:
    """Every aggregation with the names that lead to it."""
    level: list[tuple[tuple[str, ...], Body]] = [((name,), agg) for name, agg in query.get("aggs", {}).items()]
    while level:
        yield from level
        level = [((*path, name), below) for path, agg in level for name, below in agg.get("aggs", {}).items()]


def _with(node: Body, path: tuple[str, ...], agg: Body) -> Body:
    """``node`` with another aggregation at ``path``."""
    name, *rest = path
    inner = _with(node["aggs"][name], tuple(rest), agg) if rest else agg
    return {**node, "aggs": {**node["aggs"], name: inner}}


def fingerprint(query: Body, verdicts: Sequence[Verdict]) -> str:
    """Equal for queries that differ in their values only and have equal results in ``verdicts``."""
    results = [(result_key(v), v.result.total) for v in verdicts if v.result]
    text = json.dumps(_shape(query), sort_keys=True) + repr(results)
    return hashlib.blake2b(text.encode("utf-8", "backslashreplace"), digest_size=12).hexdigest()


def _shape(node: Any, key: str = "") -> Any:
    if isinstance(node, dict):
        return {k: _shape(v, k) for k, v in node.items()}
    if isinstance(node, list):
        return [_shape(item, key) for item in node]
    if key == "script":
        return _DIGITS.sub("0", str(node))
    if key in _SHAPING:
        return node
    return "number" if isinstance(node, int | float) and not isinstance(node, bool) else type(node).__name__
