"""Aggregations of the decoded schema.

Their names are fixed, so that an order or a path can only name what is there: "groups" for buckets, "value" to "value3"
for metrics, "top" for top hits, and for pipelines "keep" (which buckets stay), "ratio" (arithmetic of two numbers),
"change" (along a series), "order" (which buckets come first), "over" (one number of all buckets).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nlq.expressions import MOVING_FUNCTIONS
from nlq.json_schema import Schema, any_of, integer, many, obj, ref
from nlq.query_schema import shapes
from nlq.query_schema.decoded_buckets import COUNT, MORE, PIPELINES, VALUE, Buckets
from nlq.query_schema.kinds import DATE, GEO, MAX_SIZE, NUMBER, SORTABLE, Scope, runs
from nlq.query_schema.shapes import CALENDAR_UNITS, NUMBER_VALUE, ORDER
from nlq.types import IndexSchema

_LEVELS = 2
_PAINLESS = frozenset({"lang-painless"})
_NUMBER = r"-?(0|[1-9][0-9]{0,11})(\.[0-9]{1,6})?"  # Painless reads a leading zero as octal
_KEEP = shapes.text(rf"params\.a (>=|>|<=|<|==|!=) {_NUMBER}", "params.a > 5", "params.a <= 2.5")
_COMPARE = shapes.text(r"params\.a (>=|>|<=|<|==|!=) params\.b", "params.a > params.b")
_ARITHMETIC: Schema = {"enum": [f"params.a {sign} params.b" for sign in "/-+*"]}
_MOVING: Schema = {"enum": [f"MovingFunctions.{name}(values)" for name in MOVING_FUNCTIONS]}
_SIBLINGS = ("max_bucket", "min_bucket", "avg_bucket", "sum_bucket", "stats_bucket")


class DecodedAggs:
    """Adds what aggregations need to ``defs``, which has ``query…``, ``inner…`` and ``top_hits`` already."""

    def __init__(self, index: IndexSchema, defs: dict[str, Schema], root: Scope, nested: Sequence[Scope]) -> None:
        self._index = index
        self._defs = defs
        self._root = root
        self._nested = nested

    def _names(self, scope: Scope, *kinds: frozenset[str]) -> Schema | None:
        """The scope's aggregatable fields of these kinds, named once however often they are used."""
        names = scope.names(*kinds, aggregatable=True)
        if not names:
            return None
        known = next((key for key, schema in self._defs.items() if schema == {"enum": names}), None)
        key = known or f"fields{len(self._defs)}"
        self._defs.setdefault(key, {"enum": names})
        return ref(key)

    def build(self) -> Schema | None:
        """A reference to ``aggs``; None where no field can be aggregated."""
        for scope in self._nested:
            self._define(scope)
        self._define(self._root)
        return ref("aggs") if "aggs" in self._defs else None

    def _define(self, scope: Scope) -> None:
        """``aggs`` of a scope: metrics, or buckets that hold metrics, the top hits or further buckets."""
        mark = scope.mark
        single, several = self._metrics(scope)
        if single:
            self._defs["single" + mark] = any_of(single)
            self._defs["metric" + mark] = any_of([*single, *several])
            each = ref("metric" + mark)
            self._defs["metrics" + mark] = obj({VALUE: each}, dict.fromkeys(MORE, each))
        inside = self._inside(scope)
        for level in range(_LEVELS, 0, -1):
            name = f"bucket{level}" + (f"n{mark}" if mark else "")
            buckets = self._buckets(scope, self._below(scope, inside, name), top=level == 1)
            if not buckets:
                break
            self._defs[name] = any_of(buckets)
            inside = [*inside, obj({"groups": ref(name)})]
        else:
            options = [ref("metrics" + mark)] if single else []
            options += [inside[-1], *self._over(scope)]
            self._defs["aggs" + mark] = any_of(options)
        if "aggs" + mark not in self._defs and single:
            self._defs["aggs" + mark] = ref("metrics" + mark)

    def _metrics(self, scope: Scope) -> tuple[list[Schema], list[Schema]]:
        """Aggregations that give one number, and those that give several."""
        numbers, countable = self._names(scope, NUMBER), self._names(scope, SORTABLE)
        single = [_of(name, numbers) for name in ("avg", "sum")]
        single += [_of(name, self._names(scope, NUMBER, DATE)) for name in ("min", "max")]
        single += [_of(name, countable) for name in ("value_count", "cardinality")]
        several = [_of("stats", numbers)]
        if numbers:
            field = {"field": numbers}
            percents = many({"type": "number", "minimum": 0, "maximum": 100}, 1, 20)
            several.append(obj({"percentiles": obj({**field, "percents": percents})}))
            several.append(obj({"percentile_ranks": obj({**field, "values": many(NUMBER_VALUE, 1, 20)})}))
            several.append(_of("extended_stats", numbers))
            if len(scope.names(NUMBER, aggregatable=True)) > 1:
                single.append(obj({"weighted_avg": obj({"value": obj(field), "weight": obj(field)})}))
        several += [_of(name, self._names(scope, GEO)) for name in ("geo_bounds", "geo_centroid")]
        return [s for s in single if s], [s for s in several if s]

    def _inside(self, scope: Scope) -> list[Schema]:
        """What every bucket may hold beside further buckets."""
        out = [ref("metrics" + scope.mark)] if "metrics" + scope.mark in self._defs else []
        if scope is self._root:
            out.append(obj({"top": obj({"top_hits": ref("top_hits")})}))
        else:
            out.append(obj({"groups": obj({"reverse_nested": obj({})})}))
        return out

    def _per_bucket(self, scope: Scope) -> list[Schema]:
        """What many buckets may hold: conditions on their numbers and arithmetic with them."""
        if not runs(self._index, _PAINLESS) or not runs(self._index, PIPELINES):
            return []
        out = [obj({"keep": _keep(COUNT)})]
        part = obj({"filter": ref("inner" + scope.mark)})
        share = {
            "groups": part,
            "ratio": _script({"a": "groups._count", "b": COUNT}, {"const": "params.a / params.b"}),
        }
        out.append(obj(share, {"keep": _keep("ratio"), "order": _first("ratio")}))
        if "single" + scope.mark in self._defs:
            single, more = ref("single" + scope.mark), dict.fromkeys(MORE, ref("metric" + scope.mark))
            out.append(obj({VALUE: single}, {**more, "keep": _keep(VALUE), "order": _first(VALUE)}))
            pair = {VALUE: single, MORE[0]: single}
            paths = {"a": VALUE, "b": MORE[0]}
            out.append(
                obj({**pair, "ratio": _script(paths, _ARITHMETIC)}, {"keep": _keep("ratio"), "order": _first("ratio")})
            )
            compared = {"buckets_path": _paths(paths), "script": _COMPARE}
            out.append(obj({**pair, "keep": obj({"bucket_selector": obj(compared)})}))
        return out

    def _in_series(self, scope: Scope) -> list[Schema]:
        """What the buckets of a histogram may hold: numbers along the series, the first by count."""
        if not runs(self._index, PIPELINES):
            return []
        out = [obj({"change": ref("change_of_count")}), obj({"order": _first(COUNT)})]
        self._defs["change_of_count"] = self._change(COUNT)
        if "single" + scope.mark in self._defs:
            self._defs["change_of_value"] = self._change(VALUE)
            out.append(obj({VALUE: ref("single" + scope.mark), "change": ref("change_of_value")}))
        return out

    def _change(self, path: str) -> Schema:
        where = {"buckets_path": {"const": path}}
        out = [obj({name: obj(where)}) for name in ("derivative", "cumulative_sum")]
        out.append(obj({"serial_diff": obj({**where, "lag": integer(1, 365)})}))
        if runs(self._index, _PAINLESS):
            out.append(obj({"moving_fn": obj({**where, "window": integer(1, 365), "script": _MOVING})}))
        return any_of(out)

    def _over(self, scope: Scope) -> list[Schema]:
        """One number of all buckets, of their counts or of their value."""
        mark = scope.mark
        over = {
            path: any_of([obj({name: obj({"buckets_path": {"const": path}})}) for name in _SIBLINGS]) for path in _PATHS
        }
        out = []
        if many_buckets := self._many(scope, None):
            self._defs["counted" + mark] = any_of(many_buckets)
            out.append(obj({"groups": ref("counted" + mark), "over": over[_PATHS[0]]}))
        if "single" + mark in self._defs and (valued := self._many(scope, obj({VALUE: ref("single" + mark)}))):
            self._defs["valued" + mark] = any_of(valued)
            out.append(obj({"groups": ref("valued" + mark), "over": over[_PATHS[1]]}))
        return out

    def _many(self, scope: Scope, below: Schema | None) -> list[Schema]:
        """Terms and time series, each bucket holding ``below`` (a metric) or nothing."""
        deeper = {"aggs": below} if below else {}
        out = []
        if groupable := self._names(scope, SORTABLE):
            terms = obj({"field": groupable}, {"min_doc_count": integer(1, 10**9)})
            out.append(obj({"terms": terms, **deeper}))
        if dates := self._names(scope, DATE):
            out.append(
                obj(
                    {
                        "date_histogram": obj({"field": dates, "calendar_interval": {"enum": list(CALENDAR_UNITS)}}),
                        **deeper,
                    }
                )
            )
        return out

    def _below(self, scope: Scope, inside: Sequence[Schema], name: str) -> Sequence[dict[str, Schema]]:
        """What may stand below one bucket, below several, and below those of a series."""
        per_bucket = "per_bucket" + scope.mark
        if per_bucket not in self._defs and (options := self._per_bucket(scope)):
            self._defs[per_bucket] = any_of(options)
        several = [*inside, ref(per_bucket)] if per_bucket in self._defs else list(inside)
        out: list[dict[str, Schema]] = []
        for kind, options in (
            ("one", list(inside)),
            ("several", several),
            ("series", [*several, *self._in_series(scope)]),
        ):
            self._defs[f"{kind}:{name}"] = any_of(options)
            out.append({"aggs": ref(f"{kind}:{name}")})
        return out

    def _buckets(self, scope: Scope, below: Sequence[dict[str, Schema]], *, top: bool) -> list[Schema]:
        one, several, series = below
        kinds = Buckets(scope, self._names, self._index, single="single" + scope.mark in self._defs)
        out = [
            *kinds.by_term(one, several),
            *kinds.by_time(several, series),
            *kinds.by_number(several, series),
            *kinds.by_place(several),
            *kinds.by_address(several),
        ]
        query = ref("inner" + scope.mark)
        out.append(obj({"filter": query}, one))
        out.append(obj({"filters": obj({"filters": many(query, 2, 10)})}, several))
        if top and scope is self._root:
            out += self._elsewhere()
        return out

    def _elsewhere(self) -> list[Schema]:
        """Buckets that look at nested objects, at children, at the whole index."""
        out = []
        for scope in self._nested:
            below = {"aggs": ref("aggs" + scope.mark)} if "aggs" + scope.mark in self._defs else {}
            out.append(obj({"nested": obj({"path": {"const": scope.path}})}, below))
        metrics = {"aggs": ref("metrics")} if "metrics" in self._defs else {}
        children = sorted({pair[1] for f in self._root.fields for pair in f.relations})
        if children and runs(self._index, frozenset({"parent-join"})):
            out.append(obj({"children": obj({"type": {"enum": children}})}, metrics))
        out.append(obj({"global": obj({})}, metrics))
        return out


_PATHS = ("groups>_count", "groups>value")


def _of(name: str, fields: Schema | None) -> Schema:
    return obj({name: obj({"field": fields})}) if fields else {}


def _paths(paths: Mapping[str, str]) -> Schema:
    return obj({name: {"const": path} for name, path in paths.items()})


def _keep(path: str) -> Schema:
    return obj({"bucket_selector": obj({"buckets_path": _paths({"a": path}), "script": _KEEP})})


def _script(paths: Mapping[str, str], script: Schema) -> Schema:
    return obj({"bucket_script": obj({"buckets_path": _paths(paths), "script": script})})


def _first(path: str) -> Schema:
    key = many(obj({path: obj({"order": ORDER})}), 1, 1)
    return obj({"bucket_sort": obj({"sort": key}, {"size": integer(1, MAX_SIZE)})})
