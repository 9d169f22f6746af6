"""Random values that fit a JSON Schema: what a query schema lets through, to be tried on the real engine.

Understands the keywords that the project's schemas use (draft 2020-12) and refuses the others, so that a value that
does not fit is never given silently. A schema with ``examples`` gives those of them that fit; a pattern must have some.
"""

from __future__ import annotations

import copy
import json
import math
import random
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from jsonschema import Draft202012Validator

from nlq.types import Body

WORDS = (
    *("red", "lamp", "Blue Lamp", "north sea", "a", "42", "2024", "x-1", "O'Neil", 'say "hi"', "back\\slash", "50%"),
    *("Zürich", "naïve café", "Ελλάδα", "東京", "данные", "🦀", "مرحبا", "two\nlines", "<b>", "and", "*", "now"),
)
_NUMBERS = (0, 1, 2, 3, 5, 7, 10, 25, 100, 1999, 2024, -1, -40, 0.5, 2.25, 99.5, -3.75)
_OTHER = {"boolean": (True, False), "null": (None,)}
_OPTIONAL = 0.4  # the chance of an optional key at the top; it falls to 0 as depth runs out
_MOST_VALUES = 400  # after so many, everything ends as soon as it can
_TRIES = 60
_SCALARS = frozenset({"string", "integer", "number", "boolean", "null"})
_APPLIED = ("$ref", "anyOf", "oneOf", "allOf", "$defs")
_UNKNOWN = frozenset(
    "not if then else contains dependentRequired dependentSchemas dependencies multipleOf unevaluatedProperties "
    "unevaluatedItems $dynamicRef $recursiveRef".split()
)


def walk(schema: Body, rng: random.Random, *, depth: int = 14) -> Any:
    """One random value that fits ``schema``; the same for the same state of ``rng``.

    ``depth`` is how many objects and arrays may stand inside each other; more only where the schema cannot end
    sooner. Raises ValueError, with the place in the schema, for a keyword it does not know, a pattern without
    ``examples`` and a schema that no finite value fits. For many walks of one schema keep a Walker.
    """
    return Walker(schema).walk(rng, depth=depth)


class Walker:
    """A schema made ready for many walks: it knows how soon each of its parts can end."""

    def __init__(self, schema: Body) -> None:
        self.schema = schema
        self._validator = Draft202012Validator(schema)
        self._ends: dict[str, float] = {}
        self._depths: dict[int, float] = {}  # by id: the schema is held above, so ids of its parts stay theirs
        self._settle()

    def walk(self, rng: random.Random, *, depth: int = 14) -> Any:
        """As ``walk`` of this module."""
        return _Walk(self, rng, depth).value(self.schema, depth, "#")

    def target(self, ref: str) -> Any:
        """What a local reference points to."""
        node: Any = self.schema
        if not ref.startswith("#"):
            raise ValueError(f"{ref}: only references inside the schema are known")
        for step in ref[1:].split("/")[1:]:
            key = unquote(step).replace("~1", "/").replace("~0", "~")
            node = node[int(key)] if isinstance(node, list) else node.get(key)
        if not isinstance(node, dict | bool):
            raise ValueError(f"{ref}: no schema is there")
        return node

    def ends(self, node: Any) -> float:
        """How many objects and arrays stand inside each other in the shallowest value of ``node``."""
        known = self._depths.get(id(node))
        return self._measure(node) if known is None else known

    def fits(self, value: Any, schema: Any) -> bool:
        """Whether ``value`` fits a part of this schema."""
        return self._validator.evolve(schema=schema).is_valid(value)

    def _settle(self) -> None:
        """Depths of all references, from below until none changes; then those of all nodes."""
        before: dict[str, float] | None = None
        while before != self._ends:
            before = dict(self._ends)
            self._depths.clear()
            self._keep(self.schema)
            for ref in list(self._ends):
                self._ends[ref] = self._keep(self.target(ref))

    def _keep(self, node: Any) -> float:
        if id(node) in self._depths:
            return self._depths[id(node)]
        depth = self._measure(node, keep=True)
        if isinstance(node, dict):
            self._depths[id(node)] = depth
        return depth

    def _measure(self, node: Any, *, keep: bool = False) -> float:
        """As ``ends``, of a node not met before. A reference not met before counts as endless for now."""
        if isinstance(node, bool):
            return 0 if node else math.inf
        of = self._keep if keep else self.ends
        least = [of(part) for part in node.get("allOf", ())]
        least += [min(map(of, node[key]), default=math.inf) for key in ("anyOf", "oneOf") if key in node]
        least += [self._ends.setdefault(node["$ref"], math.inf)] if "$ref" in node else []
        named = {name: of(part) for name, part in node.get("properties", {}).items()}
        other = [of(part) for part in node.get("patternProperties", {}).values()]
        other += [of(node[key]) for key in ("additionalProperties", "propertyNames") if key in node]
        items = [*map(of, node.get("prefixItems", ())), *([of(node["items"])] if "items" in node else [])]
        types = set(_types(node))
        if types and not types & _SCALARS and not {"enum", "const"} & node.keys():
            inside = [named.get(name, min(other, default=0)) for name in node.get("required", ())]
            if node.get("minProperties", 0) > len(inside):
                inside.append(min([*named.values(), *other], default=0))
            inside += items[: node.get("minItems", 0)]
            least.append(1 + max(inside, default=0))
        return max(least, default=0)


