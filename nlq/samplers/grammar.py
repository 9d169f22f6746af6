"""JSON Schema to what llguidance decodes under. llama.cpp's and torch's samplers share it."""

from __future__ import annotations

import json

from nlq.errors import InputError
from nlq.types import Body


def compact_schema(schema: Body) -> str:
    """The schema as JSON that asks llguidance for compact texts: keys in schema order, no white space between them."""
    return json.dumps({**schema, "x-guidance": {"whitespace_flexible": False, "coerce_one_of": True}})


def guidance_grammar(compact: str) -> str:
    """The llama.cpp grammar of a schema from ``compact_schema``.

    Raises InputError where llguidance cannot follow the schema: llama.cpp itself would drop the grammar in silence
    and decode free text.
    """
    import llguidance

    problem = llguidance.LLMatcher.validate_grammar(llguidance.grammar_from("json_schema", compact))
    if problem:
        raise InputError(f"The schema cannot guide decoding: {problem.splitlines()[0]}.")
    return f"%llguidance {{}}\nstart: %json {compact}"
