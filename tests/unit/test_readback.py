"""Readings of queries."""

from __future__ import annotations

from typing import Any

import pytest

from nlq.readback import readback
from tests.support import lines


@pytest.mark.parametrize("case", lines("readbacks.jsonl"), ids=lambda c: c["says"][:60])
def test_a_query_reads_as_plain_english(case: dict[str, Any]) -> None:
    assert readback(case["body"], "library") == case["says"]


@pytest.mark.parametrize("body", lines("bodies_accepted.jsonl"), ids=str)
def test_every_field_and_value_of_an_accepted_query_is_named(body: dict[str, Any]) -> None:
    text = readback(body, "library")

    assert all(literal in text for literal in _literals(body))


def _literals(node: Any, key: str = "") -> list[str]:
    if isinstance(node, dict):
        return [found for k, v in node.items() for found in _literals(v, k)]
    if isinstance(node, list):
        return [found for item in node for found in _literals(item, key)]
    said_otherwise = ("order", "operator", "fuzziness", "case_insensitive", "minimum_should_match")
    if key in said_otherwise or node in (0, 1, True, "asc", "desc"):
        return []
    return [str(node)]
