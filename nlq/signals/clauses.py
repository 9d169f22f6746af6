"""The clauses of a body that hold no query, each with its place, and the values and fields that they name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from nlq.rewrite import HOLDS, MAX_DEPTH
from nlq.types import Body

Path = tuple[str | int, ...]
"""Keys and positions from the body down."""

Role = Literal["must", "should", "must_not", "fixed"]
"""Whether a document has to fit, may, or may not; "fixed" stands where a clause cannot be taken out alone."""

_ROLES: dict[str, Role] = {
    "should": "should",
    "queries": "should",
    "must_not": "must_not",
    "negative": "fixed",
    "positive": "fixed",
}
_OPTIONS = frozenset(
    "boost _name distance distance_type unit validation_method ignore_unmapped type optimize_bbox".split()
)
_BY_FIELD = frozenset(
    "match match_phrase match_phrase_prefix match_bool_prefix term prefix wildcard regexp fuzzy terms range terms_set "
    "intervals geo_distance geo_bounding_box geo_polygon geo_shape geo_grid shape span_term".split()
)
_VALUE_KEYS = ("value", "query", "terms", "wildcard")
BOUNDS = ("gt", "gte", "lt", "lte", "from", "to")


@dataclass(frozen=True, slots=True)
class Clause:
    """``{kind: content}`` stands at ``path``; a ``knn`` beside the query stands there as its content alone."""

    path: Path
    kind: str
    content: Any
    role: Role

    @property
    def node(self) -> Body:
        return {self.kind: self.content}


@dataclass(frozen=True, slots=True)
class Value:
    """A value that documents are compared with. ``field`` is "" where there is none or there are several; ``bound``
    is the end of a range that it is, else "". ``negated``: documents with it are left out."""

    field: str
    value: Any
    kind: str
    bound: str = ""
    negated: bool = False


def clauses(body: Body) -> Iterator[Clause]:
    """Every clause that holds no query, and every knn, in the order of the body; those of aggregations' filters too."""
    for key in ("query", "post_filter"):
        yield from _of_query(body.get(key), (key,), "must")
    near = body.get("knn")
    for i, one in enumerate(near if isinstance(near, list) else [near]):
        path: Path = ("knn", i) if isinstance(near, list) else ("knn",)
        if isinstance(one, dict):
            yield Clause(path, "knn", one, "fixed")
            yield from _of_query(one.get("filter"), (*path, "filter"), "must")
    yield from _of_aggs(body, ())


def aggregations(node: Any, path: Path = ()) -> Iterator[tuple[Path, Body]]:
    """Every aggregation of a body or aggregation with its path, the outer ones first."""
    if len(path) > 2 * MAX_DEPTH or not isinstance(node, dict):
        return
    for key in ("aggs", "aggregations"):
        held = node.get(key)
        for name, agg in held.items() if isinstance(held, dict) else ():
            if isinstance(agg, dict):
                yield (*path, key, name), agg
                yield from aggregations(agg, (*path, key, name))


def _of_aggs(body: Body, path: Path) -> Iterator[Clause]:
    for place, agg in aggregations(body, path):
        yield from _of_query(agg.get("filter"), (*place, "filter"), "must")
        for kind in ("filters", "adjacency_matrix"):
            named = agg[kind].get("filters") if isinstance(agg.get(kind), dict) else None
            items = named.items() if isinstance(named, dict) else enumerate(named if isinstance(named, list) else ())
            for name, query in items:
                yield from _of_query(query, (*place, kind, "filters", name), "fixed")


def _of_query(node: Any, path: Path, role: Role) -> Iterator[Clause]:
    if isinstance(node, list):
        for i, each in enumerate(node):
            yield from _of_query(each, (*path, i), role)
        return
    if not isinstance(node, dict) or len(path) > 2 * MAX_DEPTH:
        return
    for kind, content in node.items():
        if kind not in HOLDS or kind == "knn":
            yield Clause(path, kind, content, role)
        if kind in HOLDS and isinstance(content, dict):
            for key in HOLDS[kind]:
                below = _ROLES.get(key, role)
                yield from _of_query(content.get(key), (*path, kind, key), "fixed" if role == "fixed" else below)


def fields(clause: Clause) -> tuple[str, ...]:
    """The fields that the clause names, without boosts."""
    content = clause.content
    if not isinstance(content, dict):
        return ()
    if clause.kind in _BY_FIELD:
        return tuple(key for key in content if key not in _OPTIONS)
    if isinstance(content.get("field"), str):
        return (content["field"],)
    several = content.get("fields")
    names = several if isinstance(several, list) else [several] if several else []
    return tuple(name.partition("^")[0] for name in names if isinstance(name, str))


def values(clause: Clause) -> tuple[Value, ...]:
    """The values of the clause, each bound of a range apart. Places on a map are left out: whoever asks names them
    otherwise."""
    found = tuple(_values(clause))
    return tuple(replace(value, negated=True) for value in found) if clause.role == "must_not" else found


def _values(clause: Clause) -> Iterator[Value]:
    kind, content = clause.kind, clause.content
    if not isinstance(content, dict):
        return
    if kind.startswith("geo_") or kind == "shape":
        if (away := content.get("distance")) is not None:
            yield Value(next(iter(fields(clause)), ""), away, kind)
    elif kind in _BY_FIELD:
        for name in fields(clause):
            yield from _of_field(name, content[name], kind)
    elif kind == "knn":
        text = content.get("_name", content.get("query_vector"))
        if isinstance(text, str):
            yield Value(str(content.get("field", "")), text, kind)
    elif kind == "ids":
        yield from (Value("", each, kind) for each in _many(content.get("values")))
    else:
        text = content.get("query", content.get("like"))
        yield from (Value("", each, kind) for each in _many(text) if isinstance(each, str))


def _of_field(name: str, spec: Any, kind: str) -> Iterator[Value]:
    if not isinstance(spec, dict):
        yield from (Value(name, each, kind) for each in _many(spec))
    elif kind == "range":
        yield from (Value(name, spec[bound], kind, bound) for bound in BOUNDS if spec.get(bound) is not None)
    else:
        held = next((spec[key] for key in _VALUE_KEYS if key in spec), None)
        yield from (Value(name, each, kind) for each in _many(held) if not isinstance(each, dict))


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
