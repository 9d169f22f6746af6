"""The closed expressions: the only texts that may stand under ``script``, and only in three pipeline aggregations.

    bucket_selector  params.a > 5                 a value of the bucket compared with a number or with another value
    bucket_script    params.a / params.b          one arithmetic operation of a value and a number or another value
    moving_fn        MovingFunctions.max(values)  one of Elasticsearch's own functions over the window

They are strings, never {"source": …}, and are compared whole, so no Painless beyond these forms can be written. The
patterns are plain ECMA regular expressions without lookaround, anchored, for use as JSON Schema ``pattern``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from nlq.types import Body

MOVING_FUNCTIONS = ("min", "max", "sum", "unweightedAvg", "linearWeightedAvg")

_NAME = "params\\.[A-Za-z_][A-Za-z0-9_]{0,31}"
# A leading zero would make Painless read an octal number.
_NUMBER = "-?(0|[1-9][0-9]{0,14})(\\.[0-9]{1,9})?"

SELECTOR_PATTERN = f"^{_NAME} (>|>=|<|<=|==|!=) ({_NAME}|{_NUMBER})$"
ARITHMETIC_PATTERN = f"^{_NAME} [-+*/] ({_NAME}|{_NUMBER})$"
MOVING_PATTERN = f"^MovingFunctions\\.({'|'.join(MOVING_FUNCTIONS)})\\(values\\)$"

PATTERNS: Mapping[str, str] = {
    "bucket_selector": SELECTOR_PATTERN,
    "bucket_script": ARITHMETIC_PATTERN,
    "moving_fn": MOVING_PATTERN,
}
"""The pattern of each aggregation that takes a closed expression."""

EXAMPLES: Mapping[str, str] = {
    "bucket_selector": "params.a > 5",
    "bucket_script": "params.a / params.b",
    "moving_fn": "MovingFunctions.max(values)",
}

_COMPILED = {kind: re.compile(pattern) for kind, pattern in PATTERNS.items()}


def is_closed(kind: str, script: object) -> bool:
    """Whether ``script`` is the closed expression that the aggregation type ``kind`` takes."""
    pattern = _COMPILED.get(kind)
    # fullmatch: "$" alone would let a final newline through.
    return pattern is not None and isinstance(script, str) and pattern.fullmatch(script) is not None


def parameterised(body: Body) -> Body:
    """A copy of ``body`` as the engine runs it: the same few script sources whatever numbers and names it holds.

    ``params.x > 5`` becomes {"source": "params.a > params.n", "params": {"n": 5}} with ``buckets_path`` renamed to
    match, so that Elasticsearch compiles each form once (it allows 150 compilations in 5 minutes) and accepts numbers
    that Painless cannot read as literals. For bodies that passed ``check_policy``: afterwards the scripts are objects,
    which the policy refuses.
    """
    out = dict(body)
    for key in ("aggs", "aggregations"):
        if isinstance(out.get(key), Mapping):
            out[key] = {name: _aggregation(agg) for name, agg in out[key].items()}
    return out


def _aggregation(agg: object) -> object:
    if not isinstance(agg, Mapping):
        return agg
    out = parameterised(dict(agg))
    for kind in ("bucket_selector", "bucket_script"):
        inner = out.get(kind)
        if isinstance(inner, Mapping) and is_closed(kind, inner.get("script")):
            out[kind] = _with_parameters(inner, guarded=kind == "bucket_selector")
    return out


def _with_parameters(inner: Mapping[str, Any], *, guarded: bool) -> Body:
    """``guarded`` lets buckets go that lack a number (a share of no documents), on which Painless would fail."""
    left, operator, right = str(inner["script"]).split(" ")
    number = None if right.startswith("params.") else float(right) if "." in right else int(right)
    names = [name.removeprefix("params.") for name in (left, right) if name.startswith("params.")]
    paths = inner.get("buckets_path")
    if isinstance(paths, Mapping) and all(name in paths for name in names):
        renamed = dict(zip(("a", "b"), (paths[name] for name in names), strict=False))
        inner, names = {**inner, "buckets_path": renamed}, list(renamed)
    source = f"params.{names[0]} {operator} params.{names[1] if number is None else 'n'}"
    if guarded:
        source = " && ".join([*(f"params.{name} != null" for name in names), source])
    script = source if number is None else {"source": source, "params": {"n": number}}
    return {**inner, "script": script}
