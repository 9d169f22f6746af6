"""The canonical spelling of sorts, and of the list of what is shown of a document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nlq.canonical.parts import Scores, distinct, mapped, one_item, ordered
from nlq.canonical.places import point
from nlq.canonical.queries import Queries
from nlq.types import Body, IndexSchema

_DEFAULTS: Mapping[str, Any] = {"missing": "_last"}
_GEO_DEFAULTS: Mapping[str, Any] = {"distance_type": "arc", "ignore_unmapped": False}
_GEO_OPTIONS = ("order", "unit", "mode", "distance_type", "ignore_unmapped", "nested")
_DISPLAY = ("format", "unit")
"""These change what a sort shows, and nothing but for the values of ``search_after``."""


def sort_keys(sort: Any, index: IndexSchema, *, paged: bool = False) -> list[Any] | None:
    """The keys of a sort as {FIELD: {"order"}}; None where they say no more than the order by score does.

    ``paged`` says whether a search_after gives values of the keys.
    """
    keys = [part for key in (sort if isinstance(sort, list) else [sort]) for part in _split(key)]
    out = [_key(key, index, paged=paged) for key in keys]
    return None if not out or out == [{"_score": {"order": "desc"}}] else out


def by_score(keys: list[Any] | None) -> bool:
    """Whether the order depends on scores."""
    return keys is None or any(not isinstance(key, dict) or "_score" in key for key in keys)


def source(value: Any) -> Any:
    """A list of paths; None where whole documents are shown."""
    if isinstance(value, dict):
        wanted = value.get("includes", value.get("include", []))
        left_out = value.get("excludes", value.get("exclude", []))
        if left_out or value.keys() - {"includes", "include", "excludes", "exclude"}:
            return value
        value = wanted
    if isinstance(value, str):
        value = [value]
    if isinstance(value, list):
        return None if not value or value == ["*"] else distinct(value)
    return None if value is True else value


def _split(key: Any) -> list[Any]:
    """One object for each key; keys that are texts as objects."""
    if isinstance(key, str):
        return [{key: {}}]
    if isinstance(key, dict) and "_geo_distance" not in key:
        return [{name: how} for name, how in key.items()]
    return [key]


def _key(key: Any, index: IndexSchema, *, paged: bool) -> Any:
    found = one_item(key)
    if found is None:
        return key
    name, how = found
    options = {"order": how} if isinstance(how, str) else how
    if not isinstance(options, dict):
        return key
    options = {k: v.lower() if k == "order" and isinstance(v, str) else v for k, v in options.items()}
    options = options if paged else {k: v for k, v in options.items() if k not in _DISPLAY}
    if name == "_geo_distance":
        return {name: _by_distance(options, index)}
    options.setdefault("order", "desc" if name == "_score" else "asc")
    return {name: ordered(_by_field(name, options, index), ("order", "nested"))}


def _by_field(name: str, options: Body, index: IndexSchema) -> Body:
    out = {k: v for k, v in options.items() if not (k in _DEFAULTS and v == _DEFAULTS[k])}
    if mapped(name, index):
        out.pop("unmapped_type", None)
    if out.get("mode") == {"asc": "min", "desc": "max"}.get(str(out["order"])):
        out.pop("mode", None)
    if "nested_path" in out and "nested" not in out:
        out["nested"] = {"path": out.pop("nested_path")}
    nested = out.get("nested")
    if isinstance(nested, dict) and "filter" in nested:
        out["nested"] = {**nested, "filter": Queries(index).query(nested["filter"], Scores.UNUSED)}
    return out


def _by_distance(options: Body, index: IndexSchema) -> Body:
    names = [key for key in options if key not in _GEO_OPTIONS]
    if len(names) != 1:
        return options
    name, places = names[0], options[names[0]]
    out = {k: v for k, v in options.items() if not (k in _GEO_DEFAULTS and v == _GEO_DEFAULTS[k])}
    if mapped(name, index):
        out.pop("ignore_unmapped", None)
    if isinstance(places, list) and places and not isinstance(places[0], int | float):
        out[name] = point(places[0]) if len(places) == 1 else [point(p) for p in places]
    else:
        out[name] = point(places)
    out.setdefault("order", "asc")
    if out.get("mode") == {"asc": "min", "desc": "max"}.get(str(out["order"])):
        out.pop("mode", None)
    return ordered(out, (name, "order"))
