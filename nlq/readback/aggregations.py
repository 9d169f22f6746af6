"""Aggregations in words: what is computed, for which groups, which of them are kept and in what order."""

from __future__ import annotations

from collections.abc import Mapping

from nlq.readback.groups import SINGLE, is_multi, key_of, limits, multi
from nlq.readback.metrics import is_metric, metric
from nlq.readback.pipelines import KEEPERS, PIPELINES, Scope, by_path, parsed
from nlq.readback.words import Odd, Read, Spec, direction, groups, many, shown, with_parts


def aggregations(value: object, read: Read) -> str:
    """All aggregations of one level; those of an unknown shape as JSON. Never raises."""
    try:
        aggs = dict(Spec(value, read).pairs())
    except Odd:
        return shown(value)
    return ", ".join(_level(aggs, read, inside=False))


def _level(aggs: Mapping[str, object], read: Read, *, inside: bool) -> list[str]:
    """What is computed of each group, then what is said of the groups around these aggregations.

    ``inside`` tells that the words for those groups follow at once, so that a comma before them would mislead.
    """
    scope = Scope(aggs, read)
    kinds = {name: _kind(agg, read) for name, agg in aggs.items()}
    texts = {name: _aggregation(agg, scope) for name, agg in aggs.items()}
    computed = [name for name, kind in kinds.items() if kind not in KEEPERS]
    for name in computed:
        grouping = kinds[name] in SINGLE or is_multi(kinds[name])
        if grouping and (len(computed) > 1 or (inside and "," in texts[name])):
            texts[name] = f"({texts[name]})"
    kept = [text for name, text in texts.items() if kinds[name] in KEEPERS]
    return [" and ".join(texts[name] for name in computed) or "number", *kept]


def _kind(agg: object, read: Read) -> str:
    try:
        return parsed(agg, read)[0]
    except Odd:
        return ""


def _aggregation(agg: object, scope: Scope) -> str:
    try:
        return _read(agg, scope)
    except Odd:
        return shown(agg)


def _read(agg: object, scope: Scope) -> str:
    kind, spec, aggs = parsed(agg, scope.read)
    if is_metric(kind):
        text = spec.rest(metric(kind, spec))
    elif kind in PIPELINES:
        text = spec.rest(PIPELINES[kind](spec, scope))
    elif kind in KEEPERS:
        text = spec.rest(KEEPERS[kind](spec, scope))
    else:
        return with_parts(_grouped(kind, spec, aggs), _left(agg, kind, scope.read))
    if aggs:
        raise Odd
    return with_parts(text, _left(agg, kind, scope.read))


def _left(agg: object, kind: str, read: Read) -> list[str]:
    """What an aggregation says besides its kind and its sub-aggregations."""
    outer = Spec(agg, read)
    outer.take(kind)
    outer.take("aggs", "aggregations")
    return outer.extras()


def _grouped(kind: str, spec: Spec, aggs: Mapping[str, object]) -> str:
    computed, *kept = _level(aggs, spec.read, inside=True)
    if kind in SINGLE:
        text = spec.rest(SINGLE[kind](spec))
    elif is_multi(kind):
        text = _several(kind, spec, Scope(aggs, spec.read))
    else:
        raise Odd
    return ", ".join([f"{computed} {text}", *kept])


def _several(kind: str, spec: Spec, scope: Scope) -> str:
    key, dates = key_of(spec), kind == "date_histogram"
    text = multi(kind, spec)
    least, order, most = spec.take("min_doc_count"), spec.take("order"), spec.take("size")
    text += "" if least is None else f" with at least {shown(least)}"
    said = limits(spec)
    said += [] if order is None else [_order(order, scope, key=key, dates=dates)]
    said += [] if most is None else [f"at most {groups(most)}"]
    return spec.rest(", ".join([text, *said]))


def _order(value: object, scope: Scope, *, key: str, dates: bool) -> str:
    entries = [pair for entry in many(value) for pair in Spec(entry, scope.read).pairs()]
    if not entries:
        raise Odd
    return ", then ".join(_by(path, order, scope, key=key, dates=dates) for path, order in entries)


def _by(path: str, order: object, scope: Scope, *, key: str, dates: bool) -> str:
    if path == "_count":
        return direction(order, low="fewest first", high="most first")
    if path == "_key" and dates:
        return direction(order, low="earliest first", high="latest first")
    return f"by {key if path == '_key' else by_path(path, scope)}, {direction(order)}"
