"""JSON Schema to what llguidance decodes under. llama.cpp's and torch's samplers share it."""

from __future__ import annotations

from nlq.errors import InputError
from nlq.types import Body


def compact_schema(schema: Body) -> Body:
    """The schema with a note that makes llguidance write compact texts: no white space between keys and values.

    JSON Schema lets everybody else pass over keywords they do not know.
    """
    return {**schema, "x-guidance": {"whitespace_flexible": False, "coerce_one_of": True}}


def guidance_grammar(schema: str) -> str:
    """The llama.cpp grammar of a JSON Schema, given as JSON; keys are generated in the order of "properties".

    Raises InputError where llguidance cannot follow the schema: llama.cpp itself would drop the grammar in silence
    and decode free text.
    """
    import llguidance

    problem = llguidance.LLMatcher.validate_grammar(llguidance.grammar_from("json_schema", schema))
    if problem:
        raise InputError(f"The schema cannot guide decoding: {problem.splitlines()[0]}.")
    return f"%llguidance {{}}\nstart: %json {schema}"
