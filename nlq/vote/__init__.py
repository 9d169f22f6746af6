"""Choosing among candidates. Pure functions: verdicts in, a Ballot out.

Two candidates agree when they return the same result: the same documents for a search (in order only where the query
sorts), the same numbers for aggregations whatever they are named. Agreement on results is the stronger signal than
agreement on texts.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nlq.types import Ballot, Group, Outcome, Verdict

_HOLDING = ("aggs", "aggregations")

Key = tuple[Any, ...]
Rule = Callable[[Sequence[Verdict]], Ballot]


def result_key(verdict: Verdict) -> Key:
    """What a result says, so that equal results have equal keys. ``verdict`` must have executed."""
    query, result = verdict.query or {}, verdict.result
    if result is None:
        raise ValueError("only an executed verdict has a result")
    if asked := _below(query):
        return ("aggs", *sorted((_agg_key(asked[n], a) for n, a in result.aggregations.items()), key=repr))
    if query.get("size") == 0:
        return ("total", result.total)
    ids = [_document(h) for h in result.hits]
    return ("hits", *(ids if query.get("sort") else sorted(ids)))


def is_empty(verdict: Verdict) -> bool:
    """Whether an executed verdict found nothing: no document, no bucket with a document, no number."""
    result = verdict.result
    if result is None:
        return True
    if _below(verdict.query or {}):
        return not any(_has_content(a) for a in result.aggregations.values())
    return result.total == 0


def vote(verdicts: Sequence[Verdict]) -> Ballot:
    """The largest group of equal results first. Empty results lead only where every result is empty.

    Ties: more distinct queries, then higher mean log-probability, then first sampled.
    """
    groups: dict[Key, list[Verdict]] = {}
    for verdict in verdicts:
        if verdict.outcome is Outcome.EXECUTED:
            groups.setdefault(result_key(verdict), []).append(verdict)
    ranked = sorted(groups.values(), key=_rank)
    return _ballot([Group(_spokesman_first(g)) for g in ranked], of=len(verdicts))


def first(verdicts: Sequence[Verdict]) -> Ballot:
    """The group of the first verdict that executed leads; the others follow as ``vote`` ranks them."""
    passing = next((v for v in verdicts if v.outcome is Outcome.EXECUTED), None)
    ballot = vote(verdicts)
    if passing is None:
        return ballot
    leads = next(g for g in ballot.groups if any(v is passing for v in g.verdicts))
    own = Group((passing, *(v for v in leads.verdicts if v is not passing)))
    return _ballot([own, *(g for g in ballot.groups if g is not leads)], of=len(verdicts))


def decided(verdicts: Sequence[Verdict], *, remaining: int) -> bool:
    """Whether ``remaining`` more candidates could not overtake the vote's leader. An empty result never decides."""
    ballot = vote(verdicts)
    if ballot.leader is None or is_empty(ballot.leader.chosen):
        return False
    behind = ballot.runner_up.votes if ballot.runner_up else 0
    return ballot.leader.votes - behind >= remaining


RULES: Mapping[str, Rule] = {"vote": vote, "first": first}
"""What ``select`` may name."""


def _rank(group: Sequence[Verdict]) -> tuple[bool, int, int, float]:
    queries = {json.dumps(v.query, sort_keys=True) for v in group}
    mean = sum(v.candidate.logprob for v in group) / len(group)
    return (is_empty(group[0]), -len(group), -len(queries), -mean)


def _spokesman_first(group: Sequence[Verdict]) -> tuple[Verdict, ...]:
    """The commonest query of a group speaks for it (equal documents can show different fields)."""
    texts = [json.dumps(v.query, sort_keys=True) for v in group]
    order = sorted(range(len(group)), key=lambda i: (-texts.count(texts[i]), -group[i].candidate.logprob))
    return tuple(group[i] for i in order)


def _ballot(groups: Sequence[Group], *, of: int) -> Ballot:
    total = sum(g.votes for g in groups)
    entropy = -sum(g.votes / total * math.log2(g.votes / total) for g in groups) if total else 0.0
    confidence = groups[0].votes / of if groups else 0.0
    return Ballot(tuple(groups), of=of, confidence=confidence, entropy=entropy + 0.0)


def _agg_key(asked: Mapping[str, Any], got: Mapping[str, Any]) -> Key:
    """One aggregation's numbers; buckets in order only where the query orders them."""
    if "buckets" in got:
        inner = _below(asked)
        buckets = [_bucket_key(inner, b) for b in _buckets(got)]
        spec: Mapping[str, Any] = next((v for k, v in asked.items() if k not in _HOLDING), {})
        ordered = "order" in spec or any("bucket_sort" in below for below in inner.values())
        return tuple(buckets if ordered else sorted(buckets, key=repr))
    if "hits" in got:
        return tuple(_document(h) for h in got["hits"]["hits"])
    if "doc_count" in got:
        return _bucket_key(_below(asked), got)
    return tuple(sorted((_number(v) for v in _scalars(got)), key=repr))


def _below(asked: Mapping[str, Any]) -> Mapping[str, Any]:
    """The aggregations that a body or an aggregation holds."""
    return next((asked[key] for key in _HOLDING if asked.get(key)), {})


def _buckets(got: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The buckets of an aggregation, those that are keyed by name too."""
    found = got["buckets"]
    return [{**b, "key": name} for name, b in found.items()] if isinstance(found, Mapping) else found


def _bucket_key(inner: Mapping[str, Any], bucket: Mapping[str, Any]) -> Key:
    below = sorted((_agg_key(spec, bucket[name]) for name, spec in inner.items() if name in bucket), key=repr)
    bounds = (_number(bucket.get("from")), _number(bucket.get("to")))
    key = bucket.get("key")
    key = json.dumps(key, sort_keys=True) if isinstance(key, dict | list) else _number(key)
    return (key, *bounds, bucket.get("doc_count"), *below)


def _document(hit: Mapping[str, Any]) -> tuple[str, str]:
    """Ids are unique within an index only."""
    return (hit.get("_index", ""), hit["_id"])


def _scalars(agg: Mapping[str, Any]) -> list[Any]:
    out: list[Any] = []
    for key, value in agg.items():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, Mapping):
                out.extend(_scalars(item))
            elif not key.endswith("_as_string"):
                out.append(item)
    return out


def _number(value: Any) -> Any:
    """Numbers to ten significant digits: equal within 1e-9 relative."""
    return float(f"{value:.10g}") if isinstance(value, int | float) and not isinstance(value, bool) else value


def _has_content(agg: Mapping[str, Any]) -> bool:
    if "buckets" in agg:
        return any(b.get("doc_count") for b in _buckets(agg))
    if "doc_count" in agg:
        return bool(agg["doc_count"])
    if "hits" in agg:
        return bool(agg["hits"]["hits"])
    if set(agg) >= {"count", "min"}:
        return bool(agg["count"])
    return any(v is not None for v in _scalars(agg))