@dataclass(slots=True)
class _Walk:
    """One walk: the random numbers and how many values it has made."""

    walker: Walker
    rng: random.Random
    depth: int
    made: int = 0

    def value(self, node: Any, room: float, at: str) -> Any:
        """A value of ``node``, at most ``room`` deep where that is possible; ``at`` is its place in the schema."""
        if self.walker.ends(node) == math.inf:
            raise ValueError(f"{at}: no finite value fits")
        self.made += 1
        room = room if self.made <= _MOST_VALUES else 0
        for _ in range(_TRIES):
            ones: list[list[Any]] = []
            flat = self._flat(node, room, at, ones)
            found = self._plain(flat, room, at)
            if all(self.walker.fits(found, {"oneOf": options}) for options in ones):
                return found
        raise ValueError(f"{at}: {_TRIES} values all fit several of oneOf")

    def _flat(self, node: Any, room: float, at: str, ones: list[list[Any]]) -> Body:
        """``node`` as one schema: references followed, one alternative taken. Notes each ``oneOf`` it chose from."""
        if isinstance(node, bool):
            return {}
        if unknown := sorted(_UNKNOWN & node.keys()):
            raise ValueError(f"{at}: {unknown[0]} is not known here")
        parts = [{k: v for k, v in node.items() if k not in _APPLIED}]
        if "$ref" in node:
            parts.append(self._flat(self.walker.target(node["$ref"]), room, node["$ref"], ones))
        parts.extend(self._flat(part, room, f"{at}/allOf/{i}", ones) for i, part in enumerate(node.get("allOf", ())))
        for key in ("anyOf", "oneOf"):
            if key in node:
                chosen = self._alternative(node[key], room)
                parts.append(self._flat(node[key][chosen], room, f"{at}/{key}/{chosen}", ones))
        if "oneOf" in node:
            ones.append(node["oneOf"])
            bare = [option for option in node["oneOf"] if isinstance(option, dict) and option.keys() == {"required"}]
            keys = {name for option in bare for name in option["required"]}
            parts.append({"properties": dict.fromkeys(keys.difference(parts[-1].get("required", ())), False)})
        parts = [part for part in parts if part]
        return parts[0] if len(parts) == 1 else _merged(parts, at)

    def _alternative(self, options: list[Any], room: float) -> int:
        depths = [self.walker.ends(option) for option in options]
        most = max(room, min(depths))
        return self.rng.choice([i for i, depth in enumerate(depths) if depth <= most])

    def _plain(self, node: Body, room: float, at: str) -> Any:
        """A value of a schema without references and alternatives."""
        if "enum" in node or "const" in node:
            options = [v for v in node.get("enum", [node.get("const")]) if v == node.get("const", v)]
            if not options:
                raise ValueError(f"{at}: no value is left")
            return copy.deepcopy(self.rng.choice(options))
        types = _types(node) or ["string"]
        kind = self.rng.choice([t for t in types if t in _SCALARS] or types if room < 1 else types)
        if examples := [e for e in node.get("examples", ()) if self.walker.fits(e, {**node, "type": kind})]:
            return copy.deepcopy(self.rng.choice(examples))
        if kind == "object":
            return self._object(node, room, at)
        if kind == "array":
            return self._array(node, room, at)
        if kind == "string":
            return self._string(node, at)
        return self._number(node, at, kind) if kind in ("integer", "number") else self.rng.choice(_OTHER[kind])

    def _lucky(self, room: float) -> bool:
        return self.rng.random() < _OPTIONAL * max(room, 0) / max(self.depth, 1)

    def _object(self, node: Body, room: float, at: str) -> Body:
        properties, required = node.get("properties", {}), list(node.get("required", ()))
        least, most = node.get("minProperties", 0), node.get("maxProperties", math.inf)
        depths = {n: self.walker.ends(self._schema_of(node, n)) for n in properties if self._allows(node, n)}
        free = [n for n in depths if n not in required and depths[n] < math.inf]
        self.rng.shuffle(free)
        free.sort(key=lambda n: max(depths[n], room - 1))
        wanted = [n for n in free if depths[n] <= room - 1 and self._lucky(room)]
        wanted = [n for n in wanted if len(required) + wanted.index(n) < most]
        wanted += [n for n in free if n not in wanted][: max(0, least - len(required) - len(wanted))]
        names = [n for n in properties if n in required or n in wanted]
        names += [n for n in required if n not in properties]
        names += self._open(node, room, at, names)
        return {n: self.value(self._schema_of(node, n), room - 1, f"{at}/properties/{n}") for n in names}

    def _allows(self, node: Body, name: str) -> bool:
        return "propertyNames" not in node or self.walker.fits(name, node["propertyNames"])

    def _schema_of(self, node: Body, name: str) -> Any:
        parts = [node["properties"][name]] if name in node.get("properties", {}) else []
        parts += [part for pattern, part in node.get("patternProperties", {}).items() if re.search(pattern, name)]
        if not parts:
            return node.get("additionalProperties", True)
        return parts[0] if len(parts) == 1 else {"allOf": parts}

    def _open(self, node: Body, room: float, at: str, taken: list[str]) -> list[str]:
        """Keys that no "properties" names: as many as must be, and some more where the schema describes them."""
        if "patternProperties" in node and "propertyNames" not in node:
            raise ValueError(f"{at}: patternProperties without propertyNames or examples")
        described = isinstance(node.get("additionalProperties"), dict) or "patternProperties" in node
        least = node.get("minProperties", 0) - len(taken)
        most = min(node.get("maxProperties", math.inf) - len(taken), max(least, 3 if described and room >= 1 else 0))
        found: list[str] = []
        for _ in range(_TRIES):
            if len(found) >= most or (len(found) >= least and not self._lucky(room)):
                break
            name = self._name(node, at)
            depth = self.walker.ends(self._schema_of(node, name))
            if name in (*taken, *found, *node.get("properties", ())):
                continue
            if depth <= room - 1 or (len(found) < least and depth < math.inf):
                found.append(name)
        if len(found) < least:
            raise ValueError(f"{at}: found {len(found) + len(taken)} keys, minProperties asks for more")
        return found

    def _name(self, node: Body, at: str) -> str:
        """A name for an open key."""
        if "propertyNames" in node:
            return str(self.value(node["propertyNames"], 0, f"{at}/propertyNames"))
        return self.rng.choice(WORDS)

    def _array(self, node: Body, room: float, at: str) -> list[Any]:
        first, rest, least = node.get("prefixItems", []), node.get("items", False), node.get("minItems", 0)
        rest = True if "items" not in node and least > len(first) else rest
        most = min(node.get("maxItems", math.inf), len(first) if rest is False else math.inf)
        out: list[Any] = []
        seen: set[str] = set()
        for _ in range(_TRIES + least):
            part = first[len(out)] if len(out) < len(first) else rest
            more = self._lucky(room) and self.walker.ends(part) <= room - 1
            if len(out) >= most or not (more or len(out) < least):
                break
            item = self.value(part, room - 1, f"{at}/items")
            key = json.dumps(item, sort_keys=True)
            if key not in seen or not node.get("uniqueItems"):
                out.append(item)
                seen.add(key)
        if len(out) < least:
            raise ValueError(f"{at}: found {len(out)} different items, minItems asks for {least}")
        return out

    def _string(self, node: Body, at: str) -> str:
        if "pattern" in node:
            raise ValueError(f"{at}: a pattern without examples that fit it: {node['pattern']}")
        least, most = node.get("minLength", 1), node.get("maxLength", math.inf)
        fine = [w for w in WORDS if least <= len(w) <= most]
        return self.rng.choice(fine) if fine else "x" * least

    def _number(self, node: Body, at: str, kind: str) -> float:
        low, high = node.get("minimum", -math.inf), node.get("maximum", math.inf)
        above, below = node.get("exclusiveMinimum", -math.inf), node.get("exclusiveMaximum", math.inf)
        least, most = max(low, above), min(high, below)
        known = [*_NUMBERS, *(n for n in (least, most, least + 1, most - 1, (least + most) / 2) if math.isfinite(n))]
        fine = [n for n in known if low <= n <= high and above < n < below and (kind == "number" or n == int(n))]
        if not fine:
            raise ValueError(f"{at}: no number fits")
        found = self.rng.choice(fine)
        return int(found) if found == int(found) else found


