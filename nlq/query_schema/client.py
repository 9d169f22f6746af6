"""The Query DSL as the installed Elasticsearch client types it, in JSON Schema.

The client's classes are generated from Elasticsearch's own specification, so names and types of options need not be
typed here. An annotation that names a field, a query or an aggregation becomes a reference (FIELD, QUERY, AGGS) that
the caller defines; options that hold a script, and those the client does not type, are left out.
"""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, Union

from nlq.json_schema import Schema, any_of, many, ref

FIELD, QUERY, AGGS = "field", "query", "aggs"
FORBIDDEN_TYPES = frozenset({"Script", "ScriptField", "ScriptSort", "ScriptedHeuristic", "TermsLookup", "FieldLookup"})


@dataclass(frozen=True, slots=True)
class Clause:
    """One class of the client. ``options`` maps keys to schemas, ``required`` are those its documentation calls so.

    ``by_field`` is True where the options stand below the name of a field: {"match": {FIELD: options}}.
    """

    options: Mapping[str, Schema]
    required: tuple[str, ...]
    by_field: bool = False


@lru_cache(maxsize=1)
def queries() -> Mapping[str, Clause]:
    """Every query the client knows, by its key in the Query DSL."""
    from elasticsearch.dsl import query

    return {c.name: _clause(c) for c in vars(query).values() if _is_kind(c, query.Query)}


@lru_cache(maxsize=1)
def aggregations() -> Mapping[str, Clause]:
    """Every aggregation the client knows, by its key."""
    from elasticsearch.dsl import aggs

    return {c.name: _clause(c) for c in vars(aggs).values() if _is_kind(c, aggs.Agg)}


@lru_cache(maxsize=256)
def part(name: str) -> Clause:
    """A type that queries and aggregations are made of ("FieldSort", "InnerHits", …)."""
    from elasticsearch.dsl import types as parts

    kind = getattr(parts, name)
    return _of(kind, typing.get_type_hints(kind, {**vars(parts), **_names()}))


def _is_kind(kind: Any, base: type) -> bool:
    return inspect.isclass(kind) and issubclass(kind, base) and bool(getattr(kind, "name", None))


def _names() -> dict[str, Any]:
    from elastic_transport.client_utils import DefaultType
    from elasticsearch.dsl import aggs, function, query, types, wrappers
    from elasticsearch.dsl.document_base import InstrumentedField

    names = {"types": types, "wrappers": wrappers, "query": query, "aggs": aggs, "function": function}
    return {**names, "InstrumentedField": InstrumentedField, "DefaultType": DefaultType}


def _clause(kind: Any) -> Clause:
    hints = typing.get_type_hints(kind.__init__, {**vars(inspect.getmodule(kind)), **_names()})
    value = hints.pop("_value", None)
    hints = {k: v for k, v in hints.items() if k not in ("_field", "kwargs", "return")}
    if value is None:
        return _of(kind, hints)
    inner = [o for o in typing.get_args(value) if _is_part(o) and o.__name__ not in FORBIDDEN_TYPES]
    if len(inner) == 1 and not hints:
        found = part(inner[0].__name__)
        return Clause(found.options, found.required, by_field=True)
    return Clause(_of(kind, hints).options, (), by_field=True)


def _of(kind: Any, hints: Mapping[str, Any]) -> Clause:
    options = {}
    for key, hint in hints.items():
        schema = None if key in ("_field", "_value", "RESERVED") else _schema(hint)
        if schema is not None:
            options[_key(key)] = schema
    named = re.findall(r":arg (\w+): \(required\)", inspect.getdoc(kind) or "")
    return Clause(options, tuple(_key(k) for k in named if _key(k) in options))


def _key(name: str) -> str:
    """Names of options that Python keeps for itself end with an underscore."""
    return name.removesuffix("_")


def _is_part(hint: Any) -> bool:
    return inspect.isclass(hint) and hint.__module__ == "elasticsearch.dsl.types"


def _schema(hint: Any) -> Schema | None:
    """The schema of an annotation; None where it names a script or nothing that is typed."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is None:
        return _plain(hint)
    if origin in (Union, types.UnionType):
        return _union(args)
    if origin is Literal:
        return {"enum": list(args)}
    if issubclass(origin, Sequence):
        item = _schema(args[0])
        return many(item) if item else None
    inner = _schema(args[1]) if issubclass(origin, Mapping) else None
    return {"type": "object", "additionalProperties": inner, "minProperties": 1} if inner else None


def _plain(hint: Any) -> Schema | None:
    """The schema of a class: a scalar, a type of the client, a name, a query or an aggregation."""
    if _is_part(hint):
        return None if hint.__name__ in FORBIDDEN_TYPES else ref(hint.__name__)
    name = getattr(hint, "__name__", "")
    return ref(_REFERENCES[name]) if name in _REFERENCES else _SCALARS.get(hint)


def _union(args: Sequence[Any]) -> Schema | None:
    """``str | InstrumentedField`` is how the client says that a string names a field."""
    if any(getattr(a, "__name__", "") == "InstrumentedField" for a in args):
        args = [a for a in args if a is not str]
    found = [schema for a in args if (schema := _schema(a)) is not None]
    plain = [s["type"] for s in found if s in ({"type": "string"}, {"type": "number"}, {"type": "boolean"})]
    merged: list[Schema] = [{"type": plain}] if len(plain) > 1 else []
    rest = [s for s in found if not merged or s.get("type") not in plain]
    if "number" in plain:
        rest = [s for s in rest if s.get("type") != "integer"]
    unique = [s for i, s in enumerate(rest) if s not in rest[:i]]
    return any_of([*merged, *unique]) if found else None


_REFERENCES: Mapping[str, str] = {"InstrumentedField": FIELD, "Query": QUERY}
_SCALARS: Mapping[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer", "minimum": 0},
    float: {"type": "number"},
    bool: {"type": "boolean"},
}
