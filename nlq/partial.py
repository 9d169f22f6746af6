"""Bodies over indices that do not all map the same fields.

A sort or a clause on a field that one of them lacks fails there (Elasticsearch 9.4), where documents without the field
would simply not match. Aggregations take a missing field as one without values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from nlq.query_schema.kinds import DATE, NUMBER
from nlq.rewrite import HOLDS
from nlq.types import Body, Field, IndexSchema

_GEO = frozenset({"geo_distance", "geo_bounding_box", "geo_shape", "geo_grid", "geo_polygon", "shape"})
_DECAYS = ("gauss", "exp", "linear")
_SORTING = frozenset({"top_hits", "top_metrics"})
_SORT_KINDS = {
    "scaled_float": "double",
    "token_count": "integer",
    **dict.fromkeys(("constant_keyword", "flattened", "join", "text", "wildcard"), "keyword"),
}
"""Kinds that a sort is told instead: the others need options of the mapping to stand for a missing field."""

_DATE_OPTIONS = ("hard_bounds", "extended_bounds")

_ANY: Body = {"match_all": {}}


def tolerant(body: Body, index: IndexSchema) -> Body:
    """A copy of ``body`` that finds in each index what is there: clauses match nothing where their field is missing,
    sorts put such documents last, functions of scores leave theirs as it is. Equal to ``body`` where no field is
    partial. ``index`` must know all fields, ``body`` be one that the policy lets through.
    """
    fields = {field.name: field for field in index.fields if field.partial}
    return _Tolerant(fields).body(body) if fields else dict(body)


class _Tolerant:
    def __init__(self, fields: Mapping[str, Field]) -> None:
        self._fields = fields
        self._relations = {name for field in fields.values() for pair in field.relations for name in pair}

    def body(self, body: Body) -> Body:
        """A search body, or what looks like one: the options of top_hits and inner_hits."""
        changes: Mapping[str, Callable[[Any], Any]] = {
            "query": self.query,
            "post_filter": self.query,
            "knn": lambda knn: _each(knn, lambda one: self._inside("knn", one)),
            "aggs": self.aggs,
            "aggregations": self.aggs,
            "sort": lambda sort: _each(sort, self._sort),
        }
        return {key: changes[key](value) if key in changes else value for key, value in body.items()}

    def query(self, query: Any) -> Any:
        """A query, or a list of them."""
        if isinstance(query, list):
            return [self.query(each) for each in query]
        if not isinstance(query, dict) or len(query) != 1:
            return query
        [(kind, content)] = query.items()
        if not isinstance(content, dict):
            return query
        return self._guarded(kind, self._inside(kind, self._lenient(kind, content)))

    def aggs(self, aggs: Any) -> Any:
        if not isinstance(aggs, dict):
            return aggs
        return {name: self._agg(agg) if isinstance(agg, dict) else agg for name, agg in aggs.items()}

    def _agg(self, agg: Body) -> Body:
        out: Body = {}
        for kind, content in agg.items():
            if kind in ("aggs", "aggregations"):
                out[kind] = self.aggs(content)
            elif kind == "filter":
                out[kind] = self.query(content)
            elif kind in ("filters", "adjacency_matrix") and isinstance(content, dict):
                out[kind] = {**content, "filters": self._named(content.get("filters"))}
            elif kind in _SORTING and isinstance(content, dict):
                out[kind] = self.body(content)
            elif isinstance(content, dict) and "background_filter" in content:
                out[kind] = {**content, "background_filter": self.query(content["background_filter"])}
            else:
                out[kind] = self._dated(kind, content)
        return out

    def _dated(self, kind: str, content: Any) -> Any:
        """Dates among the options of an aggregation are read in the field's format where the field is missing too."""
        if not isinstance(content, dict) or not (kind == "date_range" or any(key in content for key in _DATE_OPTIONS)):
            return content
        return self._formatted(content.get("field"), content)

    def _named(self, filters: Any) -> Any:
        if isinstance(filters, dict):
            return {name: self.query(query) for name, query in filters.items()}
        return self.query(filters)

    def _inside(self, kind: str, content: Any) -> Any:
        """The queries that a clause holds, and the sort of its inner hits."""
        if not isinstance(content, dict):
            return content
        holds = HOLDS.get(kind, ())
        out = {key: self.query(value) if key in holds else value for key, value in content.items()}
        if kind == "function_score" and isinstance(functions := content.get("functions"), list):
            out["functions"] = [
                {**each, "filter": self.query(each["filter"])} if isinstance(each, dict) and "filter" in each else each
                for each in functions
            ]
        if holds and isinstance(inner := content.get("inner_hits"), dict):
            lenient = {"ignore_unmapped": True} if "ignore_unmapped" in content else {}
            out["inner_hits"] = self.body(inner) | lenient
        return out

    def _lenient(self, kind: str, content: Body) -> Body:
        """The clause with the option that excuses a missing field, where it has one and needs it."""
        if self._needs(kind, content):
            return {**content, "ignore_unmapped": True}
        if kind == "range":
            return {name: self._formatted(name, bounds) for name, bounds in content.items()}
        return content

    def _needs(self, kind: str, content: Body) -> bool:
        if kind in _GEO:
            return any(name in self._fields for name in content)
        if kind == "nested":
            return isinstance(path := content.get("path"), str) and path in self._fields
        key = {"has_child": "type", "has_parent": "parent_type", "parent_id": "type"}.get(kind)
        return key is not None and isinstance(name := content.get(key), str) and name in self._relations

    def _formatted(self, name: Any, options: Any) -> Any:
        """Options with the format that reads dates as any of the indices does, where they name none."""
        field = self._fields.get(name) if isinstance(name, str) else None
        if field is None or field.kind not in DATE or field.format is None or not isinstance(options, dict):
            return options
        return {**options, "format": options.get("format", field.format)}

    def _guarded(self, kind: str, content: Body) -> Body:
        """Clauses without such an option are only asked of documents that have the fields."""
        if kind == "more_like_this":
            return self._like(content)
        names = _counted_by(content) if kind == "terms_set" else _scored_by(content) if kind == "function_score" else []
        needed = [{"exists": {"field": name}} for name in dict.fromkeys(names) if name in self._fields]
        if not needed:
            return {kind: content}
        guarded = {"bool": {"must": [{kind: content}], "filter": needed}}
        if kind == "terms_set":
            return guarded
        others = {"must": [content.get("query", _ANY)], "must_not": [{"bool": {"filter": needed}}]}
        return {"bool": {"should": [guarded, {"bool": others}]}}

    def _like(self, content: Body) -> Body:
        """One more_like_this for the fields that all indices have, and one for each that some lack."""
        names = _names(content["fields"]) if isinstance(content.get("fields"), list) else []
        rare = [name for name in names if name in self._fields]
        if not rare:
            return {"more_like_this": content}
        common = [name for name in names if name not in rare]
        clauses: list[Body] = [{"more_like_this": {**content, "fields": common}}] if common else []
        for name in rare:
            alone = {"more_like_this": {**content, "fields": [name]}}
            clauses.append({"bool": {"must": [alone], "filter": [{"exists": {"field": name}}]}})
        return {"bool": {"should": clauses}}

    def _sort(self, key: Any) -> Any:
        if isinstance(key, str):
            return {key: self._sorted(key, {})} if key in self._fields else key
        if not isinstance(key, dict):
            return key
        return {name: self._sorted(name, how) for name, how in key.items()}

    def _sorted(self, name: str, how: Any) -> Any:
        options = {"order": how} if isinstance(how, str) else how
        if not isinstance(options, dict):
            return how
        if name == "_geo_distance":
            return {**options, "ignore_unmapped": True} if any(key in self._fields for key in options) else how
        nested = options.get("nested")
        if isinstance(nested, dict) and "filter" in nested:
            options = {**options, "nested": {**nested, "filter": self.query(nested["filter"])}}
        field = self._fields.get(name)
        return _for_missing(field) | options if field else options if isinstance(how, dict) else how


