"""Clauses that say how documents are ranked, and those that find the nearest."""

from __future__ import annotations

from nlq.readback.geo import point
from nlq.readback.hits import inner_hits
from nlq.readback.words import Odd, Spec, bare, limit, many, quoted, shown, with_parts

_DECAYS = ("gauss", "exp", "linear")


def distance_feature(spec: Spec) -> str:
    origin = spec.need("origin")
    near = limit(origin) if isinstance(origin, str) else point(origin)
    return f"{spec.name('field')} has a value, the nearer to {near} the better"


def rank_feature(spec: Spec) -> str:
    text = f"{spec.name('field')} has a value, the higher the better"
    for kind in ("saturation", "log", "linear", "sigmoid"):
        if isinstance(spec.get(kind), dict):
            return f"{text}, by {spec.child(spec.take(kind)).rest(kind)}"
    return text


def knn(spec: Spec) -> str:
    field = spec.name("field")
    wanted = spec.take("k")
    near = "is near" if wanted is None else f"is among the {shown(wanted)} nearest to"
    text = f"{field} {near} {_target(spec)}"
    among = [f"({spec.read(clause)})" for clause in many(spec.take_or("filter", []))]
    text += f" among those where {' and '.join(among)}" if among else ""
    return text + inner_hits(spec)


def _target(spec: Spec) -> str:
    """The words that are searched for: in place of the vector, kept as the clause's name, or given to a model."""
    if isinstance(vector := spec.take("query_vector"), list):
        words = spec.take("_name")
        return quoted(words) if isinstance(words, str) else f"a vector of {len(vector)} numbers"
    if vector is not None:
        return shown(vector)
    builder = spec.child(spec.need("query_vector_builder"))
    if not isinstance(builder.get("text_embedding"), dict):
        raise Odd
    return shown(builder.child(builder.take("text_embedding")).need("model_text"))


def sparse_vector(spec: Spec) -> str:
    if isinstance(weights := spec.take("query_vector"), dict):
        return f"{spec.name('field')} is near {shown(weights)}"
    return f"{spec.name('field')} is near {shown(spec.need('query'))}"


def constant_score(spec: Spec) -> str:
    return f"({spec.clause('filter')}), all scored alike"


def dis_max(spec: Spec) -> str:
    queries = [f"({spec.read(clause)})" for clause in many(spec.need("queries"))]
    if not queries:
        raise Odd
    return f"{' or '.join(queries)}, scored by the best of them"


def boosting(spec: Spec) -> str:
    text = f"({spec.clause('positive')}), ranked lower"
    factor = spec.take("negative_boost")
    return f"{text}{'' if factor is None else f' (× {shown(factor)})'} where ({spec.clause('negative')})"


def pinned(spec: Spec) -> str:
    first = spec.need("ids", "docs")
    return f"({spec.clause('organic')}), first of all the documents {', '.join(map(shown, many(first)))}"


def function_score(spec: Spec) -> str:
    where = f"({spec.clause('query')})" if isinstance(spec.get("query"), dict) else "everything"
    functions = spec.take("functions")
    if functions is None:
        return f"{where}, scored by {_function(spec)}"
    scored = []
    for value in many(functions):
        function = spec.child(value)
        scored.append(function.rest(_function(function)))
    return f"{where}, scored by {' and '.join(scored) or 'nothing'}"


def _function(spec: Spec) -> str:
    kind = next((key for key in spec.keys if key in (*_DECAYS, "field_value_factor", "random_score")), None)
    weight = spec.take("weight")
    where = f" where ({spec.clause('filter')})" if isinstance(spec.get("filter"), dict) else ""
    if kind is None and weight is None:
        raise Odd
    factor = "" if weight is None else f"weight {bare(weight)}"
    if kind is None:
        return factor + where
    inner = spec.child(spec.need(kind))
    text = inner.rest(_value(inner, kind))
    return (f"{text} × {factor}" if factor else text) + where


def _value(spec: Spec, kind: str) -> str:
    if kind == "random_score":
        return "chance"
    if kind == "field_value_factor":
        return spec.name("field")
    field, decay = spec.field("multi_value_mode")
    inner = spec.child(decay)
    origin = inner.take("origin")
    near = "now" if origin is None else limit(origin) if isinstance(origin, str) else point(origin)
    return with_parts(f"nearness of {field} to {near}", [kind, *inner.extras()])
