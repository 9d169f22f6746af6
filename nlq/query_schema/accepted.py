"""The accepted schema: every read-only search body that makes sense for an index on its engine.

It checks what people, examples and teachers wrote. What the model writes under the decoded schema fits it too.
"""

from __future__ import annotations

from collections.abc import Mapping

from nlq.json_schema import Schema, any_of, integer, many, obj, reachable, ref
from nlq.query_schema import client, shapes
from nlq.query_schema.aggregations import Aggregations
from nlq.query_schema.clauses import Clauses
from nlq.query_schema.definitions import Definitions, keyed
from nlq.query_schema.kinds import MAX_SIZE, OWN_DATE, Scope, runs, scopes
from nlq.query_schema.shapes import ORDER, STRING
from nlq.query_schema.table import PARTS, Row
from nlq.types import IndexSchema

_WORDED = ("keyword", "boolean", "ip", "version", "join", "flattened")
_DATED = ("date", OWN_DATE)
_COUNTED = ("integer", "float")
_AFTER: Mapping[tuple[str, ...], Schema] = {
    _WORDED: {"type": ["string", "null"]},
    _DATED: {"type": ["string", "integer"]},
    _COUNTED: {"type": "number"},
}
"""What a next page starts after, by what it is sorted by. Numbers know no null there."""
_FIRST_OR_LAST: Schema = {"enum": ["_first", "_last"]}
_UNITS: Schema = {"enum": ["km", "mi", "m", "nmi", "yd", "ft"]}


def accepted_schema(index: IndexSchema) -> Schema:
    """The JSON Schema (draft 2020-12) of the search bodies that may be sent to ``index``."""
    return _Accepted(index).build()