def _for_missing(field: Field) -> Body:
    """What a sort needs to know where the field is missing, or of another kind."""
    kind = _SORT_KINDS.get(field.kind, field.kind)
    as_number = {"date": "date", "double": "double"}.get(kind) if field.kind in DATE | NUMBER else None
    return {"unmapped_type": kind} | ({"numeric_type": as_number} if as_number else {})


def _counted_by(content: Body) -> list[str]:
    """Fields that say how many terms of a terms_set must match."""
    return _names(spec.get("minimum_should_match_field") for spec in content.values() if isinstance(spec, dict))


def _scored_by(content: Body) -> list[str]:
    """Fields without which the functions of a function_score fail."""
    functions = content.get("functions")
    each = [content, *(f for f in functions if isinstance(f, dict))] if isinstance(functions, list) else [content]
    names: list[Any] = []
    for function in each:
        for decay in _DECAYS:
            names += [key for key in function.get(decay) or () if key != "multi_value_mode"]
        factor, random = function.get("field_value_factor"), function.get("random_score")
        names += [factor.get("field")] if isinstance(factor, dict) and "missing" not in factor else []
        names += [random.get("field")] if isinstance(random, dict) else []
    return _names(names)


def _names(values: Iterable[Any]) -> list[str]:
    return [value for value in values if isinstance(value, str)]


def _each(value: Any, change: Callable[[Any], Any]) -> Any:
    return [change(item) for item in value] if isinstance(value, list) else change(value)
