"""Pipeline aggregations, and the paths by which they and orders name other aggregations."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nlq.readback.groups import SINGLE
from nlq.readback.metrics import PROPERTIES, is_metric, metric
from nlq.readback.words import Odd, Read, Spec, direction, groups, many, name, quoted, shown, with_parts

_FIXED_NAME = re.compile(r"(groups|value|top|keep|ratio|change|order|over)[0-9]*")
"""Names that say nothing: the decoded spelling gives them to every aggregation of their sort."""

_COUNTS = {"_count": "number", "_bucket_count": "number of groups"}
_LAST = re.compile(r"(?P<name>[^\[\]]+?)(\[['\"]?(?P<key>[^\]'\"]*)['\"]?\])?(\.(?P<property>[^\[\]>]+))?")
_LONGEST = 120
"""A reference longer than this is shown as its path, so that a reading stays about as long as its body."""

_SCRIPT = re.compile(
    r"\s*params\.(\w+)\s*(>=|<=|==|!=|[-+*/<>])\s*(?:params\.(\w+)|(-?[0-9.]+(?:[eE][-+]?[0-9]+)?))\s*"
)
_OPERATORS = {">=": "≥", "<=": "≤", "==": "=", "!=": "≠"}
_MOVING = re.compile(r"MovingFunctions\.(\w+)\(values\)")
_MOVING_WORDS = {
    "min": "lowest",
    "max": "highest",
    "sum": "sum",
    "unweightedAvg": "average",
    "linearWeightedAvg": "linearly weighted average",
}
_SIBLING_WORDS = {
    "avg_bucket": "average",
    "sum_bucket": "sum",
    "min_bucket": "lowest",
    "max_bucket": "highest",
    "stats_bucket": "count, lowest, highest, average and sum",
    "extended_stats_bucket": "count, lowest, highest, average, sum, variance and standard deviation",
    "percentiles_bucket": "percentiles",
}


@dataclass(frozen=True, slots=True)
class Scope:
    """The aggregations that a path can name, by name. ``followed`` says that a path led here."""

    aggs: Mapping[str, Any]
    read: Read
    followed: bool = False

    def reference(self, path: object) -> str:
        """What ``path`` names, with its name where a user chose one; the path in quotes where that is not clear."""
        if not isinstance(path, str):
            raise Odd
        try:
            text = self._target(path)
        except Odd:
            return quoted(path)
        chosen = [part for part in re.split(r"[>.\[]", path) if part in self._chosen(path)]
        text += f" ({', '.join(map(quoted, chosen))})" if chosen else ""
        return text if len(text) <= _LONGEST else quoted(path)

    def _chosen(self, path: str) -> set[str]:
        """The names in the path that say something."""
        labels = {re.split(r"[\[.]", step)[0] for step in path.split(">")}
        return {label for label in labels if not label.startswith("_") and not _FIXED_NAME.fullmatch(label)}

    def _target(self, path: str) -> str:
        first, _, rest = path.partition(">")
        if rest:
            return self._inside(first, rest)
        if path in _COUNTS:
            return _COUNTS[path]
        if path in self.aggs:
            return self._aggregation(self.aggs[path])
        found = _LAST.fullmatch(path)
        if found is None or found["name"] not in self.aggs:
            raise Odd
        return self._property(self.aggs[found["name"]], found["property"] or found["key"])

    def _inside(self, first: str, rest: str) -> str:
        found = _LAST.fullmatch(first)
        if found is None or found["property"] or found["name"] not in self.aggs:
            raise Odd
        kind, spec, aggs = parsed(self.aggs[found["name"]], self.read)
        text = Scope(aggs, self.read, self.followed)._target(rest)
        if kind in SINGLE:
            text += f" {SINGLE[kind](spec)}"
        return text if found["key"] is None else f"{text} for {quoted(found['key'])}"

    def _aggregation(self, agg: object) -> str:
        kind, spec, _ = parsed(agg, self.read)
        if is_metric(kind):
            return metric(kind, spec)
        if kind in SINGLE:
            return f"number {SINGLE[kind](spec)}"
        if kind in PIPELINES and not self.followed:  # a pipeline may lead to itself
            return PIPELINES[kind](spec, Scope(self.aggs, self.read, followed=True))
        raise Odd

    def _property(self, agg: object, label: str | None) -> str:
        kind, spec, _ = parsed(agg, self.read)
        if label in _COUNTS:
            return f"{_COUNTS[label]} {SINGLE[kind](spec)}" if kind in SINGLE else _COUNTS[label]
        if label is None or not is_metric(kind):
            raise Odd
        if label == "value":
            return metric(kind, spec)
        if not isinstance(spec.get("field"), str):
            return f"{quoted(label)} of {metric(kind, spec)}"
        if kind == "percentiles":
            return f"percentile {label} of {spec.name('field')}"
        return f"{PROPERTIES.get(label) or label.replace('_', ' ')} of {spec.name('field')}"


def parsed(agg: object, read: Read) -> tuple[str, Spec, Mapping[str, Any]]:
    """Kind, object and sub-aggregations of an aggregation. Raises Odd where it has not one kind."""
    outer = Spec(agg, read)
    inner = outer.take("aggs", "aggregations")
    kinds = [key for key in outer.keys if key not in ("meta", "aggs", "aggregations")]
    if len(kinds) != 1 or not isinstance(inner, Mapping | None):
        raise Odd
    return kinds[0], outer.child(outer.need(kinds[0])), inner or {}


def keeping(spec: Spec, scope: Scope) -> str:
    return f"keeping those whose {_script(spec, scope)}"


def ordering(spec: Spec, scope: Scope) -> str:
    """The order and number of groups."""
    keys = []
    for entry in many(spec.take_or("sort", [])):
        pairs = [(entry, "asc")] if isinstance(entry, str) else Spec(entry, spec.read).pairs()
        for path, how in pairs:
            options = spec.child(how, "order")
            order = direction(options.take_or("order", "asc"))
            keys.append(with_parts(by_path(path, scope), [order, *options.extras()]))
    skipped, most = spec.take("from"), spec.take("size")
    said = [f"sorted by {', then '.join(keys)}"] if keys else []
    said += [] if skipped is None else [f"skipping {groups(skipped)}"]
    said += [] if most is None else [f"at most {groups(most)}"]
    return ", ".join(said) or "in the same order"


def by_path(path: object, scope: Scope) -> str:
    return "key" if path == "_key" else scope.reference(path)


def _script(spec: Spec, scope: Scope) -> str:
    """A comparison or calculation with each parameter as what its path names; other scripts in quotes."""
    source, constants = _source(spec.need("script"), spec)
    paths = spec.need("buckets_path")
    params = Spec(paths if isinstance(paths, dict) else {"_value": paths}, spec.read)
    found = _SCRIPT.fullmatch(source) if isinstance(source, str) else None
    text = shown(source)
    if found and all(key is None or key in params.keys or key in constants.keys for key in (found[1], found[3])):
        texts = {key: _operand(key, params, constants, scope=scope) for key in {found[1], found[3]} - {None}}
        text = f"{texts[found[1]]} {_OPERATORS.get(found[2], found[2])} {texts.get(found[3]) or found[4]}"
    others = [f"{name(key)} = {_paths(path, scope)}" for key, path in params.pairs()]
    others += [f"{name(key)} = {shown(value)}" for key, value in constants.pairs()]
    return f"{text} with {', '.join(others)}" if others else text


def _source(script: object, spec: Spec) -> tuple[object, Spec]:
    """The text of a script and its constants; a script of any other form as it is."""
    if isinstance(script, dict) and "source" in script and set(script) <= {"source", "params"}:
        return script["source"], Spec(script.get("params", {}), spec.read)
    return script, Spec({}, spec.read)


def _operand(key: str, params: Spec, constants: Spec, *, scope: Scope) -> str:
    return scope.reference(params.take(key)) if key in params.keys else shown(constants.take(key))


def _paths(value: object, scope: Scope) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name(key)} = {scope.reference(path)}" for key, path in Spec(value, scope.read).pairs())
    return " and ".join(scope.reference(path) for path in many(value))


def _of(spec: Spec, scope: Scope) -> str:
    return _paths(spec.need("buckets_path"), scope)


def _sibling(kind: str) -> Callable[[Spec, Scope], str]:
    def phrase(spec: Spec, scope: Scope) -> str:
        text = f"{_SIBLING_WORDS[kind]} of {_of(spec, scope)} over all groups"
        percents = spec.take("percents")
        return text if percents is None else f"{text} ({', '.join(map(shown, many(percents)))} %)"

    return phrase


def _moving_fn(spec: Spec, scope: Scope) -> str:
    script = spec.need("script")
    found = _MOVING.fullmatch(script) if isinstance(script, str) else None
    words = _MOVING_WORDS.get(found[1]) if found else None
    return f"moving {words or shown(script)} of {_of(spec, scope)}"


def _serial_diff(spec: Spec, scope: Scope) -> str:
    return f"change of {_of(spec, scope)} over {groups(spec.take_or('lag', 1))}"


PIPELINES: Mapping[str, Callable[[Spec, Scope], str]] = {
    **{kind: _sibling(kind) for kind in _SIBLING_WORDS},
    "bucket_script": _script,
    "derivative": lambda spec, scope: f"change of {_of(spec, scope)} from group to group",
    "cumulative_sum": lambda spec, scope: f"running total of {_of(spec, scope)}",
    "cumulative_cardinality": lambda spec, scope: f"running total of {_of(spec, scope)} (each counted once)",
    "serial_diff": _serial_diff,
    "moving_fn": _moving_fn,
    "moving_percentiles": lambda spec, scope: f"moving {_of(spec, scope)}",
    "normalize": lambda spec, scope: f"{_of(spec, scope)} normalized",
    "change_point": lambda spec, scope: f"change point of {_of(spec, scope)}",
    "inference": lambda spec, scope: f"inference from {_of(spec, scope)}",
    "bucket_correlation": lambda spec, scope: f"correlation with {_of(spec, scope)}",
    "bucket_count_ks_test": lambda spec, scope: f"Kolmogorov-Smirnov test of {_of(spec, scope)}",
}
"""Pipelines that compute a value of each group, or of the groups beside them."""

KEEPERS: Mapping[str, Callable[[Spec, Scope], str]] = {"bucket_selector": keeping, "bucket_sort": ordering}
"""Pipelines that choose and order the groups around them."""