class _Accepted:
    def __init__(self, index: IndexSchema) -> None:
        self._index = index
        self._d = Definitions()
        self._root, *nested = scopes(index)
        self._paths = {str(s.path): s for s in nested}
        self._scopes = [self._root, *nested]

    def build(self) -> Schema:
        clauses = Clauses(self._index, self._d, self._paths)
        aggregations = Aggregations(self._index, self._d, self._paths, self._root)
        self._d.defs["source"] = self._source()
        for scope in self._scopes:
            self._d.defs["sort@" + scope.mark] = self._sort(scope)
            clauses.define(scope)
            aggregations.define(scope)
        body = self._body(clauses)
        defs = self._d.defs
        used = reachable(body, defs)
        return {**body, "$defs": {name: defs[name] for name in defs if name in used}}

    def _body(self, clauses: Clauses) -> Schema:
        root = self._root
        aggs = ref("aggs:top")
        keys: dict[str, Schema] = {
            "query": ref("query@"),
            "post_filter": ref("query@"),
            "min_score": {"type": "number"},
            "aggs": aggs,
            "aggregations": aggs,
            "sort": ref("sort@"),
            "from": integer(0, MAX_SIZE),
            "size": integer(0, MAX_SIZE),
            "_source": ref("source"),
            "track_total_hits": {"anyOf": [{"type": "boolean"}, integer(1, 2**31 - 1)]},
            "track_scores": {"type": "boolean"},
        }
        if names := self._d.fields(root, ("*",)):
            fields = any_of([names, obj({"field": names}, {"format": STRING})])
            keys["fields"] = many(fields)
            keys["highlight"] = self._highlight(root, names)
        if collapse := self._d.clause(
            client.part("FieldCollapse"), _required(PARTS["FieldCollapse"], "field"), root, aggregatable=True
        ):
            keys["collapse"] = collapse
        if (knn := clauses.knn(root, needed=("k", "num_candidates"))) and runs(self._index, since=(8, 4)):
            keys["knn"] = any_of([knn, many(knn, 1, 5)])
        first = {k: v for k, v in keys.items() if k not in ("sort", "from", "collapse")}
        pages = [obj(after, first) for after in self._next_pages()]
        return any_of([obj({}, keys), any_of(pages)])

    def _next_pages(self) -> list[dict[str, Schema]]:
        """Sorts with the values to go on from: one for each key, of the kind that the key sorts by."""
        doc: Schema = {"enum": ["_doc"]}
        by_doc: Schema = {"type": "integer"}
        sorted_by = [(doc, keyed(doc, any_of([ORDER, obj({"order": ORDER})])), by_doc)]
        for families, value in _AFTER.items():
            if names := self._d.fields(self._root, families, aggregatable=True):
                how = any_of([ORDER, obj({}, _sort_options(families))])
                sorted_by.append((names, keyed(names, how), value))
        pages = []
        for name, key, value in sorted_by:
            either = any_of([name, key])
            pages.append({"sort": any_of([either, many(either, 1, 1)]), "search_after": many(value, 1, 1)})
        every = {"type": ["string", "number", "boolean", "null"]}
        pages += [{"sort": many(ref("sortkey@"), n, n), "search_after": many(every, n, n)} for n in (2, 3, 4)]
        return pages

    def _sort(self, scope: Scope) -> Schema:
        """One key or several: fields, fields of nested objects below, the score, the distance from a point."""
        special = {"enum": ["_score", "_doc"]}
        how = any_of([ORDER, obj({"order": ORDER})])
        keys: list[Schema] = [special, keyed(special, how)]
        for families in (_WORDED, _DATED, _COUNTED):
            options = _sort_options(families)
            if names := self._d.fields(scope, families, aggregatable=True):
                keys += [names, keyed(names, any_of([ORDER, obj({}, options)]))]
            for path in scope.inner:
                inner = self._paths[path]
                if names := self._d.fields(inner, families, aggregatable=True):
                    keys.append(keyed(names, obj({"nested": self._below(scope, inner)}, options)))
        for f in scope.of(frozenset({"geo_point"}), aggregatable=True):
            points = any_of([shapes.ANY_POINT, many(shapes.ANY_POINT, 1, 10)])
            rest = {
                "order": ORDER,
                "unit": _UNITS,
                "mode": {"enum": ["min", "max", "avg", "median"]},
                "distance_type": {"enum": ["arc", "plane"]},
            }
            keys.append(obj({"_geo_distance": obj({f.name: points}, {**rest, "ignore_unmapped": {"type": "boolean"}})}))
        one, several = "sortkey@" + scope.mark, "sorts@" + scope.mark
        self._d.defs[one] = any_of(keys)
        self._d.defs[several] = many(ref(one), 1, 10)
        return any_of([ref(one), ref(several)])

    def _below(self, scope: Scope, inner: Scope) -> Schema:
        """Where the objects of a nested path are found: at once, or by way of the objects around them."""
        at_once = obj({"path": {"const": inner.path}}, {"filter": ref("query@" + inner.mark)})
        by_way = [p for p in scope.inner if inner.path in self._paths[p].inner]
        return any_of([at_once, *(obj({"path": {"const": p}, "nested": at_once}) for p in by_way)])

    def _source(self) -> Schema:
        """Whole documents, none, or some of their paths: fields, objects, and both with a star at the end."""
        names = [f.name for f in self._index.fields if f.parent is None]
        parents = sorted({name[:i] for name in names for i, char in enumerate(name) if char == "."} - set(names))
        path = {"enum": [*names, *parents, "*", *(f"{p}.*" for p in parents)]}
        one_or_more = any_of([path, many(path)])
        return any_of(
            [
                {"type": "boolean"},
                one_or_more,
                obj({}, dict.fromkeys(("includes", "excludes", "include", "exclude"), one_or_more)),
            ]
        )

    def _highlight(self, root: Scope, names: Schema) -> Schema:
        options = self._d.options(client.part("Highlight"), PARTS["Highlight"], root)
        each = keyed(
            names, obj({}, {k: v for k, v in options.items() if k in ("fragment_size", "number_of_fragments")})
        )
        several = {
            "type": "object",
            "propertyNames": names,
            "additionalProperties": each["additionalProperties"],
            "minProperties": 1,
        }
        return obj({"fields": several}, {k: v for k, v in options.items() if k != "fields"})


def _sort_options(families: tuple[str, ...]) -> dict[str, Schema]:
    modes = ["min", "max", "sum", "avg", "median"] if families == _COUNTED else ["min", "max"]
    missing = any_of([_FIRST_OR_LAST, {"type": "number"}]) if families == _COUNTED else _FIRST_OR_LAST
    unmapped = {"enum": ["keyword", "long", "double", "date", "boolean", "integer", "float", "ip"]}
    out: dict[str, Schema] = {"order": ORDER, "mode": {"enum": modes}, "missing": missing, "unmapped_type": unmapped}
    if families == _DATED:
        out |= {"format": shapes.DATE_FORMAT, "numeric_type": {"enum": ["date", "date_nanos"]}}
    return out


def _required(row: Row, names: str) -> Row:
    return Row(row.takes, drop=row.drop, own=row.own, required=names)
