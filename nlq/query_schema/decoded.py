"""One function turns an IndexSchema into the JSON Schema (draft 2020-12) of the search bodies that make sense for it.

The same object constrains decoding, validates what was not decoded under it, and documents what is accepted.
No key is open-ended, fields are enumerated by clause and kind, and the order of "properties" is the order of
generation: what is filtered before what is computed, a field before its value. Names of aggregations are fixed
("groups" for buckets, "value" to "value3" for metrics, "top" for top hits), so that an order by a metric can only
name one that is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nlq.json_schema import Schema, any_of, integer, many, obj, reachable, ref
from nlq.types import Field, IndexSchema

TEXT = frozenset({"text", "match_only_text", "search_as_you_type", "annotated_text"})
KEYWORD = frozenset({"keyword", "constant_keyword", "wildcard", "ip", "version", "flattened"})
INTEGER = frozenset({"long", "integer", "short", "byte", "unsigned_long"})
FLOAT = frozenset({"double", "float", "half_float", "scaled_float"})
NUMBER = INTEGER | FLOAT
DATE = frozenset({"date", "date_nanos"})
BOOLEAN = frozenset({"boolean"})
GEO = frozenset({"geo_point"})
SORTABLE = KEYWORD - {"flattened"} | NUMBER | DATE | BOOLEAN

MAX_SIZE = 10_000  # Elasticsearch's own index.max_result_window
MAX_TERMS = 8  # without a bound, a small model lists values until its tokens end
METRIC_NAMES = ("value", "value2", "value3")

STRING: Schema = {"type": "string"}
_LEVELS = 2
_INTERVALS = ("year", "quarter", "month", "week", "day", "hour", "minute")
_DATE_PATTERN = (
    r"^([0-9]{4}(-[0-9]{2}(-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?)?)?"
    r"|now([+-][0-9]{1,4}[yMwdhms])?(/[yMwdhms])?)$"
)


def query_schema(index: IndexSchema) -> Schema:
    """The JSON Schema of the search bodies for ``index``: hits or aggregations, never both."""
    return _Builder(index).build()


def _range_of(value: Schema) -> Schema:
    """Bounds below, above or both; never an empty range."""
    shapes = [{low: value, high: value} for low in ("gte", "gt") for high in ("lte", "lt")]
    return any_of([obj(s) for s in (*shapes, *({bound: value} for bound in ("gte", "gt", "lte", "lt")))])


_SHARED: dict[str, Schema] = {
    "text": obj({"query": STRING, "operator": {"enum": ["and", "or"]}}, {"fuzziness": {"const": "AUTO"}}),
    "pattern": obj({"value": STRING, "case_insensitive": {"const": True}}),
    "strings": many(STRING, 2, MAX_TERMS),
    "integers": many({"type": "integer"}, 2, MAX_TERMS),
    "numbers": many({"type": "number"}, 2, MAX_TERMS),
    "day": {"type": "string", "pattern": _DATE_PATTERN},
    "integer_range": _range_of({"type": "integer"}),
    "number_range": _range_of({"type": "number"}),
    "day_range": _range_of(ref("day")),
    "string_range": _range_of(STRING),
    "number_ranges": many(
        any_of([obj({"from": {"type": "number"}}, {"to": {"type": "number"}}), obj({"to": {"type": "number"}})]), 1, 20
    ),
    "order": {"enum": ["asc", "desc"]},
    "size": integer(1, MAX_SIZE),
    "distance": {"type": "string", "pattern": r"^[0-9]{1,5}(\.[0-9]{1,3})?(km|mi|m)$"},
    "point": obj({"lat": {"type": "number"}, "lon": {"type": "number"}}),
}


def _date_value(field: Field) -> str:
    """Fields with a format of their own take any string: the engine knows the format, this schema does not."""
    return "day" if field.format is None or "strict_date_optional_time" in field.format else "string"


@dataclass(frozen=True, slots=True)
class _Scope:
    """The fields one query may name: those outside nested objects, or those of one nested path."""

    path: str | None
    fields: tuple[Field, ...]

    def names(self, *kinds: frozenset[str]) -> list[str]:
        return [f.name for f in self.fields if any(f.kind in k for k in kinds)]

    def of(self, *kinds: frozenset[str]) -> list[Field]:
        return [f for f in self.fields if any(f.kind in k for k in kinds)]


class _Builder:
    def __init__(self, index: IndexSchema) -> None:
        paths = [f.name for f in index.fields if f.kind == "nested" and f.nested is None]
        self.root = _Scope(None, tuple(f for f in index.fields if f.nested is None and f.kind != "nested"))
        self.inner = [_Scope(p, tuple(f for f in index.fields if f.nested == p and f.kind != "nested")) for p in paths]
        self.inner = [s for s in self.inner if s.fields]
        self.defs: dict[str, Schema] = dict(_SHARED)

    def build(self) -> Schema:
        self._define_page()
        for number, scope in enumerate([self.root, *self.inner]):
            self._define_scope(scope, number)
        body = [self._hits_body(), obj({"query": ref("query"), "size": {"const": 0}}, self._aggs_key())]
        used = reachable(body, self.defs)
        return {**any_of(body), "$defs": {name: self.defs[name] for name in self.defs if name in used}}

    def _define_scope(self, scope: _Scope, number: int) -> None:
        mark = str(number or "")
        leaves = self._leaves(scope, mark)
        if scope is self.root:
            leaves += [self._nested(s, str(i)) for i, s in enumerate(self.inner, 1)]
        self.defs["leaf" + mark] = any_of([*leaves, obj({"match_all": obj({})})])
        leaf = ref("leaf" + mark)
        self.defs["inner" + mark] = any_of([leaf, _bool(leaf)])
        self.defs["query" + mark] = any_of([leaf, _bool(ref("inner" + mark))])
        self._define_aggs(scope, mark)

    def _leaves(self, scope: _Scope, mark: str) -> list[Schema]:
        """Every clause that some field of the scope can take."""
        text, strings = scope.names(TEXT), scope.names(KEYWORD)
        whole, real, flags = scope.names(INTEGER), scope.names(FLOAT), scope.names(BOOLEAN)
        dates = [(f.name, ref(_date_value(f) + "_range")) for f in scope.of(DATE)]
        exact = [(f, STRING) for f in strings] + [(f, {"type": "integer"}) for f in whole]
        exact += [(f, {"type": "number"}) for f in real] + [(f, {"type": "boolean"}) for f in flags]
        several = [(f, ref("strings")) for f in strings] + [(f, ref("integers")) for f in whole]
        several += [(f, ref("numbers")) for f in real]
        spans = [(f, ref("integer_range")) for f in whole] + [(f, ref("number_range")) for f in real] + dates
        patterns = [(f.name, ref("pattern")) for f in scope.of(KEYWORD - {"ip", "version"})]
        leaves = [
            _clause("match", [(f, ref("text")) for f in text]),
            _clause("match_phrase", [(f, STRING) for f in text]),
            _multi_match(text),
            _clause("term", exact),
            _clause("terms", several),
            _clause("range", spans),
            _clause("prefix", patterns),
            _clause("wildcard", patterns),
            _geo_distance(scope.names(GEO)),
        ]
        whole_fields = [f.name for f in scope.fields if f.parent is None]
        if whole_fields:
            self.defs["field" + mark] = {"enum": whole_fields}
            leaves.append(obj({"exists": obj({"field": ref("field" + mark)})}))
        return [leaf for leaf in leaves if leaf]

    def _nested(self, scope: _Scope, mark: str) -> Schema:
        return obj({"nested": obj({"path": {"const": scope.path}, "query": ref("query" + mark)})})

    def _define_page(self) -> None:
        keys = [obj({f: obj({"order": ref("order")})}) for f in self.root.names(SORTABLE)]
        if keys:
            self.defs["sort"] = many(any_of(keys), 1, 3)
        source = [f.name for f in self.root.fields if f.parent is None] + [str(s.path) for s in self.inner]
        if source:
            self.defs["source"] = many({"enum": source}, 1, len(source))

    def _page(self, **size: Schema) -> Schema:
        """Keys that say which documents are shown, those that this index can have."""
        sort = {"sort": ref("sort")} if "sort" in self.defs else {}
        return sort | size | ({"_source": ref("source")} if "source" in self.defs else {})

    def _hits_body(self) -> Schema:
        return obj({"query": ref("query")}, self._page(**{"from": integer(1, MAX_SIZE), "size": ref("size")}))

    def _aggs_key(self) -> Schema:
        return {"aggs": ref("aggs")} if "aggs" in self.defs else {}

    def _define_aggs(self, scope: _Scope, mark: str) -> None:
        """``aggs`` of a scope: metrics, or buckets that hold metrics, the top hits or further buckets."""
        metric = _metrics(scope)
        if metric:
            self.defs["metric" + mark] = any_of(metric)
            first, *more = METRIC_NAMES
            each = ref("metric" + mark)
            self.defs["metrics" + mark] = obj({first: each}, dict.fromkeys(more, each))
        inside = [ref("metrics" + mark)] if metric else []
        if scope is self.root:
            inside.append(obj({"top": obj({"top_hits": ref("top_hits")})}))
            self.defs["top_hits"] = obj({}, self._page(size=integer(1, 100)))
        for level in range(_LEVELS, 0, -1):
            buckets = self._buckets(scope, mark, inside, top=level == 1)
            if not buckets:
                break
            name = f"bucket{level}{'n' + mark if mark else ''}"
            self.defs[name] = any_of(buckets)
            groups = obj({"groups": ref(name)})
            inside = [*([ref("metrics" + mark)] if metric else []), *inside[1 if metric else 0 :], groups]
        options = [*([ref("metrics" + mark)] if metric else []), *([inside[-1]] if buckets else [])]
        if options:
            self.defs["aggs" + mark] = any_of(options)

    def _buckets(self, scope: _Scope, mark: str, inside: Iterable[Schema], *, top: bool) -> list[Schema]:
        deeper = {"aggs": any_of(list(inside))} if inside else {}
        groupable = scope.names(SORTABLE)
        out: list[Schema] = []
        if groupable:
            field = {"field": {"enum": groupable}}
            bounds = {"size": ref("size"), "min_doc_count": integer(1, 10**9)}
            plain = any_of([obj({key: ref("order")}) for key in ("_count", "_key")])
            out.append(obj({"terms": obj(field, {**bounds, "order": plain})}, deeper))
            if "metrics" + mark in self.defs:
                ranked = obj({**field, "order": obj({METRIC_NAMES[0]: ref("order")})}, bounds)
                out.append(obj({"terms": ranked, "aggs": ref("metrics" + mark)}))
            out.append(obj({"missing": obj(field)}, deeper))
        if dates := scope.names(DATE):
            interval = {"field": {"enum": dates}, "calendar_interval": {"enum": list(_INTERVALS)}}
            out.append(obj({"date_histogram": obj(interval, {"min_doc_count": integer(0, 10**9)})}, deeper))
        if numbers := scope.names(NUMBER):
            width = {"type": "number", "exclusiveMinimum": 0}
            out.append(obj({"histogram": obj({"field": {"enum": numbers}, "interval": width})}, deeper))
            out.append(obj({"range": obj({"field": {"enum": numbers}, "ranges": ref("number_ranges")})}, deeper))
        out.append(obj({"filter": ref("inner" + mark)}, deeper))
        if top and scope is self.root:
            for number, inner in enumerate(self.inner, 1):
                self._define_aggs(inner, str(number))
                out.append(obj({"nested": obj({"path": {"const": inner.path}})}, {"aggs": ref(f"aggs{number}")}))
        return out


def _clause(name: str, fields: Sequence[tuple[str, Schema]]) -> Schema:
    """{"NAME": {FIELD: value}} for exactly one of the fields; {} where there is none."""
    return obj({name: any_of([obj({f: value}) for f, value in fields])}) if fields else {}


def _multi_match(text: Sequence[str]) -> Schema:
    if len(text) < 2:
        return {}
    fields = many({"enum": list(text)}, 2, len(text))
    return obj({"multi_match": obj({"query": STRING, "fields": fields, "operator": {"enum": ["and", "or"]}})})


def _geo_distance(fields: Sequence[str]) -> Schema:
    options = [obj({"distance": ref("distance"), f: ref("point")}) for f in fields]
    return obj({"geo_distance": any_of(options)}) if options else {}


def _bool(clause: Schema) -> Schema:
    each = many(clause)
    keys = ("must", "filter", "should", "must_not")
    return obj({"bool": obj({}, {**dict.fromkeys(keys, each), "minimum_should_match": integer(1, 20)})})


def _metrics(scope: _Scope) -> list[Schema]:
    numbers, countable = scope.names(NUMBER), scope.names(SORTABLE)
    table: tuple[tuple[tuple[str, ...], list[str]], ...] = (
        (("avg", "sum"), numbers),
        (("min", "max"), scope.names(NUMBER, DATE)),
        (("value_count", "cardinality"), countable),
        (("stats",), numbers),
    )
    out = [obj({name: obj({"field": {"enum": fields}})}) for names, fields in table if fields for name in names]
    if numbers:
        percents = many({"type": "number", "minimum": 0, "maximum": 100}, 1, 20)
        out.append(obj({"percentiles": obj({"field": {"enum": numbers}, "percents": percents})}))
    return out
