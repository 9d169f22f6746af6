"""Mappings become fields: pure functions over what ``GET INDEX/_mapping`` returns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from nlq.types import Field

Json = Mapping[str, Any]

_OBJECTS = frozenset({"object", "nested", "passthrough"})
_NEVER_SEARCHED = frozenset({"binary", "object", "passthrough"})
_WITHOUT_DOC_VALUES = frozenset({"text", "match_only_text", "search_as_you_type", "annotated_text"})


def merge(mappings: Iterable[Json]) -> dict[str, Any]:
    """The union of the mappings; where they differ on a field, the later one's definition counts."""
    merged: dict[str, Any] = {}
    for mapping in mappings:
        _merge_into(merged, mapping)
    return {"properties": {}, **merged}


def _merge_into(target: dict[str, Any], source: Json) -> None:
    for key, value in source.items():
        known = target.get(key)
        if isinstance(value, Mapping) and isinstance(known, dict) and _same_kind(known, value):
            _merge_into(known, value)
        elif isinstance(value, Mapping):
            target[key] = {}
            _merge_into(target[key], value)
        else:
            target[key] = value


def _same_kind(one: Json, other: Json) -> bool:
    return bool(one.get("type", "object") == other.get("type", "object"))


def about(mapping: Json) -> str:
    """What the mapping says of its index: ``_meta.about`` or ``_meta.description``."""
    meta = mapping.get("_meta") or {}
    text = meta.get("about") or meta.get("description") or ""
    return text if isinstance(text, str) else ""


def flatten(mapping: Json) -> tuple[Field, ...]:
    """Every searchable path of the mapping, in its order; runtime fields shadow mapped ones of the same name."""
    found = {field.name: field for field in _properties(mapping.get("properties") or {}, prefix="", nested=None)}
    found |= {field.name: field for field in _runtime(mapping.get("runtime") or {})}
    aliases = dict(_aliases(mapping.get("properties") or {}, prefix=""))
    for name, path in aliases.items():
        if target := found.get(path):
            found[name] = Field(name, target.kind, nested=target.nested, format=target.format)
    return tuple(found.values())


def _properties(properties: Json, *, prefix: str, nested: str | None) -> Iterator[Field]:
    for key, definition in properties.items():
        name = prefix + key
        kind = definition.get("type", "object")
        if kind in _OBJECTS:
            yield from _object(name, definition, nested=nested)
        elif kind != "alias":
            yield from _leaf(name, definition, nested=nested)


def _object(name: str, definition: Json, *, nested: str | None) -> Iterator[Field]:
    if definition.get("enabled", True) in (False, "false"):
        return
    if definition.get("type") == "nested":
        yield Field(name, "nested", nested=nested)
        nested = name
    yield from _properties(definition.get("properties") or {}, prefix=f"{name}.", nested=nested)


def _leaf(name: str, definition: Json, *, nested: str | None) -> Iterator[Field]:
    if _searchable(definition):
        yield Field(name, definition["type"], nested=nested, format=definition.get("format"))
    for key, inner in (definition.get("fields") or {}).items():
        if _searchable(inner):
            yield Field(f"{name}.{key}", inner["type"], parent=name, nested=nested, format=inner.get("format"))


def _searchable(definition: Json) -> bool:
    kind = definition["type"]
    if kind in _NEVER_SEARCHED:
        return False
    indexed = definition.get("index", True) not in (False, "false")
    doc_values = kind not in _WITHOUT_DOC_VALUES and definition.get("doc_values", True) not in (False, "false")
    return indexed or doc_values


def _aliases(properties: Json, *, prefix: str) -> Iterator[tuple[str, str]]:
    for key, definition in properties.items():
        if definition.get("type") == "alias":
            yield prefix + key, definition["path"]
        elif "properties" in definition:
            yield from _aliases(definition["properties"], prefix=f"{prefix}{key}.")


def _runtime(runtime: Json) -> Iterator[Field]:
    for name, definition in runtime.items():
        if definition["type"] == "composite":
            for key, inner in (definition.get("fields") or {}).items():
                yield Field(f"{name}.{key}", inner["type"])
        elif definition["type"] != "lookup":
            yield Field(name, definition["type"], format=definition.get("format"))
