"""Every aggregation of an accepted schema, for one scope."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nlq.json_schema import Schema, any_of, integer, many, obj, ref
from nlq.query_schema import client, shapes
from nlq.query_schema.agg_table import BUCKETS, IN_SERIES, METRICS, PER_BUCKET, SIBLINGS
from nlq.query_schema.definitions import Definitions, keyed, one_of
from nlq.query_schema.kinds import Scope, runs
from nlq.query_schema.shapes import NAME, ORDER, STRING
from nlq.query_schema.table import Row
from nlq.types import IndexSchema

_SERIES = frozenset({"histogram", "date_histogram", "auto_date_histogram"})
_SINGLE = frozenset(
    {"filter", "missing", "nested", "reverse_nested", "global", "sampler", "diversified_sampler", "random_sampler"}
    | {"children", "parent"}
)
_SAMPLERS = frozenset({"sampler", "diversified_sampler", "random_sampler"})
_BY = keyed({"anyOf": [{"enum": ["_count", "_key"]}, shapes.PATH]}, ORDER)
_ORDER = {**any_of([_BY, many(_BY, 1, 5)]), "examples": [{"_count": "desc"}, {"_key": "asc"}, [{"_count": "asc"}]]}


class Aggregations:
    """Builds the aggregations of scopes: "aggs:top" for the body, "aggs" below one bucket, "aggs+" below many, "aggs="
    below a series."""

    def __init__(self, index: IndexSchema, definitions: Definitions, paths: Mapping[str, Scope], root: Scope) -> None:
        self._index = index
        self._d = definitions
        self._paths = paths
        self._root = root
        self._built: Mapping[str, Callable[[Row, Scope], Schema | None]] = {
            "filter": lambda row, scope: ref("query@" + scope.mark),
            "filters": self._filters,
            "adjacency_matrix": self._adjacency,
            "composite": self._composite,
            "date_histogram": self._date_histogram,
            "multi_terms": self._multi_terms,
            "top_metrics": self._top_metrics,
            "children": lambda row, scope: self._join(scope, end=1),
            "parent": lambda row, scope: self._join(scope, end=1),
            "ip_range": self._ip_range,
            "bucket_sort": self._bucket_sort,
        }

    def define(self, scope: Scope) -> None:
        """Put ``aggs@MARK`` and all it leads to into the definitions."""
        leaves = [obj({name: s}) for name, s in self._each(METRICS, scope)]
        siblings = [obj({name: s}) for name, s in self._each(SIBLINGS, scope)]
        per_bucket = [obj({name: s}) for name, s in self._each(PER_BUCKET, scope)]
        series = [obj({name: s}) for name, s in self._each(IN_SERIES, scope)]
        buckets = [self._bucket(name, s, scope) for name, s in self._each(BUCKETS, scope)]
        buckets += self._nested(scope)
        self._d.defs["agg@" + scope.mark] = any_of([*leaves, *siblings, *buckets])
        plain = ref("agg@" + scope.mark)
        if scope is self._root:
            self._d.defs["aggs:top"] = _named([plain, _holding({"global": obj({})}, scope)])
        self._d.defs["aggs@" + scope.mark] = _named([plain])
        self._d.defs["aggs+@" + scope.mark] = _named([plain, *per_bucket])
        self._d.defs["aggs=@" + scope.mark] = _named([plain, *per_bucket, *series])

    def _each(self, rows: Mapping[str, Row], scope: Scope) -> list[tuple[str, Schema]]:
        out = []
        for name, row in rows.items():
            if name in ("nested", "reverse_nested", "global") or not runs(
                self._index, frozenset(row.needs.split()), row.since
            ):
                continue
            built = self._built[name](row, scope) if name in self._built else self._plain(name, row, scope)
            if built is not None:
                key = f"agg:{name}@{scope.mark}"
                self._d.defs[key] = built
                out.append((name, ref(key)))
        return out

    def _plain(self, name: str, row: Row, scope: Scope) -> Schema | None:
        own = dict(row.own)
        found = client.aggregations()[name]
        if "order" in found.options and "order" not in own:
            own["order"] = _ORDER
        typed = Row(row.takes, drop=row.drop, own=own, required=row.required)
        return self._d.clause(found, typed, scope, aggregatable=name not in ("significant_text", "top_hits"))

    def _bucket(self, name: str, schema: Schema, scope: Scope) -> Schema:
        level = "=" if name in _SERIES else "" if name in _SINGLE else "+"
        inner = self._root if name in ("children", "parent") else scope
        held = _holding({name: schema}, inner, level)
        return {**held, "minProperties": 2} if name in _SAMPLERS else held  # samples are for what they hold

    def _nested(self, scope: Scope) -> list[Schema]:
        out = []
        for path in scope.inner:
            out.append(_holding({"nested": obj({"path": {"const": path}})}, self._paths[path]))
        if scope.path is not None:
            out.append(_holding({"reverse_nested": obj({})}, self._root))
            for path, outer in self._paths.items():
                if scope.path in outer.inner:
                    out.append(_holding({"reverse_nested": obj({"path": {"const": path}})}, outer))
        return out

    def _filters(self, row: Row, scope: Scope) -> Schema:
        del row
        query = ref("query@" + scope.mark)
        rest = {"other_bucket": {"type": "boolean"}, "other_bucket_key": STRING}
        many_named = {"type": "object", "propertyNames": NAME, "additionalProperties": query, "minProperties": 1}
        return obj({"filters": any_of([many_named, many(query, 1, 50)])}, rest)

    def _adjacency(self, row: Row, scope: Scope) -> Schema:
        del row
        name = shapes.text(r"[^\[\]>.&\x00-\x1f]{1,100}", "cheap", "new")
        query = ref("query@" + scope.mark)
        named = {"type": "object", "propertyNames": name, "additionalProperties": query, "minProperties": 1}
        return obj({"filters": named}, {"separator": {"enum": ["&", "|"]}})

    def _composite(self, row: Row, scope: Scope) -> Schema | None:
        from_missing = {"missing_bucket": {"type": "boolean"}, "order": ORDER}
        sources: dict[str, Schema] = {}
        if names := self._d.fields(scope, row.families, aggregatable=True):
            sources["terms"] = obj({"field": names}, from_missing)
        if names := self._d.fields(scope, ("integer", "float"), aggregatable=True):
            sources["histogram"] = obj({"field": names, "interval": shapes.POSITIVE}, from_missing)
        if names := self._d.fields(scope, ("date",), aggregatable=True):
            zone = {"time_zone": shapes.ZONE, "format": STRING, **from_missing}
            sources["date_histogram"] = _either_interval(names, zone)
        if names := self._d.fields(scope, ("geo_point",), aggregatable=True):
            sources["geotile_grid"] = obj({"field": names}, {"precision": integer(0, 29), **from_missing})
        if not sources:
            return None
        after = {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean", "null"]}}
        each = {"type": "object", "propertyNames": NAME, "additionalProperties": one_of(sources)}
        listed = many({**each, "minProperties": 1, "maxProperties": 1}, 1, 8)
        return obj({"sources": listed}, {"size": shapes.OPTIONS["size"], "after": after})

    def _date_histogram(self, row: Row, scope: Scope) -> Schema | None:
        names = self._d.fields(scope, row.families, aggregatable=True)
        if names is None:
            return None
        options = self._d.options(client.aggregations()["date_histogram"], row, scope, aggregatable=True)
        rest = {k: v for k, v in options.items() if k not in ("field", "calendar_interval", "fixed_interval")}
        return _either_interval(names, {**rest, "order": _ORDER})

    def _multi_terms(self, row: Row, scope: Scope) -> Schema | None:
        names = self._d.fields(scope, row.families, aggregatable=True)
        if names is None:
            return None
        size = shapes.OPTIONS["size"]
        rest = {"order": _ORDER, "size": size, "min_doc_count": integer(1, 10**9)}
        return obj(
            {"terms": many(obj({"field": names}, {"missing": {"type": ["string", "number", "boolean"]}}), 2, 8)}, rest
        )

    def _top_metrics(self, row: Row, scope: Scope) -> Schema | None:
        names = self._d.fields(scope, row.families, aggregatable=True)
        if names is None:
            return None
        each = obj({"field": names})
        return obj(
            {"metrics": any_of([each, many(each, 1, 10)]), "sort": ref("sort@" + scope.mark)}, {"size": integer(1, 10)}
        )

    def _ip_range(self, row: Row, scope: Scope) -> Schema | None:
        return self._plain(
            "ip_range", Row(row.takes, own={**row.own, "keyed": {"type": "boolean"}}, required=row.required), scope
        )

    def _bucket_sort(self, row: Row, scope: Scope) -> Schema:
        del scope
        rest = {"size": shapes.OPTIONS["size"], "from": shapes.COUNT, "gap_policy": {"enum": ["skip", "insert_zeros"]}}
        by_size = {k: v for k, v in rest.items() if k != "size"}
        return any_of([obj({"sort": row.own["sort"]}, rest), obj({"size": rest["size"]}, by_size)])

    def _join(self, scope: Scope, *, end: int) -> Schema | None:
        types = sorted({pair[end] for f in scope.fields for pair in f.relations})
        return obj({"type": {"enum": types}}) if types else None


def _either_interval(names: Schema, rest: Mapping[str, Schema]) -> Schema:
    intervals = {"calendar_interval": shapes.CALENDAR, "fixed_interval": shapes.FIXED_INTERVAL}
    return any_of([obj({"field": names, key: spec}, dict(rest)) for key, spec in intervals.items()])


def _holding(agg: dict[str, Schema], scope: Scope, level: str = "") -> Schema:
    """A bucket aggregation with what it may hold, under one of the two names that Elasticsearch has for that."""
    inner = ref(f"aggs{level}@{scope.mark}")
    return {**obj(agg, {"aggs": inner, "aggregations": inner}), "maxProperties": 2}


def _named(options: list[Schema]) -> Schema:
    return {"type": "object", "propertyNames": NAME, "additionalProperties": any_of(options), "minProperties": 1}
