"""The named parts of an accepted schema: sets of fields, and the client's types with their references filled in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from nlq.json_schema import Schema, any_of, obj, ref
from nlq.query_schema import client
from nlq.query_schema.kinds import KEYED, Scope, family
from nlq.query_schema.shapes import OPTIONS, STRING
from nlq.query_schema.table import PARTS, Row

_ONE_OF = frozenset({"IntervalsContainer", "IntervalsFilter"})
_ANY = ("*",)
_OWN_PARTS: Mapping[str, Schema] = {
    "IntervalsRange": any_of([obj({low: STRING, high: STRING}) for low in ("gte", "gt") for high in ("lte", "lt")]),
}
_GRAMS = ("._2gram", "._3gram")


class Definitions:
    """``defs`` of one schema. Every method returns a reference or a schema that refers to what is in ``defs``."""

    def __init__(self) -> None:
        self.defs: dict[str, Schema] = {}

    def fields(
        self, scope: Scope, families: Iterable[str], *, aggregatable: bool = False, boosted: bool = False
    ) -> Schema | None:
        """The names of the scope's fields of these families ("*": of all); None where there is none."""
        wanted = tuple(families)
        names = _names(scope, wanted, aggregatable=aggregatable)
        if not names:
            return None
        key = f"{'+'.join(wanted)}{'!' if aggregatable else ''}{'=' if boosted else ''}@{scope.mark}"
        if key not in self.defs:
            self.defs[key] = _name_schema(scope, names, wanted, boosted=boosted)
        return ref(key)

    def options(self, found: client.Clause, row: Row, scope: Scope, *, aggregatable: bool = False) -> dict[str, Schema]:
        """The options of a clause as the table has them, in the client's order, those typed by the table last."""
        dropped = set(row.drop.split())
        every = {k: v for k, v in found.options.items() if k not in dropped}
        out = {}
        for key, schema in {**every, **row.own}.items():
            typed = row.own.get(key) or OPTIONS.get(key) or schema
            filled = self.filled(typed, scope, row, aggregatable=aggregatable, boosted=row.boosted and key == "fields")
            if filled is not None:
                out[key] = filled
        return out

    def clause(self, found: client.Clause, row: Row, scope: Scope, *, aggregatable: bool = False) -> Schema | None:
        """The object that stands under a clause's key; None where it must name a field and the scope has none."""
        options = self.options(found, row, scope, aggregatable=aggregatable)
        required = row.required.split() or found.required
        if any(key not in options for key in required):
            return None
        needed = {key: options[key] for key in required}
        return obj(needed, {k: v for k, v in options.items() if k not in needed})

    def filled(self, node: Any, scope: Scope, row: Row, *, aggregatable: bool = False, boosted: bool = False) -> Any:
        """``node`` with the client's references turned into this scope's; None where it names fields that are not."""
        if isinstance(node, list):
            parts = [self.filled(item, scope, row, aggregatable=aggregatable, boosted=boosted) for item in node]
            return [part for part in parts if part is not None]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return self._resolved(
                str(node["$ref"]).removeprefix("#/$defs/"), scope, row, aggregatable=aggregatable, boosted=boosted
            )
        out = {k: self.filled(v, scope, row, aggregatable=aggregatable, boosted=boosted) for k, v in node.items()}
        lost = any(out[k] is None for k in ("items", "additionalProperties") if k in out) or out.get("anyOf") == []
        if lost or any(out["properties"].get(k, 0) is None for k in out.get("required", ()) if "properties" in out):
            return None
        if "properties" in out:
            out["properties"] = {k: v for k, v in out["properties"].items() if v is not None}
        return out

    def _resolved(self, name: str, scope: Scope, row: Row, *, aggregatable: bool, boosted: bool) -> Schema | None:
        if name == client.FIELD:
            return self.fields(scope, row.families or _ANY, aggregatable=aggregatable, boosted=boosted)
        if name in (client.QUERY, client.AGGS, "span", "sorts"):
            return ref(name + "@" + scope.mark)
        if name == "SpanQuery":
            return ref("span@" + scope.mark)
        if name == "SortOptions":
            return ref("sort@" + scope.mark)
        if name in self.defs:
            return ref(name)
        return self._part(name, scope)

    def _part(self, name: str, scope: Scope) -> Schema | None:
        key = f"{name}@{scope.mark}"
        if name in _OWN_PARTS:
            self.defs.setdefault(key, _OWN_PARTS[name])
        if key not in self.defs:
            self.defs[key] = {}  # parts may hold themselves
            row = PARTS.get(name, Row())
            built = self.clause(client.part(name), row, scope, aggregatable=name == "FieldCollapse")
            self.defs[key] = built if built is not None else {"not": {}}
            if name in _ONE_OF and built is not None:
                self.defs[key] = {**built, "minProperties": 1, "maxProperties": 1}
        return ref(key)


def keyed(names: Schema, value: Schema) -> Schema:
    """An object with one key, one of the names."""
    return {
        "type": "object",
        "propertyNames": names,
        "additionalProperties": value,
        "minProperties": 1,
        "maxProperties": 1,
    }


def keyed_with(names: Schema, value: Schema, options: Mapping[str, Schema]) -> Schema:
    """An object with one key of the names, and perhaps one of the options beside it."""
    out = [keyed(names, value)]
    for key, option in options.items():
        both = {"type": "object", "properties": {key: option}, "required": [key], "additionalProperties": value}
        names_or_key = any_of([names, {"enum": [key]}])
        out.append({**both, "propertyNames": names_or_key, "minProperties": 2, "maxProperties": 2})
    return any_of(out)


def one_of(parts: Mapping[str, Schema]) -> Schema:
    """An object with one of these keys."""
    return {
        "type": "object",
        "properties": dict(parts),
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }


def _names(scope: Scope, families: tuple[str, ...], *, aggregatable: bool) -> list[str]:
    fitting = [
        f
        for f in scope.fields
        if (families == _ANY or family(f) in families) and (f.aggregatable if aggregatable else f.searchable)
    ]
    grams = [f.name + end for f in fitting if f.kind == "search_as_you_type" for end in _GRAMS]
    return [f.name for f in fitting] + grams


def _name_schema(scope: Scope, names: list[str], families: tuple[str, ...], *, boosted: bool) -> Schema:
    options: list[Schema] = [{"enum": names}]
    open_ended = [f.name for f in scope.fields if f.kind in KEYED and f.name in names]
    if open_ended and not boosted:
        options.append(_pattern(open_ended, r"\.[^\x00-\x1f]{1,200}", ".key"))
    if boosted:
        options.append(_pattern(names, r"\^[0-9]{1,3}(\.[0-9]{1,3})?", "^2"))
    return any_of(options)


def _pattern(names: list[str], ending: str, example: str) -> Schema:
    """Names followed by something. JSON Schema's regular expressions escape what Python's do."""
    heads = "|".join(re.escape(name).replace("\\ ", " ").replace("\\-", "-") for name in names)
    return {"type": "string", "pattern": f"^({heads}){ending}$", "examples": [names[0] + example]}
