"""What is wrong with a candidate, found in the order of the cheapest check: parse ▸ schema ▸ policy ▸ dry run.

A failed candidate is a value (Verdict); only a failed service raises. Texts are untrusted: nothing here trusts that a
text came out of constrained decoding.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nlq.json_schema import Schema, problem
from nlq.ports import Engine
from nlq.types import Body, Candidate, Failure, Outcome, Result, Verdict

MAX_BYTES = 16_000
MAX_DEPTH = 40
MAX_CLAUSES = 256
MAX_PATTERN = 100

FORBIDDEN: Mapping[str, str] = {
    "script": "scripts are not allowed",
    "script_fields": "scripts are not allowed",
    "scripted_metric": "scripts are not allowed",
    "runtime_mappings": "new runtime fields are not allowed",
    "stored_fields": "stored fields are not allowed",
    "pit": "points in time are not allowed",
    "scroll": "scrolling is not allowed",
    "indices_boost": "the index comes from the address alone",
}
"""Keys refused wherever they stand as a key of the Query DSL, and why."""

_OF_FIELDS = frozenset({"term", "terms", "match", "match_phrase", "range", "prefix", "wildcard", "sort"})
"""Below these stand names of fields, which may be any word."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The check that stopped a text and what it found."""

    outcome: Outcome
    reason: str


def parse(text: str) -> Body | Refusal:
    """The JSON object in ``text``; tolerates white space around it, nothing else."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        return Refusal(Outcome.UNPARSED, f"longer than {MAX_BYTES} bytes")
    try:
        body = json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        return Refusal(Outcome.UNPARSED, f"nests deeper than {MAX_DEPTH} levels")
    except ValueError as exc:
        return Refusal(Outcome.UNPARSED, f"not JSON: {str(exc)[:200]}")
    if not isinstance(body, dict):
        return Refusal(Outcome.UNPARSED, "not a JSON object")
    return body


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def check_schema(body: Body, schema: Schema) -> Refusal | None:
    """Fields, clauses and values that this index does not have."""
    if _depth(body) > MAX_DEPTH:
        return Refusal(Outcome.INVALID, f"nests deeper than {MAX_DEPTH} levels")
    found = problem(body, schema)
    return Refusal(Outcome.INVALID, found) if found else None


def check_policy(body: Body, schema: Schema) -> Refusal | None:
    """What no query may do, whatever schema accepted it and wherever it came from."""
    del schema
    clauses = 0
    for key, value in _walk(body):
        clauses += 1
        if key in FORBIDDEN:
            return Refusal(Outcome.REFUSED, f"{key}: {FORBIDDEN[key]}")
        if key == "terms" and isinstance(value, dict) and any(_is_lookup(v) for v in value.values()):
            return Refusal(Outcome.REFUSED, "terms: looking terms up in another document is not allowed")
        if key in ("wildcard", "regexp", "prefix") and len(json.dumps(value)) > MAX_PATTERN + 100:
            return Refusal(Outcome.REFUSED, f"{key}: patterns longer than {MAX_PATTERN} characters are not allowed")
    if clauses > MAX_CLAUSES:
        return Refusal(Outcome.REFUSED, f"more than {MAX_CLAUSES} keys")
    return None


CHECKS: tuple[Callable[[Body, Schema], Refusal | None], ...] = (check_schema, check_policy)
"""Run in this order on every parsed body, a user's own too."""


def check(body: Body, schema: Schema) -> Refusal | None:
    """The first refusal of CHECKS; None where the body may run."""
    return next((r for c in CHECKS if (r := c(body, schema))), None)


def verify(
    candidates: Sequence[Candidate],
    *,
    schema: Schema,
    index: str,
    engine: Engine,
    timeout: float,
    finish: Callable[[Body], Body],
) -> tuple[Verdict, ...]:
    """One verdict per candidate, in order. Distinct bodies run once, together, in one request.

    ``finish`` turns an accepted body into the one that runs (repaired values, default sizes). Raises what
    ``engine.search`` raises.
    """
    bodies: dict[str, Body] = {}
    checked: list[tuple[Candidate, str | None, Refusal | None]] = []
    for candidate in candidates:
        body = parse(candidate.text)
        refusal = body if isinstance(body, Refusal) else check(body, schema)
        if isinstance(body, Refusal) or refusal:
            checked.append((candidate, None, refusal))
            continue
        ready = finish(body)
        key = json.dumps(ready, sort_keys=True)
        bodies.setdefault(key, ready)
        checked.append((candidate, key, None))
    results = dict(zip(bodies, engine.search(index, list(bodies.values()), timeout=timeout), strict=True))
    return tuple(
        Verdict(c, r.outcome, reason=r.reason) if r else _verdict(c, bodies[str(k)], results[str(k)])
        for c, k, r in checked
    )


def _verdict(candidate: Candidate, body: Body, result: Result | Failure) -> Verdict:
    if isinstance(result, Failure):
        return Verdict(candidate, Outcome(result.outcome), query=body, reason=result.reason)
    return Verdict(candidate, Outcome.EXECUTED, query=body, result=result)


def complete(body: Body, *, max_results: int) -> Body:
    """The body as it runs: every match counted, and where the query leaves the number of documents or groups open,
    ``max_results`` of them instead of Elasticsearch's ten. Numbers above ``max_results`` are cut to it."""
    out = dict(body)
    out["size"] = min(out.get("size", max_results), max_results)
    if "aggs" in out:
        out["aggs"] = _sized(out["aggs"], max_results)
    out["track_total_hits"] = True
    return out


def _sized(aggs: Mapping[str, Any], most: int) -> Body:
    out: Body = {}
    for name, agg in aggs.items():
        new = dict(agg)
        if "terms" in new:
            new["terms"] = {**new["terms"], "size": min(new["terms"].get("size", most), most)}
        if "aggs" in new:
            new["aggs"] = _sized(new["aggs"], most)
        out[name] = new
    return out


def _walk(body: Body) -> list[tuple[str, Any]]:
    """Every (key, value) of every object inside ``body`` but names of fields, without recursion."""
    found: list[tuple[str, Any]] = []
    queue: list[tuple[str, object]] = [("", body)]
    while queue:
        parent, item = queue.pop()
        if isinstance(item, dict):
            found.extend(pair for pair in item.items() if parent not in _OF_FIELDS)
            queue.extend(item.items())
        elif isinstance(item, list):
            queue.extend((parent, child) for child in item)
    return found


def _depth(node: object) -> int:
    depth, level = 0, [node]
    while level:
        depth += 1
        level = [
            child
            for item in level
            if isinstance(item, dict | list)
            for child in (item.values() if isinstance(item, dict) else item)
        ]
    return depth


def _is_lookup(value: object) -> bool:
    return isinstance(value, dict) and "index" in value
