"""JSON Schema (draft 2020-12) in a few words, and what is wrong with a value under one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import ValidationError, best_match

from nlq.types import Body

Schema = dict[str, Any]


def problem(body: object, schema: Schema) -> str | None:
    """Why ``body`` does not fit ``schema``: one sentence with the path of the fault; None where it fits."""
    error = best_match(_Validator(schema).iter_errors(body))
    if error is None:
        return None
    where = "/".join(str(p) for p in error.absolute_path) or "the body"
    return f"{where}: {error.message[:300]}"


def _any_of(validator: Any, options: Sequence[Schema], value: object, schema: Schema) -> Iterator[ValidationError]:
    """``anyOf`` that looks only into options whose keys the value has. The rest cannot fit, and to say in what detail
    they do not takes time that grows with every level of a body."""
    fitting = [option for option in options if _may_fit(option, value)]
    if len(fitting) == 1:
        yield from validator.descend(value, fitting[0])
        return
    below = []
    for option in fitting:
        errors = list(validator.descend(value, option))
        if not errors:
            return
        below += errors
    yield ValidationError(f"{_short(value)} is none of what can stand here", context=below)


def _may_fit(option: Schema, value: object) -> bool:
    if not isinstance(value, dict) or option.get("type") != "object":
        return not isinstance(value, dict) or "enum" not in option
    known = option.get("properties", {})
    closed = option.get("additionalProperties") is False
    return all(key in value for key in option.get("required", ())) and (not closed or all(k in known for k in value))


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 100 else text[:100] + "…"


_Validator: Any = validators.extend(Draft202012Validator, {"anyOf": _any_of})  # type: ignore[no-untyped-call]


def minified(body: Body) -> str:
    """The body as models read and write it: no white space, keys in their given order."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def obj(required: Schema, optional: Schema | None = None) -> Schema:
    """A closed object; keys are generated in the order given, required ones first."""
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
        "additionalProperties": False,
    }


def any_of(options: Sequence[Schema]) -> Schema:
    return options[0] if len(options) == 1 else {"anyOf": list(options)}


def many(item: Schema, least: int = 1, most: int | None = None) -> Schema:
    return {"type": "array", "items": item, "minItems": least, **({"maxItems": most} if most else {})}


def ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def integer(least: int, most: int) -> Schema:
    return {"type": "integer", "minimum": least, "maximum": most}


def reachable(schema: object, defs: Mapping[str, Schema]) -> set[str]:
    """Names of the definitions that ``schema`` leads to."""
    found: set[str] = set()
    queue: list[object] = [schema]
    while queue:
        node = queue.pop()
        if isinstance(node, dict):
            name = str(node.get("$ref", "")).removeprefix("#/$defs/")
            if name and name not in found:
                found.add(name)
                queue.append(defs[name])
            queue.extend(node.values())
        elif isinstance(node, list):
            queue.extend(node)
    return found
