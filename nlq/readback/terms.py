"""Term-level queries. Each phrase follows the name of its field."""

from __future__ import annotations

from nlq.readback.words import Odd, Spec, limit, listed, many, name, names, shown

_BOUNDS = {"gte": "≥", "gt": ">", "lte": "≤", "lt": "<"}
_OLD_BOUNDS = {"from": ("include_lower", "≥", ">"), "to": ("include_upper", "≤", "<")}


def term(spec: Spec) -> str:
    return f"is {shown(spec.need('value', 'term'))}"


def range_(spec: Spec) -> str:
    bounds = []
    for key in spec.keys:
        if spec.get(key) is None:
            continue
        if key in _BOUNDS:
            bounds.append(f"{_BOUNDS[key]} {limit(spec.take(key))}")
        elif key in _OLD_BOUNDS:
            inclusive, closed, open_ = _OLD_BOUNDS[key]
            bounds.append(f"{open_ if spec.take(inclusive) is False else closed} {limit(spec.take(key))}")
    if not bounds:
        raise Odd
    return " and ".join(bounds)


def prefix(spec: Spec) -> str:
    return f"starts with {shown(spec.need('value', 'prefix'))}"


def wildcard(spec: Spec) -> str:
    return f"looks like {shown(spec.need('value', 'wildcard'))}"


def regexp(spec: Spec) -> str:
    return f"matches the pattern {shown(spec.need('value', 'regexp'))}"


def fuzzy(spec: Spec) -> str:
    return f"is spelled about like {shown(spec.need('value'))}"


def terms_set(spec: Spec) -> str:
    values = listed(spec.need("terms"))
    if isinstance(spec.get("minimum_should_match_field"), str):
        return f"has at least as many of {values} as {spec.name('minimum_should_match_field')} says"
    return f"has at least {shown(spec.take_or('minimum_should_match', 1))} of {values}"


def terms(spec: Spec) -> str:
    field, values = spec.field("boost", "_name")
    if not isinstance(values, list):
        raise Odd
    return f"{field} is one of {listed(values)}"


def exists(spec: Spec) -> str:
    return f"{spec.name('field')} has a value"


def ids(spec: Spec) -> str:
    return f"_id is one of {listed(spec.need('values'))}"


def more_like_this(spec: Spec) -> str:
    fields = names(spec.take("fields"), " or ") if "fields" in spec.keys else "any field"
    text = f"{fields} is like {_texts(spec.need('like'))}"
    unlike = spec.take("unlike")
    return text if unlike is None else f"{text} and unlike {_texts(unlike)}"


def _texts(value: object) -> str:
    return " or ".join(_text(item) for item in many(value)) or "nothing"


def _text(item: object) -> str:
    """A text, or a document named by its id."""
    if isinstance(item, dict) and set(item) == {"_id"}:
        return f"document {shown(item['_id'])}"
    if isinstance(item, dict) and set(item) == {"_id", "_index"} and isinstance(item["_index"], str):
        return f"document {shown(item['_id'])} of {name(item['_index'])}"
    return shown(item)
