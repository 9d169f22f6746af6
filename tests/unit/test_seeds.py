"""The seed examples are what the model imitates: each must be a query that it could have been made to write."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import examples_db
from nlq.elastic.fields import flatten
from nlq.finish import mended
from nlq.json_schema import Schema, minified, problem
from nlq.query_schema import accepted_schema, decoded_schema
from nlq.types import IndexSchema

SEEDS = Path(examples_db.__file__).parent / "seeds"
EXAMPLES: list[dict[str, Any]] = [json.loads(line) for line in (SEEDS / "examples.jsonl").read_text().splitlines()]
INDICES = sorted(path.stem for path in (SEEDS / "indices").glob("*.json"))


def index_of(name: str) -> IndexSchema:
    described = json.loads((SEEDS / "indices" / f"{name}.json").read_text())
    return IndexSchema(name, flatten(described["mappings"]), described["about"])


def examples_of(index: str) -> list[dict[str, Any]]:
    return [example for example in EXAMPLES if example["index"] == index]


def can_be_generated(value: object, schema: Schema, defs: dict[str, Schema]) -> bool:
    """Whether the value fits, with the keys of every object in the order in which they are generated."""
    if "$ref" in schema:
        return can_be_generated(value, defs[schema["$ref"].removeprefix("#/$defs/")], defs)
    if "anyOf" in schema:
        return any(can_be_generated(value, option, defs) for option in schema["anyOf"])
    if isinstance(value, dict) and schema.get("type") == "object":
        in_order = [key for key in schema["properties"] if key in value]
        return (
            list(value) == in_order
            and all(key in value for key in schema["required"])
            and all(can_be_generated(value[key], schema["properties"][key], defs) for key in in_order)
        )
    if isinstance(value, list) and schema.get("type") == "array":
        return all(can_be_generated(item, schema["items"], defs) for item in value)
    return Draft202012Validator(schema).is_valid(value)


def test_there_are_enough_examples_and_indices() -> None:
    assert len(EXAMPLES) >= 60
    assert len(INDICES) >= 10


@pytest.mark.parametrize("index", INDICES)
def test_every_query_is_accepted_by_the_schema_of_its_own_mapping(index: str) -> None:
    schema = accepted_schema(index_of(index))

    faults = {e["question"]: fault for e in examples_of(index) if (fault := problem(e["query"], schema))}

    assert faults == {}


@pytest.mark.parametrize("index", INDICES)
def test_every_query_is_one_that_the_model_could_write_key_by_key(index: str) -> None:
    schema = decoded_schema(index_of(index))

    faults = {e["question"]: fault for e in examples_of(index) if (fault := problem(e["query"], schema))}
    disordered = [
        e["question"] for e in examples_of(index) if not can_be_generated(e["query"], schema, schema["$defs"])
    ]

    assert faults == {}
    assert disordered == []


def test_keys_out_of_order_are_noticed() -> None:
    schema = decoded_schema(index_of("hotels"))

    assert can_be_generated({"query": {"match_all": {}}, "size": 3}, schema, schema["$defs"])
    assert not can_be_generated({"size": 3, "query": {"match_all": {}}}, schema, schema["$defs"])


def test_every_example_is_of_a_described_index_and_every_index_has_some() -> None:
    counts = Counter(example["index"] for example in EXAMPLES)

    assert sorted(counts) == INDICES
    assert min(counts.values()) >= 2


def test_no_question_occurs_twice() -> None:
    counts = Counter(example["question"].casefold().strip() for example in EXAMPLES)

    assert [question for question, times in counts.items() if times > 1] == []


def test_at_least_a_third_of_the_examples_filter_nothing() -> None:
    unfiltered = [example for example in EXAMPLES if example["query"]["query"] == {"match_all": {}}]

    assert len(unfiltered) * 3 >= len(EXAMPLES)


def test_every_query_is_short() -> None:
    long = [example["question"] for example in EXAMPLES if len(minified(example["query"])) >= 600]

    assert long == []


def test_hits_are_limited_only_by_questions_that_say_how_many() -> None:
    """One document for a superlative, else the number that the question names."""
    numbers = {"three": 3, "five": 5, "五": 5, "ten": 10}
    unsaid = [
        e["question"]
        for e in EXAMPLES
        if (size := e["query"].get("size", 0)) > 1
        and str(size) not in e["question"]
        and size not in [number for word, number in numbers.items() if word in e["question"].lower()]
    ]

    assert unsaid == []


@pytest.mark.parametrize("index", INDICES)
def test_no_rule_that_mends_what_models_write_changes_an_example(index: str) -> None:
    """Examples are right as they are: what a rule would change in one, it would spoil elsewhere."""
    schema = index_of(index)
    for example in examples_of(index):
        question, query = example["question"], example["query"]
        assert mended(query, question, index=schema) == query, question
