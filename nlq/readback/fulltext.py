"""Full-text queries: what a field, or any of several fields, contains."""

from __future__ import annotations

import re

from nlq.readback.words import Odd, Spec, names, shown

_ONE_WORD = re.compile(r"[0-9A-Za-zÀ-ɏͰ-ӿ]+")
"""One word to any analyzer. Scripts without spaces are left out: theirs may be cut into several."""

_PREFIX_NOTE = "the last word by its beginning"


def match(spec: Spec) -> str:
    return _contains(spec)


def match_bool_prefix(spec: Spec) -> str:
    return f"{_contains(spec)}, {_PREFIX_NOTE}"


def match_phrase(spec: Spec) -> str:
    return f"contains the phrase {shown(spec.need('query'))}"


def match_phrase_prefix(spec: Spec) -> str:
    return f"contains a phrase that starts with {shown(spec.need('query'))}"


def multi_match(spec: Spec) -> str:
    if spec.get("type") == "cross_fields":
        spec.take("type")
        return _together(spec)
    fields = _fields(spec)
    kind = spec.get("type")
    if kind in ("phrase", "phrase_prefix", "bool_prefix"):
        spec.take("type")
    if kind == "phrase":
        return f"{fields} {match_phrase(spec)}"
    if kind == "phrase_prefix":
        return f"{fields} {match_phrase_prefix(spec)}"
    return f"{fields} {match_bool_prefix(spec) if kind == 'bool_prefix' else match(spec)}"


def combined_fields(spec: Spec) -> str:
    return _together(spec)


def query_string(spec: Spec) -> str:
    return f"{_fields(spec)} matches the query string {shown(spec.need('query'))}"


def simple_query_string(spec: Spec) -> str:
    return f"{_fields(spec)} matches the simple query string {shown(spec.need('query'))}"


def semantic(spec: Spec) -> str:
    return f"{spec.name('field')} is about {shown(spec.need('query'))}"


def _fields(spec: Spec) -> str:
    fields = spec.take("fields", "default_field")
    return "any field" if fields in (None, []) else names(fields, " or ")


def _together(spec: Spec) -> str:
    fields = spec.take("fields")
    if fields in (None, []):
        return f"the text of all fields {_contains(spec)}"
    return f"the text of {names(fields, ' and ')} {_contains(spec)}"


def _contains(spec: Spec) -> str:
    query = spec.need("query")
    if isinstance(query, dict | list):
        raise Odd
    amount = _amount(spec, one_word=isinstance(query, str) and _ONE_WORD.fullmatch(query) is not None)
    fuzzy = spec.get("fuzziness")
    if isinstance(fuzzy, str) and fuzzy.upper() == "AUTO":
        spec.take("fuzziness")
    return f"contains {amount}{shown(query)}{'' if fuzzy is None else ', spelled about like that'}"


def _amount(spec: Spec, *, one_word: bool) -> str:
    """How many of the words it takes: "all of ", "at least 2 of ", nothing where there is but one."""
    operator = spec.get("operator")
    if isinstance(operator, str) and operator.lower() in ("and", "or"):
        spec.take("operator")
    if isinstance(operator, str) and operator.lower() == "and":
        return "" if one_word else "all of "
    least = at_least(spec.get("minimum_should_match"))
    if least is None:
        return "" if one_word else "any of "
    spec.take("minimum_should_match")
    return f"{least} of "


def at_least(value: object) -> str | None:
    """A minimum_should_match in words, None where it is a formula or no minimum."""
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if re.fullmatch(r"\+?[0-9]+%?", text) and text.strip("+0%"):
        return f"at least {text}"
    if re.fullmatch(r"-[0-9]+%?", text):
        return f"all but {text[1:]}"
    return None
