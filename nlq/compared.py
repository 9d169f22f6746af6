"""Fields that a question compares with a number: of "the lowest points where wins are higher than 5" it is ``wins``.

Where two fields of numbers are named, a small model often has them the wrong way round.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from nlq.narrow import split
from nlq.query_schema import NUMBER
from nlq.rewrite import Walk
from nlq.types import Body, Field, IndexSchema
from nlq.values.mentions import amount

_THAN = (
    r"s?\s+(?:(?:is|are|was|were|of|being|has|have|had|that\s+(?:is|are))\s+)?"
    r"(?:(?:more|greater|higher|larger|bigger|longer|less|fewer|lower|smaller|shorter)\s+than|over|above|under|below"
    r"|exceed(?:s|ed|ing)?|at\s+least|at\s+most)\s+[$€£]?(?P<number>\d[\d,]*(?:\.\d+)?)(?![\w%]|[.,:/-]\d)"
)
_NUMBERS = re.compile(r"\d[\d,]*(?:\.\d+)?")
_BOUNDS = ("gt", "gte", "lt", "lte")


def compared(body: Body, question: str, index: IndexSchema) -> Body:
    """A copy whose ranges are on the fields that ``question`` names right before it compares with their bound. Where
    the body has that field in another place, the two are exchanged.

    Left alone: numbers that the question has twice, and bounds that the body has on two fields.
    """
    fields = [f for f in index.fields if f.kind in NUMBER and f.parent is None and f.nested is None]
    for number, asked in _compared(question, fields).items():
        on = {field for field, bound in _ranges(body.get("query")) if bound == number}
        known = {f.name for f in fields}
        if len(on) == 1 and asked not in on and (wrong := on.pop()) in known:
            body = _exchanged(body, wrong, asked)
    return body


def _compared(question: str, fields: list[Field]) -> Mapping[float, str]:
    """Numbers and the field that stands before each: the one with the longest name."""
    said = [amount(found) for found in _NUMBERS.findall(question)]
    found: dict[float, str] = {}
    for field in sorted(fields, key=lambda f: len(f.name)):
        words = r"\W+".join(map(re.escape, split(field.name)))
        for match in re.finditer(rf"\b{words}{_THAN}", question, re.IGNORECASE) if words else ():
            number = amount(match["number"])
            if said.count(number) == 1:
                found[number] = field.name
    return found


def _ranges(node: Any) -> Iterator[tuple[str, float | int]]:
    """Fields and bounds of all ranges over numbers."""
    if isinstance(node, list):
        for item in node:
            yield from _ranges(item)
    elif isinstance(node, dict):
        for key, held in node.items():
            if key == "range" and isinstance(held, dict):
                for field, spec in held.items():
                    bounds = [spec[b] for b in _BOUNDS if b in spec] if isinstance(spec, dict) else []
                    yield from ((field, b) for b in bounds if isinstance(b, int | float) and not isinstance(b, bool))
            else:
                yield from _ranges(held)


def _exchanged(body: Body, one: str, other: str) -> Body:
    turn = {one: other, other: one}

    def leaf(kind: str, content: Any) -> Body:
        if isinstance(content, dict):
            content = {turn.get(name, name): spec for name, spec in content.items()}
        return {kind: content}

    def agg(kind: str, content: Any) -> Body:
        if isinstance(content, dict) and content.get("field") in turn:
            content = {**content, "field": turn[content["field"]]}
        return {kind: content}

    return Walk(leaf=leaf, agg=agg).body(body)
