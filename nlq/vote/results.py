"""What the result of one candidate is worth knowing for: which others it equals, whether it is suspicious."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from nlq.types import Verdict
from nlq.vote.content import below, buckets, content, result_of, scalars

Key = Hashable
"""Equal for equal results. Its repr is the same in every process."""


def result_key(verdict: Verdict) -> Key:
    """What a result says, so that equal results have equal keys: ids of documents, in order where the query sorts;
    else numbers of aggregations, whatever their names, within 1e-9 relative.

    Raises ValueError where ``verdict`` has not executed.
    """
    return content(verdict)


def is_empty(verdict: Verdict) -> bool:
    """Whether a verdict found nothing: no document, no bucket with a document, no number, or a number of none."""
    result, query = verdict.result, verdict.query or {}
    if result is None:
        return True
    asked = below(query)
    if not asked:
        return result.total == 0
    beyond = "post_filter" in query or any("global" in spec for spec in asked.values())
    if result.total == 0 and not beyond:  # a sum or a count of no documents is a number too
        return True
    return not any(_has_content(found) for found in result.aggregations.values())


def is_everything(verdict: Verdict, total: int) -> bool:
    """Whether an executed verdict matched all ``total`` documents of its index, be it with a condition or without one
    (ValueError where it has not executed)."""
    return 0 < total <= result_of(verdict).total


def _has_content(found: Mapping[str, Any]) -> bool:
    if "buckets" in found:
        return any(b.get("doc_count") for b in buckets(found))
    if "doc_count" in found:
        return bool(found["doc_count"])
    if "hits" in found:
        return bool(found["hits"]["hits"])
    if set(found) >= {"count", "min"}:
        return bool(found["count"])
    return any(v is not None for v in scalars(found))
