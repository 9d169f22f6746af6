"""The aggregations that FakeEngine knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nlq.types import Body
from tests.fakes.documents import NUMBERS, Index, Refused, matches, need_doc_values

METRICS: dict[str, Callable[[list[Any]], Any]] = {
    "avg": lambda values: sum(values) / len(values) if values else None,
    "min": lambda values: float(min(values)) if values else None,
    "max": lambda values: float(max(values)) if values else None,
    "sum": lambda values: float(sum(values)),
    "value_count": len,
    "cardinality": lambda values: len(set(values)),
}


def aggregate(index: Index, aggs: Body, documents: list[Body]) -> dict[str, Any]:
    return {name: _aggregation(index, name, content, documents) for name, content in aggs.items()}


def _aggregation(index: Index, name: str, content: Body, documents: list[Body]) -> dict[str, Any]:
    inner = content.get("aggs") or content.get("aggregations") or {}
    kinds = [key for key in content if key not in ("aggs", "aggregations", "meta")]
    if kinds == ["nested"]:
        path = content["nested"]["path"]
        inside = [{path: item} for document in documents for item in document.get(path, ())]
        return {"doc_count": len(inside), **aggregate(index, inner, inside)}
    if kinds == ["filter"]:
        found = [document for document in documents if matches(index, content["filter"], document)]
        return {"doc_count": len(found), **aggregate(index, inner, found)}
    if len(kinds) != 1 or kinds[0] not in (*METRICS, "terms"):
        raise Refused(f"Unknown aggregation type [{next(iter(kinds), '')}]")
    by = content[kinds[0]]["field"]
    need_doc_values(index, by)
    if kinds[0] == "terms":
        return _buckets(index, content["terms"], documents, inner)
    if inner:
        raise Refused(f"Aggregator [{name}] of type [{kinds[0]}] cannot accept sub-aggregations")
    known = index.field(by)
    if known and kinds[0] in ("avg", "min", "max", "sum") and known.kind not in (*NUMBERS, "date", "boolean"):
        raise Refused(f"Field [{by}] of type [{known.kind}] is not supported for aggregation [{kinds[0]}]")
    return {"value": METRICS[kinds[0]]([value for doc in documents for value in index.values(doc, by)])}


def _buckets(index: Index, terms: Body, documents: list[Body], inner: Body) -> dict[str, Any]:
    groups: dict[Any, list[Body]] = {}
    for document in documents:
        values = set(index.values(document, terms["field"]))
        for value in values & set(terms.get("include", values)):
            groups.setdefault(value, []).append(document)
    least = terms.get("min_doc_count", 1)
    buckets = [
        {"key": key, "doc_count": len(docs), **aggregate(index, inner, docs)}
        for key, docs in sorted(groups.items())
        if len(docs) >= least
    ]
    if not documents:
        aggregate(index, inner, [])  # refusals do not depend on documents
    [(by, order)] = terms.get("order", {"_count": "desc"}).items()
    buckets.sort(key=lambda bucket: _rank(bucket, by), reverse=order == "desc")
    size = terms.get("size", 10)
    left = sum(bucket["doc_count"] for bucket in buckets[size:])
    return {"doc_count_error_upper_bound": 0, "sum_other_doc_count": left, "buckets": buckets[:size]}


def _rank(bucket: Mapping[str, Any], by: str) -> Any:
    if by in ("_count", "_key"):
        return bucket[{"_count": "doc_count", "_key": "key"}[by]]
    if by not in bucket:
        raise Refused(f"Invalid aggregation order path [{by}]. Unknown aggregation [{by}]")
    return bucket[by]["value"]