def _types(node: Body) -> list[str]:
    """The types a schema allows: those it names, else those its keywords are about; none where all are fine."""
    if "type" in node:
        return [node["type"]] if isinstance(node["type"], str) else list(node["type"])
    about = {
        "object": "properties required additionalProperties propertyNames patternProperties minProperties",
        "array": "items prefixItems minItems maxItems uniqueItems",
        "string": "pattern minLength maxLength",
        "number": "minimum maximum exclusiveMinimum exclusiveMaximum",
    }
    return [kind for kind, keywords in about.items() if node.keys() & set(keywords.split())]


def _merged(parts: list[Body], at: str) -> Body:
    """One schema for what fits all of the parts: those of objects are put together, other keywords must agree."""
    found: Body = {}
    for part in parts:
        for key in found.keys() & part.keys() - {"required", "properties", "additionalProperties"}:
            if found[key] != part[key] and key not in ("title", "description"):
                raise ValueError(f"{at}: two different values of {key} for one place")
        named: Body = {}
        for each in (p["properties"] for p in (found, part) if "properties" in p):
            named |= {n: {"allOf": [named[n], s]} if n in named else s for n, s in each.items()}
        closed = [p.get("properties", {}) for p in (found, part) if p.get("additionalProperties") is False]
        required = [*found.get("required", ()), *part.get("required", ())]
        found = found | part
        if named or closed or required:
            found["properties"] = {n: s for n, s in named.items() if all(n in names for names in closed)}
            found["required"] = list(dict.fromkeys(required))
        if closed:
            found["additionalProperties"] = False
    return found
