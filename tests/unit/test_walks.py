"""Random values that fit a JSON Schema."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from nlq.evaluation.walks import Walker, walk
from nlq.types import Body
from tests.support import lines

SCHEMAS = lines("walk_schemas.jsonl")
REFUSED = lines("walk_schemas_refused.jsonl")
TREE: Body = {
    "$ref": "#/$defs/tree",
    "$defs": {
        "tree": {"anyOf": [{"$ref": "#/$defs/leaf"}, {"$ref": "#/$defs/fork"}]},
        "fork": {"type": "array", "items": {"$ref": "#/$defs/tree"}, "minItems": 2, "maxItems": 2},
        "leaf": {"enum": ["a", "b"]},
    },
}


def _levels(value: Any) -> int:
    inside = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inside is None else 1 + max(map(_levels, inside), default=0)


@pytest.mark.parametrize("case", SCHEMAS, ids=[c["says"] for c in SCHEMAS])
def test_every_walk_fits_its_schema(case: dict[str, Any]) -> None:
    schema, rng = case["schema"], random.Random(1)
    Draft202012Validator.check_schema(schema)
    walker = Walker(schema)

    wrong = [v for v in (walker.walk(rng) for _ in range(150)) if not Draft202012Validator(schema).is_valid(v)]

    assert wrong == []


@pytest.mark.parametrize("case", SCHEMAS, ids=[c["says"] for c in SCHEMAS])
def test_walks_differ_and_come_to_the_values_expected_of_the_schema(case: dict[str, Any]) -> None:
    rng, walker = random.Random(2), Walker(case["schema"])
    seen = {json.dumps(walker.walk(rng), ensure_ascii=False) for _ in range(400)}

    assert {json.dumps(v, ensure_ascii=False) for v in case.get("some", ())} <= seen
    assert len(seen) >= case.get("kinds", 2)


@pytest.mark.parametrize("case", REFUSED, ids=[c["says"] for c in REFUSED])
def test_a_schema_that_cannot_be_walked_is_refused_with_its_place(case: dict[str, Any]) -> None:
    with pytest.raises(ValueError) as refused:
        walk(case["schema"], random.Random(3))

    assert case["error"] in str(refused.value)


def test_the_same_random_numbers_give_the_same_value() -> None:
    values = [json.dumps([walk(c["schema"], random.Random(4)) for c in SCHEMAS]) for _ in range(2)]

    assert values[0] == values[1]


@pytest.mark.parametrize("depth", [0, 1, 3, 6])
def test_a_recursive_schema_ends_at_the_depth_asked_for(depth: int) -> None:
    rng = random.Random(5)
    levels = [_levels(walk(TREE, rng, depth=depth)) for _ in range(200)]

    assert max(levels) == depth


def test_a_value_that_must_be_deeper_than_asked_is_as_shallow_as_it_can_be() -> None:
    fork = {"$ref": "#/$defs/fork"}
    schema: Body = {"type": "object", "properties": {"a": fork}, "required": ["a"], "$defs": TREE["$defs"]}

    assert _levels(walk(schema, random.Random(6), depth=0)) == 2


def test_a_walk_through_a_schema_that_multiplies_stays_small() -> None:
    many: Body = {"type": "array", "items": {"$ref": "#"}, "minItems": 4, "maxItems": 4}
    schema: Body = {"anyOf": [{"const": 1}, many]}
    rng = random.Random(7)

    assert max(len(json.dumps(walk(schema, rng, depth=30))) for _ in range(30)) < 10_000


def test_keys_come_in_the_order_of_properties() -> None:
    order = ["query", "aggs", "size", "a"]
    schema: Body = {"type": "object", "properties": {k: {"const": 1} for k in order}, "required": ["a", "query"]}
    rng = random.Random(8)
    found = [list(walk(schema, rng)) for _ in range(50)]

    assert found == [[k for k in order if k in keys] for keys in found]
    assert order in found
