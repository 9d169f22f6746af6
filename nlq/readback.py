"""A deterministic reading of a search body in plain English, so that a person can see what was asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from nlq.types import Body

_BOUNDS = {"gte": "≥", "gt": ">", "lte": "≤", "lt": "<"}
_METRICS = {
    "avg": "average",
    "sum": "sum",
    "min": "lowest",
    "max": "highest",
    "value_count": "number of values",
    "cardinality": "number of different values",
    "stats": "count, lowest, highest, average and sum",
    "percentiles": "percentiles",
}


def readback(body: Body, index: str) -> str:
    """One sentence that names every clause of ``body``; unknown clauses are shown as JSON, never left out."""
    where = _clause(body.get("query", {"match_all": {}}))
    of = f"{index}" if where == "everything" else f"{index} where {where}"
    if aggs := body.get("aggs"):
        return f"{_aggs(aggs)} of {of}"
    if body.get("size") == 0:
        return f"number of {of}"
    parts = [of]
    if sort := body.get("sort"):
        parts.append("sorted by " + ", then ".join(_sort(s) for s in sort))
    if body.get("from"):
        parts.append(f"skipping {body['from']}")
    parts.append(f"at most {body['size']}" if "size" in body else "the first 10")
    if "_source" in body:
        parts.append("showing " + ", ".join(body["_source"]))
    return ", ".join(parts)


def _sort(key: Mapping[str, Any]) -> str:
    ((field, how),) = key.items()
    order = how.get("order", "asc") if isinstance(how, dict) else how
    return f"{field} ({'highest' if order == 'desc' else 'lowest'} first)"


def _clause(clause: Mapping[str, Any]) -> str:
    ((name, spec),) = clause.items()
    if name in _CLAUSES:
        return _CLAUSES[name](spec)
    if name in _FIELD_CLAUSES and len(spec) == 1:
        ((field, value),) = spec.items()
        return f"{field} {_FIELD_CLAUSES[name](value)}"
    return json.dumps(clause, ensure_ascii=False)


def _multi_match(spec: Mapping[str, Any]) -> str:
    words = "all" if spec.get("operator") == "and" else "any"
    return f"{' or '.join(spec['fields'])} contains {words} of {_show(spec['query'])}"


def _geo_distance(spec: Mapping[str, Any]) -> str:
    ((field, point),) = ((k, v) for k, v in spec.items() if k != "distance")
    return f"{field} is within {spec['distance']} of {point['lat']}, {point['lon']}"


def _match(value: Any) -> str:
    if not isinstance(value, dict):
        return f"contains any of {_show(value)}"
    words = "all" if value.get("operator") == "and" else "any"
    typos = ", spelled about like that" if "fuzziness" in value else ""
    return f"contains {words} of {_show(value['query'])}{typos}"


def _range(value: Mapping[str, Any]) -> str:
    return " and ".join(f"{_BOUNDS[bound]} {limit}" for bound, limit in value.items())


def _bool(spec: Mapping[str, Any]) -> str:
    parts = [_inner(c) for key in ("must", "filter") for c in spec.get(key, [])]
    if should := spec.get("should"):
        least = spec.get("minimum_should_match", 0 if parts else 1)
        text = " or ".join(_inner(c) for c in should)
        many = f"at least {least} of " if least > 1 else ""
        parts.append(f"{many}({text})" if least else f"preferably ({text})")
    parts += [f"not ({_clause(c)})" for c in spec.get("must_not", [])]
    return " and ".join(parts) or "everything"


_CLAUSES: Mapping[str, Callable[[Any], str]] = {
    "match_all": lambda spec: "everything",
    "bool": _bool,
    "exists": lambda spec: f"{spec['field']} has a value",
    "nested": lambda spec: f"some of {spec['path']} has ({_clause(spec['query'])})",
    "multi_match": _multi_match,
    "geo_distance": _geo_distance,
}
_FIELD_CLAUSES: Mapping[str, Callable[[Any], str]] = {
    "match": _match,
    "match_phrase": lambda value: f"contains the phrase {_show(value)}",
    "term": lambda value: f"is {_show(value)}",
    "terms": lambda value: f"is one of {', '.join(map(_show, value))}",
    "range": _range,
    "prefix": lambda value: f"starts with {_show(value['value'])}",
    "wildcard": lambda value: f"looks like {_show(value['value'])}",
}


def _inner(clause: Mapping[str, Any]) -> str:
    text = _clause(clause)
    return f"({text})" if "bool" in clause else text


def _aggs(aggs: Mapping[str, Any]) -> str:
    return " and ".join(_agg(a) for a in aggs.values())


def _agg(agg: Mapping[str, Any]) -> str:
    name, spec = next((k, v) for k, v in agg.items() if k != "aggs")
    if name in _METRICS:
        extra = f" ({', '.join(map(str, spec['percents']))} %)" if "percents" in spec else ""
        return f"{_METRICS[name]} of {spec['field']}{extra}"
    if name == "top_hits":
        sort = "".join(f" by {_sort(s)}" for s in spec.get("sort", []))
        shown = f" showing {', '.join(spec['_source'])}" if "_source" in spec else ""
        return f"the top {spec.get('size', 3)}{sort}{shown}"
    inner = _aggs(agg["aggs"]) if "aggs" in agg else "number"
    return f"{inner} {_bucket(name, spec)}"


def _bucket(name: str, spec: Mapping[str, Any]) -> str:
    if name == "filter":
        return f"among those where {_clause(spec)}"
    if name == "nested":
        return f"inside {spec['path']}"
    if name == "missing":
        return f"among those without {spec['field']}"
    text = f"for each {spec['field']}"
    if name == "date_histogram":
        text = f"for each {spec['calendar_interval']} of {spec['field']}"
    elif name == "histogram":
        text = f"for each {spec['interval']} of {spec['field']}"
    elif name == "range":
        spans = ", ".join(f"{r.get('from', '…')} to {r.get('to', '…')}" for r in spec["ranges"])
        text = f"for {spec['field']} from {spans}"
    if spec.get("min_doc_count"):
        text += f" with at least {spec['min_doc_count']}"
    if order := spec.get("order"):
        ((key, direction),) = order.items()
        by = {"_count": "number", "_key": "name"}.get(key, "that value")
        text += f", {'highest' if direction == 'desc' else 'lowest'} {by} first"
    return text + (f", at most {spec['size']} groups" if "size" in spec else "")


def _show(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)
