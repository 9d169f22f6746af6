"""Bounds of a range that name a year or a month mean the whole of it.

Elasticsearch fills what a date lacks with the first month and day, so "lte 1995" would end on 1995-01-01 and
"gt 1995" begin on 1995-01-02 (see its reference, "Missing date components" of the range query).
"""

from __future__ import annotations

import re
from typing import Any

from nlq.query_schema import DATE
from nlq.types import IndexSchema

_YEAR = re.compile(r"^[0-9]{4}$")
_MONTH = re.compile(r"^([0-9]{4})-(0[1-9]|1[0-2])$")


def whole_periods(node: Any, schema: IndexSchema) -> Any:
    """A copy of a body (or a part of one) in which "after" and "until" a year or month start at its end."""
    if isinstance(node, list):
        return [whole_periods(item, schema) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: {name: _bounds(spec, name, schema) for name, spec in value.items()}
        if key == "range" and isinstance(value, dict)
        else whole_periods(value, schema)
        for key, value in node.items()
    }


def _bounds(spec: Any, name: str, schema: IndexSchema) -> Any:
    field = schema.field(name)
    if field is None or field.kind not in DATE or not isinstance(spec, dict):
        return spec
    out = {}
    for bound, value in spec.items():
        later = _next(value) if bound in ("gt", "lte") and isinstance(value, str) else None
        out[{"gt": "gte", "lte": "lt"}[bound] if later else bound] = later or value
    return out


def _next(value: str) -> str | None:
    """The year after a year, the month after a month; None for anything else."""
    if _YEAR.match(value) and value < "9999":
        return f"{int(value) + 1:04d}"
    if found := _MONTH.match(value):
        year, month = int(found[1]), int(found[2])
        return f"{year + month // 12:04d}-{month % 12 + 1:02d}"
    return None
