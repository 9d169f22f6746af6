"""The kinds of buckets that the decoded schema has, by what their documents have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nlq.json_schema import Schema, any_of, integer, many, obj, ref
from nlq.query_schema import shapes
from nlq.query_schema.kinds import DATE, FAMILIES, FLOAT, GEO, INTEGER, KEYWORD, MAX_SIZE, SORTABLE, Scope, runs
from nlq.query_schema.shapes import CALENDAR_UNITS, NUMBER_VALUE, POSITIVE
from nlq.types import IndexSchema

COUNT = "_count"
VALUE, *MORE = ("value", "value2", "value3")
PIPELINES = frozenset({"aggregations"})
_SPANS = any_of([obj({"from": NUMBER_VALUE}, {"to": NUMBER_VALUE}), obj({"to": NUMBER_VALUE})])
_DAYS = any_of([obj({"from": ref("day")}, {"to": ref("day")}), obj({"to": ref("day")})])


class Buckets:
    """Buckets over the fields of one scope. ``names`` names a set of its fields, ``single`` says whether it has a
    metric that is one number. Each method takes what may stand below several buckets, or those of a series."""

    def __init__(self, scope: Scope, names: Callable[..., Schema | None], index: IndexSchema, *, single: bool) -> None:
        self._scope = scope
        self._names = names
        self._index = index
        self._single = single

    def by_term(self, one: Mapping[str, Schema], deeper: Mapping[str, Schema]) -> list[Schema]:
        groupable = self._names(self._scope, SORTABLE)
        if not groupable:
            return []
        field = {"field": groupable}
        bounds = {"size": integer(1, MAX_SIZE), "min_doc_count": integer(1, 10**9)}
        plain = any_of(
            [obj({COUNT: {"const": "asc"}}), obj({"_key": ref("order")})]
        )  # most documents first is the default
        out = [obj({"terms": obj(field, {**bounds, "order": plain})}, dict(deeper))]
        if self._single:
            # An order by a metric only where that metric is there and is one number.
            ranked = obj({**field, "order": obj({VALUE: ref("order")})}, bounds)
            inner = obj(
                {VALUE: ref("single" + self._scope.mark)}, dict.fromkeys(MORE, ref("metric" + self._scope.mark))
            )
            out.append(obj({"terms": ranked, "aggs": inner}))
        out.append(obj({"missing": obj(field)}, dict(one)))
        words = self._names(self._scope, KEYWORD - {"flattened", "join", "version"}, INTEGER)
        if words:
            out.append(obj({"rare_terms": obj({"field": words}, {"max_doc_count": integer(1, 100)})}, dict(deeper)))
            out.append(obj({"significant_terms": obj({"field": words}, {"size": integer(1, 1000)})}, dict(deeper)))
        return out

    def by_time(self, several: Mapping[str, Schema], series: Mapping[str, Schema]) -> list[Schema]:
        dates = self._names(self._scope, DATE)
        if not dates:
            return []
        field = {"field": dates}
        rest = {"time_zone": shapes.ZONE, "min_doc_count": integer(0, 10**9)}
        out = [
            obj(
                {"date_histogram": obj({**field, "calendar_interval": {"enum": list(CALENDAR_UNITS)}}, rest)},
                dict(series),
            ),
            obj({"date_histogram": obj({**field, "fixed_interval": shapes.FIXED_INTERVAL}, rest)}, dict(series)),
            obj({"date_range": obj({**field, "ranges": many(_DAYS, 1, 20)})}, dict(several)),
        ]
        if runs(self._index, PIPELINES):
            out.append(obj({"auto_date_histogram": obj({**field, "buckets": integer(1, 1000)})}, dict(series)))
        return out

    def by_number(self, several: Mapping[str, Schema], series: Mapping[str, Schema]) -> list[Schema]:
        numbers = self._names(self._scope, INTEGER, FLOAT)
        if not numbers:
            return []
        field = {"field": numbers}
        return [
            obj(
                {"histogram": obj({**field, "interval": POSITIVE}, {"min_doc_count": integer(0, 10**9)})}, dict(series)
            ),
            obj({"range": obj({**field, "ranges": many(_SPANS, 1, 20)})}, dict(several)),
        ]

    def by_place(self, deeper: Mapping[str, Schema]) -> list[Schema]:
        points = self._names(self._scope, GEO)
        if not points:
            return []
        field = {"field": points}
        rings = {"origin": ref("point"), "unit": {"enum": ["km", "mi", "m"]}, "ranges": many(_SPANS, 1, 20)}
        return [
            obj({"geo_distance": obj({**field, **rings})}, dict(deeper)),
            obj({"geohash_grid": obj({**field, "precision": integer(1, 12)})}, dict(deeper)),
            obj({"geotile_grid": obj({**field, "precision": integer(0, 29)})}, dict(deeper)),
        ]

    def by_address(self, deeper: Mapping[str, Schema]) -> list[Schema]:
        addresses = self._names(self._scope, FAMILIES["ip"])
        if not addresses:
            return []
        masks = many(obj({"mask": shapes.text(r"[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}", "10.0.0.0/8")}), 1, 20)
        return [obj({"ip_range": obj({"field": addresses, "ranges": masks})}, dict(deeper))]
