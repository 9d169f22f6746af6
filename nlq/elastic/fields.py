"""Mappings become fields: pure functions over what ``GET INDEX/_mapping`` returns.

``_field_caps`` is not asked: it knows no nested paths, formats, vector lengths and joins, and calls fields searchable
that no query can name (ranges and flattened fields that are not indexed, binary ones with doc values).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from nlq.query_schema.kinds import DATE, INTEGER, NUMBER, TEXT
from nlq.types import Field

Json = Mapping[str, Any]

CONFLICT = "conflict"

_OBJECTS = frozenset({"object", "nested", "passthrough"})
_NEVER_SEARCHED = frozenset({"binary", "histogram"})
_INDEXED_ONLY = TEXT | {
    "dense_vector",
    "flattened",
    "rank_feature",
    "rank_features",
    *("integer_range", "long_range", "float_range", "double_range", "date_range", "ip_range"),
}
"""Queries read these from the index alone; the other kinds can also be searched by their doc values."""

_WITHOUT_DOC_VALUES = frozenset(
    {"completion", "dense_vector", "percolator", "rank_feature", "rank_features", "semantic_text"}
    | {"sparse_vector", "binary"}
)
_FLOAT_VECTORS = frozenset({"float", "bfloat16"})

_KEYWORD = frozenset({"keyword", "constant_keyword", "wildcard"})
_SIGNED = INTEGER - {"unsigned_long"}  # sorts over it and others come out wrong
_GENERAL: tuple[tuple[frozenset[str], str], ...] = (
    (_SIGNED, "long"),
    (NUMBER - {"unsigned_long"}, "double"),
    (DATE, "date"),
    (_KEYWORD, "keyword"),
    (TEXT | _KEYWORD, "text"),
)
"""Kinds that Elasticsearch treats as one where indices differ, and the kind that stands for all of them."""

_DEFAULT_FORMATS = {
    "date": "strict_date_optional_time||epoch_millis",
    "date_nanos": "strict_date_optional_time_nanos||epoch_millis",
    "date_range": "strict_date_optional_time||epoch_millis",
}


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
    return unite([mapping])


def unite(mappings: Iterable[Json]) -> tuple[Field, ...]:
    """The searchable paths of indices that are searched together, in the order they are first met.

    A field is as much as all of them can do: of the more general kind, searchable and aggregatable where each is,
    "conflict" where their kinds do not go together, ``partial`` where they are not alike or one lacks it. A path that
    is nested in one index and not so in another is left out, and so is what lies below a conflict of that sort.
    """
    parts = [_paths(mapping) for mapping in _distinct(mappings)]
    kept: dict[str, Field] = {}
    for name in dict.fromkeys(name for part in parts for name in part):
        field = _united([part.get(name) for part in parts])
        if field is not None and (field.nested is None or _is_nested(kept.get(field.nested))):
            kept[name] = field
    return tuple(kept.values())


def _is_nested(field: Field | None) -> bool:
    return field is not None and field.kind == "nested"


def _distinct(mappings: Iterable[Json]) -> list[Json]:
    """Each mapping once: the indices behind a data stream mostly have the same."""
    return list({json.dumps([m.get("properties"), m.get("runtime")], sort_keys=True): m for m in mappings}.values())


def _united(found: Sequence[Field | None]) -> Field | None:
    """The field that stands for those of one name (None: an index lacks it); None where no search can use it."""
    known = [field for field in found if field is not None]
    first, kinds = known[0], {field.kind for field in known}
    if len({field.nested for field in known}) > 1:
        return None
    kind = _general(kinds) if len({field.dims for field in known}) == 1 else CONFLICT
    parent = first.parent if len({field.parent for field in known}) == 1 else None
    if kind == CONFLICT:
        return Field(first.name, kind, parent=parent, nested=first.nested, aggregatable=False, partial=True)
    united = replace(
        first,
        kind=kind,
        parent=parent,
        format=_format(known),
        relations=tuple(dict.fromkeys(pair for field in known for pair in field.relations)),
        searchable=all(field.searchable for field in known),
        aggregatable=all(field.aggregatable for field in known) and not (kind == "text" and kinds & _KEYWORD),
        partial=len(set(found)) > 1,
    )
    return united if kind != "object" and (united.searchable or united.aggregatable) else None


def _general(kinds: set[str]) -> str:
    if len(kinds) == 1:
        return next(iter(kinds))
    return next((general for family, general in _GENERAL if kinds <= family), CONFLICT)


def _format(known: Sequence[Field]) -> str | None:
    """The format that reads what each of the fields reads."""
    if len({field.format for field in known}) == 1:
        return known[0].format
    each = [field.format or _DEFAULT_FORMATS.get(field.kind, "") for field in known]
    return "||".join(dict.fromkeys(part for text in each for part in text.split("||") if part))


def _paths(mapping: Json) -> dict[str, Field]:
    """Every path of one mapping by name, objects and what cannot be searched among them."""
    properties = mapping.get("properties") or {}
    found = {field.name: field for field in _properties(properties, prefix="", nested=None)}
    found |= {field.name: field for field in _runtime(mapping.get("runtime") or {})}
    for name, path in dict(_aliases(properties, prefix="")).items():
        if target := found.get(path):
            found[name] = replace(target, name=name, parent=None)
    return found


def _properties(properties: Json, *, prefix: str, nested: str | None) -> Iterator[Field]:
    for key, definition in properties.items():
        name = prefix + key
        kind = definition.get("type", "object")
        if kind in _OBJECTS:
            yield from _object(name, definition, nested=nested)
        elif kind != "alias":
            yield _leaf(name, definition, nested=nested)
            for inner, multi in (definition.get("fields") or {}).items():
                yield _leaf(f"{name}.{inner}", multi, parent=name, nested=nested)


def _object(name: str, definition: Json, *, nested: str | None) -> Iterator[Field]:
    if not _on(definition, "enabled"):
        yield Field(name, "object", nested=nested)
        return
    is_nested = definition.get("type") == "nested"
    yield Field(name, "nested" if is_nested else "object", nested=nested)
    inside = name if is_nested else nested
    yield from _properties(definition.get("properties") or {}, prefix=f"{name}.", nested=inside)


def _leaf(name: str, definition: Json, *, parent: str | None = None, nested: str | None) -> Field:
    kind = definition["type"]
    indexed, columns = _on(definition, "index"), _on(definition, "doc_values") and kind not in _WITHOUT_DOC_VALUES
    if kind in TEXT:
        columns = definition.get("fielddata") in (True, "true")
    return Field(
        name,
        kind,
        parent=parent,
        nested=nested,
        format=definition.get("format"),
        dims=_dims(definition) if kind == "dense_vector" else None,
        relations=_relations(definition.get("relations") or {}) if kind == "join" else (),
        searchable=kind not in _NEVER_SEARCHED and (indexed or (columns and kind not in _INDEXED_ONLY)),
        aggregatable=columns,
    )


def _on(definition: Json, option: str) -> bool:
    return definition.get(option, True) not in (False, "false")


def _dims(definition: Json) -> int | None:
    """The length of a vector of floats; None where the field takes bytes or bits, or no vector has come yet."""
    dims = definition.get("dims")
    return dims if isinstance(dims, int) and definition.get("element_type", "float") in _FLOAT_VECTORS else None


def _relations(relations: Json) -> tuple[tuple[str, str], ...]:
    return tuple(
        (parent, child)
        for parent, children in relations.items()
        for child in (children if isinstance(children, list) else [children])
    )


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
