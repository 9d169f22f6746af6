"""Items of an ``_msearch`` answer become Results and Failures; errors become one line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from nlq.types import Failure, Outcome, Result

Json = Mapping[str, Any]

_LONGEST_REASON = 500
_WHO = re.compile(r"(?<= is unauthorized) for .*?(?= on (?:restricted )?indices \[|, this action is granted by |$)")
"""Whose credentials were refused: a key's id, its owner, their roles."""

_HIT = ("_index", "_id", "_score", "_source", "sort", "fields", "highlight", "inner_hits")


def outcome_of(item: Json) -> Result | Failure:
    """What one body came to. Results that lack a part of the index count as failed: they would be wrong silently."""
    if "error" in item:
        return Failure(Outcome.REJECTED, reason_of(item))
    if item.get("timed_out"):
        return Failure(Outcome.TIMED_OUT, "The search was cut off by its timeout.")
    shards = item.get("_shards", {})
    if failures := shards.get("failures"):
        return Failure(Outcome.REJECTED, reason_of({"error": failures[0].get("reason", failures[0])}))
    if shards.get("failed"):  # those without a running copy are counted, not listed
        return Failure(Outcome.REJECTED, f"{shards['failed']} of {shards['total']} shards do not answer.")
    hits = tuple({key: hit[key] for key in _HIT if key in hit} for hit in item["hits"]["hits"])
    total = item["hits"].get("total", {}).get("value", len(hits))
    return Result(hits, total, item.get("aggregations", {}), item.get("took", 0), bool(item.get("terminated_early")))


def features_of(nodes: Json) -> frozenset[str]:
    """Names of the modules and plug-ins that every node of a ``GET _nodes/plugins`` answer runs."""
    each = [
        frozenset(entry["name"] for part in ("modules", "plugins") for entry in node.get(part, ()))
        for node in nodes.get("nodes", {}).values()
    ]
    return frozenset.intersection(*each) if each else frozenset()


def is_missing_index(item: Json) -> bool:
    """Whether the item says that there is no such index (any more)."""
    error = item.get("error")
    return isinstance(error, Mapping) and error.get("type") == "index_not_found_exception"


def reason_of(body: object) -> str:
    """Why Elasticsearch refused, in one line: the root cause, and what caused that where it says more.

    Not whose credentials were refused: the line may go to callers that never had them.
    """
    error = body.get("error") if isinstance(body, Mapping) else None
    if not isinstance(error, Mapping):
        return _line(str(error or "no reason given"))
    root = next(iter(error.get("root_cause") or ()), error)
    reason = str(root.get("reason") or root.get("type") or "no reason given")
    *_, deepest = _causes(error)
    if deepest not in reason:
        reason = f"{reason}: {deepest}"
    return _line(_WHO.sub("", reason))


def _causes(error: Json) -> Iterator[str]:
    """The reasons from the outside in; shards' own come after the search's."""
    shards = error.get("failed_shards") or ()
    cause = shards[0].get("reason") if shards else error
    yield ""
    while isinstance(cause, Mapping):
        # That one only says that a name is unknown, which the reason around it says better.
        if cause.get("type") != "named_object_not_found_exception" and cause.get("reason"):
            yield str(cause["reason"])
        cause = cause.get("caused_by")


def _line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_REASON else line[: _LONGEST_REASON - 1] + "…"
