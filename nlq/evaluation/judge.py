"""Whether a response holds a wanted table.

A response is flattened to tables: its hits' ``_source`` and requested fields, each bucket aggregation, all single
values beside each other, its total. It is right when one table holds the wanted rows: column names and extra columns
are ignored, order too unless asked for, numbers compare to six significant digits, duplicates may be merged.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from nlq.types import Result

Row = list[Any]
Table = list[Row]
_MOST_PICKS = 5000


def right(result: Result, rows: Sequence[Sequence[Any]], *, ordered: bool) -> bool:
    """Whether any table of ``result`` holds ``rows``."""
    return any(_holds(table, rows, ordered=ordered) for table in _tables(result))


def _tables(result: Result) -> list[Table]:
    return [*_agg_tables(result.aggregations), *_hit_tables(result.hits, total=result.total)]


def _hit_tables(hits: Sequence[Mapping[str, Any]], *, total: int | None) -> list[Table]:
    rows = [_leaves(hit.get("_source") or {}) | _requested(hit) for hit in hits]
    columns = sorted({column for row in rows for column in row})
    found = [[[row.get(column) for column in columns] for row in rows]] if rows else []
    return found if total is None else [*found, [[total]]]


def _requested(hit: Mapping[str, Any]) -> dict[str, Any]:
    """What ``fields``, ``docvalue_fields`` and ``script_fields`` gave, under names that no source has."""
    return {f"@{k}": v[0] if len(v) == 1 else str(v) for k, v in (hit.get("fields") or {}).items()}


def _leaves(value: Any, path: str = "") -> dict[str, Any]:
    if isinstance(value, Mapping):
        out: dict[str, Any] = {}
        for key, inner in value.items():
            out |= _leaves(inner, f"{path}.{key}" if path else key)
        return out
    if isinstance(value, list):
        return {path: value[0] if len(value) == 1 and not isinstance(value[0], Mapping | list) else str(value)}
    return {path: value}


def _agg_tables(aggs: Mapping[str, Any]) -> list[Table]:
    out: list[Table] = []
    single: Row = []
    for agg in aggs.values():
        if not isinstance(agg, Mapping):
            continue
        if "buckets" in agg:
            out.append(_bucket_table(agg["buckets"]))
        elif isinstance(agg.get("hits"), Mapping):
            out += _hit_tables(agg["hits"]["hits"], total=(agg["hits"].get("total") or {}).get("value"))
        elif "doc_count" in agg:
            single.append(agg["doc_count"])
            for table in _agg_tables({k: v for k, v in agg.items() if isinstance(v, Mapping)}):
                if len(table) == 1:
                    single += table[0]
                else:
                    out.append(table)
        else:
            single += _scalars(agg)
    return [*out, [single]] if single else out


def _bucket_table(buckets: Any) -> Table:
    named = buckets.items() if isinstance(buckets, Mapping) else ((None, b) for b in buckets)
    rows = [row for name, bucket in named for row in _bucket_rows(bucket, name)]
    width = max((len(row) for row in rows), default=0)
    return [row + [None] * (width - len(row)) for row in rows]


def _bucket_rows(bucket: Mapping[str, Any], name: str | None) -> list[Row]:
    head: Row = [name] if name is not None else []
    for key in ("key", "key_as_string"):
        if key in bucket:
            value = bucket[key]
            head += (
                list(value.values()) if isinstance(value, Mapping) else value if isinstance(value, list) else [value]
            )
    if "from" in bucket or "to" in bucket:
        head += [bucket.get("from"), bucket.get("to")]
    head.append(bucket.get("doc_count"))
    rows: list[Row] = [head]
    for table in _agg_tables({k: v for k, v in bucket.items() if isinstance(v, Mapping) and k != "key"}):
        rows = [row + table[0] for row in rows] if len(table) == 1 else [row + more for row in rows for more in table]
    return rows


def _scalars(agg: Mapping[str, Any]) -> Row:
    if "values" in agg:
        values = agg["values"]
        return list(values.values()) if isinstance(values, Mapping) else [v.get("value") for v in values]
    out: Row = []
    for key, value in agg.items():
        if key == "meta":
            continue
        if isinstance(value, Mapping):
            out += _scalars(value)
        elif not isinstance(value, list):
            out.append(value)
    return out


def _canonical(value: Any) -> Any:
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, str):
        if value in ("true", "false"):
            return float(value == "true")
        try:
            value = float(value)
        except ValueError:
            return value[:10] if value[10:19] == "T00:00:00" else value
    if isinstance(value, int | float):
        # Twelve digits first: 45.855 and 45.855000000000004 are the same number.
        return float(f"{float(f'{value:.12g}'):.6g}") + 0.0
    return value


def _holds(table: Table, rows: Sequence[Sequence[Any]], *, ordered: bool) -> bool:
    if not table or not rows:
        return not table and not rows
    wanted = [tuple(_canonical(v) for v in row) for row in rows]
    width = max(len(row) for row in table)
    have = [[_canonical(v) for v in row] + [None] * (width - len(row)) for row in table]
    contents = [{row[c] for row in have} for c in range(width)]
    columns = [[c for c in range(width) if contents[c] == {row[j] for row in wanted}] for j in range(len(wanted[0]))]
    picks = itertools.islice(itertools.product(*columns), _MOST_PICKS)
    return any(_same([tuple(row[c] for c in pick) for row in have], wanted, ordered=ordered) for pick in picks)


def _same(got: list[tuple[Any, ...]], wanted: list[tuple[Any, ...]], *, ordered: bool) -> bool:
    if ordered:
        return got == wanted or list(dict.fromkeys(got)) == list(dict.fromkeys(wanted))
    return Counter(got) == Counter(wanted) or set(got) == set(wanted)
