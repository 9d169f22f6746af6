"""Size and shape of a body, measured without recursion: what must hold before anything walks into it."""

from __future__ import annotations

import math
from collections.abc import Iterable

from nlq.policy.limits import PolicyLimits
from nlq.policy.refusal import Refusal, shown
from nlq.types import Body, Outcome

_MOST_INTEGER = 2**64  # unsigned_long is the widest kind of integer


def check_shape(body: Body, *, limits: PolicyLimits | None = None) -> Refusal | None:
    """Too deep, too large, or not JSON: cyclic values, odd types, numbers and strings without a JSON form."""
    reason = _problem(body, limits or PolicyLimits())
    return Refusal(Outcome.REFUSED, reason) if reason else None


def _problem(body: object, limits: PolicyLimits) -> str | None:
    """Level by level; the counts end a cycle or a value that contains itself many times."""
    keys = items = size = depth = 0
    level: list[object] = [body]
    while level:
        depth += 1
        below: list[object] = []
        for node in level:
            if isinstance(node, dict):
                keys += len(node)
                if reason := _bad_key(node, limits):
                    return reason
                size += sum(len(key.encode()) + 4 for key in node)
                below.extend(node.values())
            elif isinstance(node, list):
                items += len(node)
                size += len(node)
                below.extend(node)
            elif reason := _bad_value(node, limits):
                return reason
            else:
                size += len(str(node).encode())
            if reason := _too_much(limits, keys=keys, items=items, size=size):
                return reason
        if depth > limits.depth and any(isinstance(node, dict | list) for node in level):
            return f"the body nests deeper than {limits.depth} levels: write it flatter"
        level = below
    return None


def _too_much(limits: PolicyLimits, *, keys: int, items: int, size: int) -> str | None:
    if keys > limits.keys:
        return f"the body has more than {limits.keys} keys: ask for less at once"
    if items > limits.items:
        return f"the body has more than {limits.items} array items: ask for less at once"
    if size > limits.body_bytes:
        return f"the body has more than {limits.body_bytes} bytes: ask for less at once"
    return None


def _bad_key(keys: Iterable[object], limits: PolicyLimits) -> str | None:
    for key in keys:
        if not isinstance(key, str):
            return f"the key {shown(key)} is no string: write it in quotes"
        if not key or any(ord(char) < 32 or ord(char) == 127 for char in key):
            return f"the key '{shown(key)}' is empty or has control characters: name it plainly"
        if len(key) > limits.key_chars:
            return f"the key '{shown(key)}' has more than {limits.key_chars} characters: shorten it"
        if _has_surrogate(key):
            return f"the key '{shown(key)}' is no valid Unicode: remove its lone surrogates"
    return None


def _bad_value(value: object, limits: PolicyLimits) -> str | None:
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, str):
        if len(value) > limits.string_chars:
            return f"a string has more than {limits.string_chars} characters: shorten '{shown(value)}'"
        return "a string is no valid Unicode: remove its lone surrogates" if _has_surrogate(value) else None
    if isinstance(value, int):
        return (
            f"a number is beyond 2^64: no field holds it (at most {_MOST_INTEGER})"
            if abs(value) > _MOST_INTEGER
            else None
        )
    if isinstance(value, float):
        return None if math.isfinite(value) else f"{value} is no JSON number: write a finite one"
    return f"a value of type {type(value).__name__} is no JSON: write a string, number, boolean, array or object"


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= char <= "\udfff" for char in text)
