"""Every query of an accepted schema, for one scope."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nlq.json_schema import Schema, any_of, integer, many, obj, ref
from nlq.query_schema import client, shapes
from nlq.query_schema.definitions import Definitions, keyed, keyed_with, one_of
from nlq.query_schema.kinds import OWN_DATE, Scope, family, runs
from nlq.query_schema.shapes import INTEGER_VALUE, NUMBER_VALUE, STRING
from nlq.query_schema.table import QUERIES, Row
from nlq.types import Field, IndexSchema

_SCALAR: Schema = {"type": ["string", "number", "boolean"]}
_WHOLE = any_of([INTEGER_VALUE, shapes.WHOLE_TEXT])
_NUMBER = any_of([NUMBER_VALUE, shapes.NUMBER_TEXT])

VALUES: Mapping[str, Schema] = {
    **dict.fromkeys(("text", "keyword", "flattened", "join", "version"), _SCALAR),
    **dict.fromkeys(("integer", "integer_range"), _WHOLE),
    **dict.fromkeys(("float", "float_range"), _NUMBER),
    "boolean": {"enum": [True, False, "true", "false"]},
    **dict.fromkeys(("date", "date_range"), shapes.DATE_VALUE),
    OWN_DATE: any_of([STRING, INTEGER_VALUE]),
    **dict.fromkeys(("ip", "ip_range"), shapes.IP_TEXT),
}
"""What a field of a family may be compared with."""

_WORDS = ("text", "keyword")
_FOR_ALL = frozenset({"boost", "_name", "minimum_should_match_field"})
_RELATION: Schema = {"enum": ["intersects", "within", "contains", "INTERSECTS", "WITHIN", "CONTAINS"]}
_FREE: Mapping[str, Schema] = {"boost": shapes.OPTIONS["boost"], "_name": STRING}
_SPANS_OF = ("prefix", "wildcard", "regexp", "fuzzy")


class Clauses:
    """Builds ``query@…`` of scopes. ``paths`` gives the scope of each nested path."""

    def __init__(self, index: IndexSchema, definitions: Definitions, paths: Mapping[str, Scope]) -> None:
        self._index = index
        self._d = definitions
        self._paths = paths
        self._built: Mapping[str, Callable[[Row, Scope], Schema | None]] = {
            "terms": self._terms,
            "terms_set": self._terms_set,
            "range": self._range,
            "intervals": self._intervals,
            "exists": self._exists,
            "nested": self._nested,
            "has_child": lambda row, scope: self._join("has_child", row, scope, key="type", end=1),
            "has_parent": lambda row, scope: self._join("has_parent", row, scope, key="parent_type", end=0),
            "parent_id": lambda row, scope: self._join("parent_id", row, scope, key="type", end=1),
            "geo_distance": self._geo_distance,
            "geo_bounding_box": lambda row, scope: self._geo("geo_bounding_box", row, scope, lambda _: shapes.BOX),
            "geo_shape": lambda row, scope: self._geo("geo_shape", row, scope, _shaped),
            "shape": lambda row, scope: self._geo("shape", row, scope, _shaped),
            "distance_feature": self._distance_feature,
            "function_score": self._function_score,
            "knn": self._knn,
            "span_multi": self._span_multi,
        }

    def define(self, scope: Scope) -> None:
        """Put ``query@MARK`` and all it leads to into the definitions."""
        found = {name: built for name, row in QUERIES.items() if (built := self._clause(name, row, scope)) is not None}
        if "span_term" not in found:
            found = {name: built for name, built in found.items() if not name.startswith("span_")}
        for name, built in found.items():
            self._d.defs[f"{name}@{scope.mark}"] = built
        refs = {name: ref(f"{name}@{scope.mark}") for name in found}
        self._d.defs["span@" + scope.mark] = one_of({k: v for k, v in refs.items() if k.startswith("span_")})
        self._d.defs["query@" + scope.mark] = one_of(refs)

    def knn(self, scope: Scope, *, needed: tuple[str, ...] = ()) -> Schema | None:
        """The vectors near a vector of numbers, or near a text that the service turns into one."""
        row = QUERIES["knn"]
        options = self._d.options(client.queries()["knn"], row, scope)
        out = []
        # Candidates are at least the neighbours asked for, which takes a schema for each order of magnitude.
        orders = [(f, most) for f in scope.of(frozenset({"dense_vector"})) for most in (10, 100, 1000)]
        for f, most in orders:
            options |= {"k": integer(1, most), "num_candidates": integer(most, 1000)}
            numbers = many(NUMBER_VALUE, f.dims or 1, f.dims)
            first = {"field": {"const": f.name}, "query_vector": any_of([numbers, {"type": "string", "minLength": 1}])}
            first |= {key: options[key] for key in needed}
            out.append(obj(first, {k: v for k, v in options.items() if k not in first}))
        return any_of(out) if out else None

    def _clause(self, name: str, row: Row, scope: Scope) -> Schema | None:
        if not runs(self._index, frozenset(row.needs.split()), row.since):
            return None
        if name in self._built:
            return self._built[name](row, scope)
        found = client.queries()[name]
        return self._by_field(found, row, scope) if found.by_field else self._d.clause(found, row, scope)

    def _by_field(self, found: client.Clause, row: Row, scope: Scope) -> Schema | None:
        """{FIELD: options}, or {FIELD: value} where the row calls that short."""
        options = self._d.options(found, row, scope)
        others = {k: v for k, v in options.items() if k != row.value}
        return self._grouped(row, scope, lambda name: self._spec(row, name, others))

    def _spec(self, row: Row, name: str, others: Mapping[str, Schema]) -> Schema:
        value = VALUES[name]
        fitting = others if name in _WORDS else {k: v for k, v in others.items() if k in _FOR_ALL}
        if name not in _WORDS and "case_insensitive" in others and name == "flattened":
            fitting = {**fitting, "case_insensitive": others["case_insensitive"]}
        specs = [obj({row.value: value}, dict(fitting))]
        if "lenient" in others and value != _SCALAR:
            specs.append(obj({row.value: _SCALAR, "lenient": {"const": True}}, dict(fitting)))
        return any_of([value, *specs] if row.short else specs)

    def _grouped(
        self,
        row: Row,
        scope: Scope,
        spec: Callable[[str], Schema],
        *,
        make: Callable[[Schema, Schema], Schema] = keyed,
    ) -> Schema | None:
        """One alternative for all families that take the same."""
        groups: list[tuple[Schema, list[str]]] = []
        for name in row.families:
            if self._d.fields(scope, (name,)) is None:
                continue
            schema = spec(name)
            known = next((names for s, names in groups if s == schema), None)
            if known is None:
                groups.append((schema, [name]))
            else:
                known.append(name)
        options = [make(names, s) for s, families in groups if (names := self._d.fields(scope, families))]
        return any_of(options) if options else None

    def _terms(self, row: Row, scope: Scope) -> Schema | None:
        boosted = {"boost": _FREE["boost"]}
        return self._grouped(
            row, scope, lambda name: many(VALUES[name]), make=lambda names, value: keyed_with(names, value, boosted)
        )

    def _terms_set(self, row: Row, scope: Scope) -> Schema | None:
        count = self._d.fields(scope, ("integer",))
        least = [{"minimum_should_match_field": count}] if count else []
        if runs(self._index, since=(8, 10)):
            least.append({"minimum_should_match": row.own["minimum_should_match"]})
        if not least:
            return None
        return self._grouped(
            row, scope, lambda name: any_of([obj({"terms": many(VALUES[name]), **by}, dict(_FREE)) for by in least])
        )

    def _range(self, row: Row, scope: Scope) -> Schema | None:
        return self._grouped(row, scope, _bounds)

    def _intervals(self, row: Row, scope: Scope) -> Schema | None:
        names = self._d.fields(scope, row.families)
        options = self._d.options(client.queries()["intervals"], row, scope)
        return keyed(names, one_of({k: v for k, v in options.items() if k not in _FREE})) if names else None

    def _exists(self, row: Row, scope: Scope) -> Schema | None:
        """Objects exist too: where one of their fields does."""
        start = f"{scope.path}." if scope.path else ""
        own = [f.name for f in scope.fields]
        parents = {name[: at + len(start)] for name in own for at in _dots(name.removeprefix(start))}
        names = self._d.fields(scope, ("*",))
        above = [{"enum": sorted(parents - set(own))}] if parents - set(own) else []
        rest = [{"enum": own}] if names is None else [names]
        return obj({"field": any_of([*rest, *above])}, dict(_FREE)) if own else None

    def _nested(self, row: Row, scope: Scope) -> Schema | None:
        del row
        found = client.queries()["nested"]
        out = []
        for path in scope.inner:
            inner = self._paths[path]
            options = self._d.options(found, Row(drop="path query"), inner)
            out.append(obj({"path": {"const": path}, "query": ref("query@" + inner.mark)}, options))
        return any_of(out) if out else None

    def _join(self, name: str, row: Row, scope: Scope, *, key: str, end: int) -> Schema | None:
        types = sorted({pair[end] for f in scope.fields for pair in f.relations})
        if not types:
            return None
        built = self._d.clause(client.queries()[name], row, scope)
        if built is None:
            return None
        return {**built, "properties": {**built["properties"], key: {"enum": types}}}

    def _geo_distance(self, row: Row, scope: Scope) -> Schema | None:
        options = self._d.options(client.queries()["geo_distance"], row, scope)
        away = any_of([shapes.DISTANCE, {"type": "number", "minimum": 0}])
        rest = {k: v for k, v in options.items() if k != "distance"}
        fields = _fields(scope, row)
        return any_of([obj({"distance": away, f.name: shapes.ANY_POINT}, rest) for f in fields]) if fields else None

    def _geo(self, name: str, row: Row, scope: Scope, value: Callable[[Field], Schema]) -> Schema | None:
        options = self._d.options(client.queries()[name], row, scope)
        fields = _fields(scope, row)
        return any_of([obj({f.name: value(f)}, options) for f in fields]) if fields else None

    def _distance_feature(self, row: Row, scope: Scope) -> Schema | None:
        out = []
        for kind, origin, pivot in (
            ("date", any_of([shapes.DATE_TEXT]), shapes.FIXED_INTERVAL),
            ("geo_point", shapes.ANY_POINT, shapes.DISTANCE),
        ):
            if names := self._d.fields(scope, (kind,)):
                out.append(obj({"field": names, "origin": origin, "pivot": pivot}, dict(_FREE)))
        return any_of(out) if out else None

    def _function_score(self, row: Row, scope: Scope) -> Schema | None:
        """One function, alone or beside a query, or a list of them."""
        options = self._d.options(client.queries()["function_score"], row, scope)
        kinds = self._functions(scope)
        weight: dict[str, Schema] = {"weight": {"type": "number", "minimum": 0}}
        each = {"filter": ref("query@" + scope.mark), **weight}
        listed = [obj({name: spec}, each) for name, spec in kinds.items()] + [obj(weight, {"filter": each["filter"]})]
        shapes_of = [obj({"functions": many(any_of(listed), 1, 20)}, options), obj(weight, options)]
        return any_of(shapes_of + [obj({name: spec}, options) for name, spec in kinds.items()])

    def _functions(self, scope: Scope) -> dict[str, Schema]:
        kinds: dict[str, Schema] = {}
        numbers = self._d.fields(scope, ("integer", "float"), aggregatable=True)
        if numbers:
            kinds["random_score"] = any_of([obj({}), obj({"seed": INTEGER_VALUE, "field": numbers})])
            kinds["field_value_factor"] = _factor(numbers)
        mode = {"multi_value_mode": {"enum": ["min", "max", "avg", "sum"]}}
        decays = []
        for families, origin, scale in (
            (("integer", "float"), NUMBER_VALUE, shapes.POSITIVE),
            (("date",), shapes.DATE_TEXT, shapes.FIXED_INTERVAL),
            (("geo_point",), shapes.ANY_POINT, shapes.DISTANCE),
        ):
            if names := self._d.fields(scope, families, aggregatable=True):
                decays.append(keyed_with(names, _decay(origin, scale), mode))
        return kinds | (dict.fromkeys(("gauss", "exp", "linear"), any_of(decays)) if decays else {})

    def _knn(self, row: Row, scope: Scope) -> Schema | None:
        del row
        return self.knn(scope)

    def _span_multi(self, row: Row, scope: Scope) -> Schema | None:
        del row
        parts = {
            n: built for n in _SPANS_OF if (built := self._by_field(client.queries()[n], Row("text", "value"), scope))
        }
        return obj({"match": one_of(parts)}) if parts else None


def _shaped(field: Field) -> Schema:
    """A shape to compare with; points contain none."""
    relations = ["intersects", "disjoint", "within"] + (["contains"] if family(field) != "geo_point" else [])
    return obj({"shape": shapes.SHAPE}, {"relation": {"enum": relations}})


def _fields(scope: Scope, row: Row) -> list[Field]:
    return [f for f in scope.fields if f.searchable and family(f) in row.families]


def _bounds(name: str) -> Schema:
    """A range's bounds, at least one. Dates in a format that the clause names may be any text."""
    value = {"keyword": STRING, "text": STRING, "version": STRING}.get(name) or VALUES[name]
    low, high = [{}, {"gte": value}, {"gt": value}], [{}, {"lte": value}, {"lt": value}]
    options: dict[str, Schema] = dict(_FREE)
    if name.endswith("_range"):
        options["relation"] = _RELATION
    if "date" in name:
        options["time_zone"] = shapes.ZONE
    both = [obj({**a, **b}, options) for a in low for b in high if a or b]
    if "date" in name:
        free = {bound: any_of([STRING, INTEGER_VALUE]) for bound in ("gte", "gt", "lte", "lt")}
        both.append({**obj({"format": STRING}, {**free, **options}), "minProperties": 2, "examples": _FORMATTED})
    return any_of(both)


_FORMATTED = [{"gte": "31/01/2020", "format": "dd/MM/yyyy"}]


def _dots(name: str) -> list[int]:
    return [i for i, char in enumerate(name) if char == "."]


def _factor(numbers: Schema) -> Schema:
    modifiers = ["none", "log1p", "log2p", "ln1p", "ln2p", "square", "sqrt"]
    options = {"factor": {"type": "number", "minimum": 0}, "modifier": {"enum": modifiers}}
    # Without "missing" one document that lacks the field would fail the search.
    return obj({"field": numbers, "missing": {"type": "number", "exclusiveMinimum": 0}}, options)


def _decay(origin: Schema, scale: Schema) -> Schema:
    below_one = {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}
    return obj({"origin": origin, "scale": scale}, {"offset": scale, "decay": below_one})
