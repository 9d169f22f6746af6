"""A whole search body in one sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nlq.readback import hits
from nlq.readback.aggregations import aggregations
from nlq.readback.compound import EVERYTHING
from nlq.readback.queries import clause
from nlq.readback.words import Odd, Spec, many, shown, visible, with_parts

MAX_DEPTH = 64


def sentence(body: object, index: str) -> str:
    """What ``body`` asks of ``index``. Never raises, whatever JSON it is."""
    index = visible(index)
    if _deeper(body, MAX_DEPTH):
        return f"{index}, by a query that nests deeper than {MAX_DEPTH} levels"
    try:
        return _sentence(Spec(body, clause), index)
    except Odd:
        return f"{index}: {shown(body)}"


def _sentence(spec: Spec, index: str) -> str:
    where = _where(spec)
    of = index if where == EVERYTHING else f"{index} where {where}"
    aggs = spec.take("aggs", "aggregations")
    counted = spec.get("size") == 0 and not isinstance(spec.get("size"), bool)
    if counted:
        spec.take("size")
    of = f"number of {of}" if counted and not aggs else of
    said = [of, *_conditions(spec)]
    unsized = not counted and spec.get("size") is None
    parts = hits.parts(spec)
    said += [*parts, "the first 10"] if unsized else parts
    text = with_parts(", ".join(said), spec.extras())
    if not aggs:
        return text
    return f"{text}{': ' if counted else '; '}{aggregations(aggs, clause)}"


def _where(spec: Spec) -> str:
    """The query and the nearest neighbours: documents are found by either."""
    query, nearest = spec.take("query"), spec.take("knn")
    found = [] if query is None else [clause(query)]
    found += [] if nearest is None else [clause({"knn": item}) for item in many(nearest)]
    if len(found) < 2:
        return found[0] if found else EVERYTHING
    return " or ".join(f"({text})" for text in found)


def _conditions(spec: Spec) -> list[str]:
    found = []
    for key, phrase in _CONDITIONS.items():
        value = spec.take(key)
        if value is not None:
            found.append(hits.part(key, value, phrase=phrase, read=clause))
    return found


def _rescored(value: object, read: Callable[[object], str]) -> str:
    return " and ".join(_rescore(Spec(item, read)) for item in many(value))


def _rescore(spec: Spec) -> str:
    window = spec.take("window_size")
    inner = spec.child(spec.need("query"))
    best = "the best" if window is None else f"the best {shown(window)}"
    return spec.rest(f"{best} ranked again by ({inner.clause('rescore_query')})")


_CONDITIONS: Mapping[str, hits.Part] = {
    "min_score": lambda value, read: f"with a score of at least {shown(value)}",
    "post_filter": lambda value, read: f"then only those where {read(value)}",
    "rescore": _rescored,
}


def _deeper(value: object, most: int) -> bool:
    level = [value]
    for _ in range(most):
        level = [
            child
            for item in level
            if isinstance(item, dict | list | tuple)
            for child in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return False
    return True
