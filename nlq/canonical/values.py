"""The canonical spelling of values: of the type that the decoded schema has for the field's kind."""

from __future__ import annotations

import math
import re
from typing import Any

from nlq.canonical.parts import kind_of
from nlq.query_schema.kinds import BOOLEAN, DATE, FAMILIES, FLOAT, INTEGER, KEYWORD, TEXT
from nlq.types import Body, IndexSchema

_WHOLE = re.compile(r"-?[0-9]{1,18}")
_FRACTION = re.compile(r"-?[0-9]{1,15}\.[0-9]{1,15}")
_DATE = re.compile(
    r"[0-9]{4}(-[0-9]{2}(-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?)?)?"
    r"|now([+-][0-9]{1,4}[yMwdhms])?(/[yMwdhms])?"
)
_WORDS = TEXT | KEYWORD - {"ip"}
_WHOLES = INTEGER | FAMILIES["integer_range"]
_NUMBERS = _WHOLES | FLOAT | FAMILIES["float_range"]
_DATES = DATE | FAMILIES["date_range"]
_LOW, _HIGH = ("gte", "gt"), ("lte", "lt")


def value_of(value: Any, kind: str) -> Any:
    """A value that fields of the kind are compared with, as Elasticsearch reads it."""
    if kind in _WORDS:
        return _text(value)
    if kind in _NUMBERS:
        return _number(value, kind)
    if kind in BOOLEAN and value in ("true", "false"):
        return value == "true"
    return value


def is_date(value: object) -> bool:
    """Whether the decoded schema can write it as a date."""
    return isinstance(value, str) and _DATE.fullmatch(value) is not None


def spans(content: Body, index: IndexSchema) -> Body:
    """The content of a range clause: ``gte`` or ``gt``, then ``lte`` or ``lt``, then what else it says."""
    return {f: _span(spec, kind_of(f, index)) if isinstance(spec, dict) else spec for f, spec in content.items()}


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) and abs(value) < 10**18 else value


def _number(value: Any, kind: str) -> Any:
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    if isinstance(value, str) and _FRACTION.fullmatch(value):
        value = float(value)
    whole = isinstance(value, float) and value.is_integer() and abs(value) < 2**53
    return int(value) if whole and kind in _WHOLES else value


def _span(spec: Body, kind: str) -> Body:
    rest = dict(spec)
    low = _bound(rest, _LOW, old="from", inclusive="include_lower")
    high = _bound(rest, _HIGH, old="to", inclusive="include_upper")
    bounds = {name: _bound_value(name, value, kind) for name, value in {**low, **high}.items()}
    if len(bounds) > 1:
        bounds = {k: v for k, v in bounds.items() if v is not None} or bounds
    if str(rest.get("relation", "")).lower() == "intersects":
        del rest["relation"]
    if kind in _DATES and rest.get("time_zone") in ("UTC", "Z", "+00:00"):
        del rest["time_zone"]
    return bounds | rest


def _bound(rest: Body, names: tuple[str, str], *, old: str, inclusive: str) -> Body:
    """Takes one end of a range out of ``rest``."""
    if old in rest and not any(name in rest for name in names):
        closed = rest.pop(inclusive, True) not in (False, "false")
        return {names[0] if closed else names[1]: rest.pop(old)}
    return {name: rest.pop(name) for name in names if name in rest}


def _bound_value(name: str, value: Any, kind: str) -> Any:
    value = value_of(value, kind) if kind not in TEXT else value
    if kind in INTEGER and isinstance(value, float) and math.isfinite(value) and abs(value) < 2**53:
        # Elasticsearch rounds a fraction inwards; the open bounds then exclude nothing that exists.
        return {"gte": math.ceil, "gt": math.floor, "lte": math.floor, "lt": math.ceil}[name](value)
    return value
