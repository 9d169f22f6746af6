"""Results as rows: one for each hit, or for each innermost bucket. What stands inside has a dotted name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from nlq.types import Result

Row = dict[str, Any]
"""Scalars, and lists as they are."""

_OF_BUCKET = frozenset({"key", "key_as_string", "doc_count"})


def rows_of(result: Result) -> Iterator[Row]:
    """The buckets where there are aggregations and no hits, else the hits."""
    return bucket_rows(result.aggregations) if result.aggregations and not result.hits else hit_rows(result.hits)


def hit_rows(hits: Iterable[Mapping[str, Any]]) -> Iterator[Row]:
    """``_index``, ``_id``, and each field of ``_source``; ``fields`` that were asked for beside it."""
    for hit in hits:
        names = {key: hit[key] for key in ("_index", "_id") if key in hit}
        fields = {key: values[0] if len(values) == 1 else values for key, values in hit.get("fields", {}).items()}
        yield {**names, **_flat(hit.get("_source", {})), **fields}


def bucket_rows(aggregations: Mapping[str, Any], prefix: str = "") -> Iterator[Row]:
    """A row for each innermost bucket, with the numbers of those around it; one in all where there are no buckets.

    The column of an aggregation has its name and holds a bucket's key or a number; ``name.doc_count`` counts.
    """
    own: Row = {}
    within: list[Iterator[Row]] = []
    for name, found in aggregations.items():
        column = f"{prefix}{name}"
        if not isinstance(found, Mapping):
            continue
        if "buckets" in found:
            within.append(_buckets(column, found["buckets"]))
        elif "doc_count" in found:
            within.append(_inside(column, found, {f"{column}.doc_count": found["doc_count"]}))
        elif isinstance(found.get("hits"), Mapping):
            within.append(_below(column, hit_rows(found["hits"]["hits"])))
        else:
            own |= _metric(column, found)
    empty = True
    for rows in within:
        for row in rows:
            empty = False
            yield {**own, **row}
    if empty and own:
        yield own


def _buckets(column: str, buckets: Any) -> Iterator[Row]:
    named = buckets.items() if isinstance(buckets, Mapping) else ((None, bucket) for bucket in buckets)
    for name, bucket in named:
        key = bucket.get("key_as_string", bucket.get("key")) if name is None else name
        if isinstance(bucket.get("key"), Mapping):
            keys = {f"{column}.{part}": value for part, value in bucket["key"].items()}
        else:
            keys = {column: key}
        yield from _inside(column, bucket, {**keys, f"{column}.doc_count": bucket.get("doc_count")})


def _inside(column: str, bucket: Mapping[str, Any], own: Row) -> Iterator[Row]:
    """A bucket's rows: ``own`` and what its aggregations add to it."""
    inner = {name: found for name, found in bucket.items() if name not in _OF_BUCKET and isinstance(found, Mapping)}
    empty = True
    for row in bucket_rows(inner, f"{column}."):
        empty = False
        yield {**own, **row}
    if empty:
        yield own


def _below(column: str, rows: Iterator[Row]) -> Iterator[Row]:
    return ({f"{column}.{name}": value for name, value in row.items()} for row in rows)


def _metric(column: str, found: Mapping[str, Any]) -> Row:
    if "value" in found:
        return {column: found.get("value_as_string", found["value"])}
    return {f"{column}.{name}": value for name, value in _flat(found).items()}


def _flat(node: Mapping[str, Any], prefix: str = "") -> Row:
    out: Row = {}
    for name, value in node.items():
        if isinstance(value, Mapping) and value:
            out |= _flat(value, f"{prefix}{name}.")
        else:
            out[f"{prefix}{name}"] = value
    return out
