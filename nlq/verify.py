"""What is wrong with a candidate, found in the order of the cheapest check:
parse ▸ shape ▸ schema ▸ policy ▸ dry run.

A failed candidate is a value (Verdict); only a failed service raises. Texts are untrusted: nothing here trusts that a
text came out of constrained decoding.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from nlq.json_schema import Schema, problem
from nlq.policy import PolicyLimits, Refusal, check_policy, check_shape
from nlq.ports import Engine
from nlq.types import Body, Candidate, Failure, Outcome, Repair, Result, Verdict

__all__ = ["CHECKS", "Known", "Refusal", "check", "check_policy", "check_schema", "complete", "parse", "verify"]

_OPEN_SIZES = frozenset({"terms", "multi_terms", "composite"})


def parse(text: str) -> Body | Refusal:
    """The JSON object in ``text``; tolerates white space around it, nothing else."""
    limits = PolicyLimits()
    if len(text.encode("utf-8", "surrogatepass")) > limits.body_bytes:
        return Refusal(Outcome.UNPARSED, f"longer than {limits.body_bytes} bytes")
    try:
        body = json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        return Refusal(Outcome.UNPARSED, f"nests deeper than {limits.depth} levels")
    except ValueError as exc:
        return Refusal(Outcome.UNPARSED, f"not JSON: {str(exc)[:200]}")
    if not isinstance(body, dict):
        return Refusal(Outcome.UNPARSED, "not a JSON object")
    return body


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _shape(body: Body, schema: Schema) -> Refusal | None:
    del schema
    return check_shape(body)


def check_schema(body: Body, schema: Schema) -> Refusal | None:
    """Fields, clauses and values that this index does not have. Recurses: for bodies whose shape was checked."""
    found = problem(body, schema)
    return Refusal(Outcome.INVALID, found) if found else None


def _policy(body: Body, schema: Schema) -> Refusal | None:
    del schema
    return check_policy(body)


CHECKS: tuple[Callable[[Body, Schema], Refusal | None], ...] = (_shape, check_schema, _policy)
"""Run in this order on every parsed body, a user's own too. The schema knows the index; the policy knows none and
stands behind it, so that what a schema lets through by mistake still does not run."""


def check(body: Body, schema: Schema) -> Refusal | None:
    """The first refusal of CHECKS; None where the body may run."""
    return next((r for c in CHECKS if (r := c(body, schema))), None)


Finished = Callable[[Body], tuple[Body, tuple[Repair, ...]]]


@dataclass(frozen=True, slots=True)
class _Ready:
    """A body as it runs; ``key`` is equal for equal ones."""

    body: Body
    key: str
    repairs: tuple[Repair, ...]


@dataclass(slots=True)
class Known:
    """What verification found so far for one question: of texts, and of the bodies that ran."""

    texts: dict[str, _Ready | Refusal] = field(default_factory=dict)
    results: dict[str, Result | Failure] = field(default_factory=dict)


def verify(
    candidates: Sequence[Candidate],
    *,
    schema: Schema,
    index: str,
    engine: Engine,
    timeout: float,
    finish: Finished,
    most_documents: int = 0,
    known: Known | None = None,
) -> tuple[Verdict, ...]:
    """One verdict per candidate, in order. Equal texts are checked once, distinct bodies run once, together, in one
    request.

    ``finish`` turns an accepted body into the one that runs, and names the values it repaired. A run ends after
    ``most_documents`` matches of each shard (0: all): its result is partial then. ``known`` keeps what texts and bodies
    came to, for calls that follow with the same arguments. Raises what ``engine.search`` raises.
    """
    known = known or Known()
    for text in dict.fromkeys(candidate.text for candidate in candidates):
        if text not in known.texts:
            known.texts[text] = _checked(text, schema, finish)
    found = [known.texts[candidate.text] for candidate in candidates]
    bound = {"terminate_after": most_documents} if most_documents else {}
    bodies: dict[str, Body] = {}
    for each in found:
        if isinstance(each, _Ready):
            bodies.setdefault(each.key, each.body)
    new = {key: {**bound, **body} for key, body in bodies.items() if key not in known.results}
    known.results |= zip(new, engine.search(index, list(new.values()), timeout=timeout), strict=True)
    return tuple(
        Verdict(candidate, each.outcome, reason=each.reason)
        if isinstance(each, Refusal)
        else _verdict(candidate, bodies[each.key], known.results[each.key], repairs=each.repairs)
        for candidate, each in zip(candidates, found, strict=True)
    )


def _checked(text: str, schema: Schema, finish: Finished) -> _Ready | Refusal:
    body = parse(text)
    if isinstance(body, Refusal):
        return body
    if refusal := check(body, schema):
        return refusal
    ready, repairs = finish(body)
    return _Ready(ready, json.dumps(ready, sort_keys=True), repairs)


def _verdict(candidate: Candidate, body: Body, result: Result | Failure, *, repairs: tuple[Repair, ...]) -> Verdict:
    if isinstance(result, Failure):
        outcome = Outcome(result.outcome)
        return Verdict(candidate, outcome, query=body, reason=result.reason, repairs=repairs)
    return Verdict(candidate, Outcome.EXECUTED, query=body, result=result, repairs=repairs)


def complete(body: Body, *, max_results: int) -> Body:
    """The body as it runs: every match counted, and where the query leaves the number of documents or groups open,
    ``max_results`` of them instead of Elasticsearch's ten. Numbers above ``max_results``, or beyond the window that
    Elasticsearch pages through, are cut."""
    out = dict(body)
    window = max(PolicyLimits().window - out.get("from", 0), 0)
    out["size"] = min(out.get("size", max_results), max_results, window)
    out |= _sized(out, max_results)
    out["track_total_hits"] = True
    return out


def _sized(node: Body, most: int) -> Body:
    """The aggregations of a body or of an aggregation, with their sizes."""
    return {
        key: {name: _sized_aggregation(agg, most) for name, agg in node[key].items()}
        for key in ("aggs", "aggregations")
        if key in node
    }


def _sized_aggregation(agg: Body, most: int) -> Body:
    out = {**agg, **_sized(agg, most)}
    for kind in _OPEN_SIZES & out.keys():
        out[kind] = {**out[kind], "size": min(out[kind].get("size", most), most)}
    return out
