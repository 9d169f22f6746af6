"""The decoded schema: the compact, canonical spelling of a query that the model writes.

No key is open-ended, fields are enumerated by clause and kind, and the order of "properties" is the order of
generation: what is filtered before what is computed, a field before its value. There is one way to say a thing, so that
votes do not split; clauses that change nothing but scores, and those that say what a simpler one says, are left to the
accepted schema. Aggregations have fixed names (see ``decoded_aggs``).
"""

from __future__ import annotations

from collections.abc import Sequence

from nlq.json_schema import Schema, any_of, integer, many, obj, reachable, ref
from nlq.query_schema import shapes
from nlq.query_schema.decoded_aggs import DecodedAggs
from nlq.query_schema.kinds import (
    BOOLEAN,
    DATE,
    FAMILIES,
    FLOAT,
    GEO,
    INTEGER,
    KEYWORD,
    MAX_SIZE,
    MAX_TERMS,
    SORTABLE,
    TEXT,
    VECTOR,
    Scope,
    runs,
    scopes,
)
from nlq.query_schema.shapes import NUMBER_VALUE, ORDER, POINT, STRING
from nlq.types import Field, IndexSchema

_WHOLE: Schema = {"type": "integer"}
_OPERATOR: Schema = {"enum": ["and", "or"]}
_SPELLED = KEYWORD - {"ip", "version", "flattened", "join"}
_DATE_PATTERN = (
    r"([0-9]{4}(-[0-9]{2}(-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?)?)?"
    r"|now([+-][0-9]{1,4}[yMwdhms])?(/[yMwdhms])?)"
)


def decoded_schema(index: IndexSchema) -> Schema:
    """The JSON Schema of what the model writes for ``index``: hits or aggregations, never both."""
    return _Decoded(index).build()


def _range_of(value: Schema) -> Schema:
    """Bounds below, above or both; never an empty range."""
    spans = [{low: value, high: value} for low in ("gte", "gt") for high in ("lte", "lt")]
    return any_of([obj(s) for s in (*spans, *({bound: value} for bound in ("gte", "gt", "lte", "lt")))])


_SHARED: dict[str, Schema] = {
    "text": obj(
        {"query": STRING, "operator": _OPERATOR},
        {"fuzziness": {"const": "AUTO"}, "minimum_should_match": integer(2, 9)},
    ),
    "phrase": any_of([STRING, obj({"query": STRING, "slop": integer(1, 20)})]),
    "pattern": obj({"value": STRING, "case_insensitive": {"const": True}}),
    "regexp": obj({"value": shapes.REGEXP}),
    "strings": many(STRING, 2, MAX_TERMS),
    "integers": many(_WHOLE, 2, MAX_TERMS),
    "numbers": many(NUMBER_VALUE, 2, MAX_TERMS),
    "day": shapes.text(_DATE_PATTERN, "2020-01-31", "2019", "now-7d/d", "2021-03-04T05:06:07Z"),
    "ip": shapes.IP_TEXT,
    "address": shapes.ADDRESS_TEXT,
    "integer_range": _range_of(_WHOLE),
    "number_range": _range_of(NUMBER_VALUE),
    "day_range": _range_of(ref("day")),
    "ip_range": _range_of(ref("address")),
    "string_range": _range_of(STRING),
    "order": ORDER,
    "size": integer(1, MAX_SIZE // 2),  # with "from" still within the engine's window
    "distance": shapes.text(r"[0-9]{1,5}(\.[0-9]{1,3})?(km|mi|m)", "10km", "2.5mi"),
    "point": POINT,
}


class _Decoded:
    def __init__(self, index: IndexSchema) -> None:
        self._index = index
        self._root, *nested = scopes(index)
        self._nested = nested
        self._defs: dict[str, Schema] = dict(_SHARED)

    def build(self) -> Schema:
        self._define_page()
        for scope in [self._root, *self._nested]:
            self._define_queries(scope)
        aggs = DecodedAggs(self._index, self._defs, self._root, self._nested).build()
        hits = obj({"query": ref("query")}, self._page({"from": integer(1, MAX_SIZE // 2), "size": ref("size")}))
        body = [hits, obj({"query": ref("query"), "size": {"const": 0}}, {"aggs": aggs} if aggs else {})]
        used = reachable(body, self._defs)
        return {**any_of(body), "$defs": {name: self._defs[name] for name in self._defs if name in used}}

    def _define_queries(self, scope: Scope) -> None:
        """``query``: a leaf, or clauses joined twice at most. Recursion without a bound would let a model nest on."""
        mark = scope.mark
        leaves = self._leaves(scope)
        if scope is self._root:
            leaves += [self._inside(inner) for inner in self._nested]
            leaves += self._joins(leaves[: -len(self._nested)] if self._nested else leaves)
        self._defs["leaf" + mark] = any_of([*leaves, obj({"match_all": obj({})})])
        leaf = ref("leaf" + mark)
        self._defs["inner" + mark] = any_of([leaf, _bool(leaf)])
        self._defs["query" + mark] = any_of([leaf, _bool(ref("inner" + mark))])

    def _leaves(self, scope: Scope) -> list[Schema]:
        """Every clause that some field of the scope can take."""
        text, patterns = scope.names(TEXT), [(f, ref("pattern")) for f in scope.names(_SPELLED)]
        leaves = [
            _clause("match", [(f, ref("text")) for f in text]),
            _clause("match_phrase", [(f, ref("phrase")) for f in text]),
            _multi_match(text),
            _clause("term", [(f.name, value) for f in scope.fields if f.searchable and (value := _exact(f))]),
            _clause("terms", _several(scope)),
            _clause("range", [(f.name, ref(span)) for f in scope.fields if f.searchable and (span := _span(f))]),
            _clause("prefix", patterns),
            _clause("wildcard", patterns),
            _clause("match_phrase_prefix", [(f, STRING) for f in text]),
            _clause("regexp", [(f, ref("regexp")) for f in scope.names(_SPELLED)]),
            _clause(
                "fuzzy", [(f, obj({"value": STRING, "fuzziness": {"const": "AUTO"}})) for f in scope.names(_SPELLED)]
            ),
            *_places(scope),
            *self._special(scope),
        ]
        whole_fields = [f.name for f in scope.fields if f.parent is None]
        if whole_fields:
            self._defs["field" + scope.mark] = {"enum": whole_fields}
            leaves.append(obj({"exists": obj({"field": ref("field" + scope.mark)})}))
        return [leaf for leaf in leaves if leaf]

    def _special(self, scope: Scope) -> list[Schema]:
        """Clauses that some engines or fields only have."""
        out: list[Schema] = []
        if text := scope.names(TEXT):
            like = {"fields": many({"enum": text}, 1, len(text)), "like": STRING}
            out.append(
                obj({"more_like_this": obj({**like, "min_term_freq": {"const": 1}, "min_doc_freq": {"const": 1}})})
            )
        if (vectors := scope.names(VECTOR)) and runs(self._index, since=(8, 12)):
            out.append(obj({"knn": obj({"field": {"enum": vectors}, "query_vector": STRING, "k": integer(1, 100)})}))
        if (ranks := scope.names(FAMILIES["rank"])) and runs(self._index, frozenset({"mapper-extras"})):
            out.append(obj({"rank_feature": obj({"field": {"enum": ranks}})}))
        if scope is self._root:
            out.append(obj({"ids": obj({"values": many(STRING, 1, MAX_TERMS)})}))
        return out

    def _inside(self, scope: Scope) -> Schema:
        return obj({"nested": obj({"path": {"const": scope.path}, "query": ref("query" + scope.mark)})})

    def _joins(self, leaves: Sequence[Schema]) -> list[Schema]:
        """Questions of documents of another type: no joins below joins."""
        pairs = [pair for f in self._root.fields for pair in f.relations]
        if not pairs or not runs(self._index, frozenset({"parent-join"})):
            return []
        self._defs["other"] = any_of([*leaves, obj({"match_all": obj({})})])
        self._defs["joined"] = any_of([ref("other"), _bool(ref("other"))])
        parents, children = sorted({p for p, _ in pairs}), sorted({c for _, c in pairs})
        return [
            obj({"has_child": obj({"type": {"enum": children}, "query": ref("joined")})}),
            obj({"has_parent": obj({"parent_type": {"enum": parents}, "query": ref("joined")})}),
        ]

    def _define_page(self) -> None:
        keys = [obj({f: obj({"order": ref("order")})}) for f in self._root.names(SORTABLE, aggregatable=True)]
        for scope in self._nested:
            below = {"order": ref("order"), "nested": obj({"path": {"const": scope.path}})}
            keys += [obj({f: obj(below)}) for f in scope.names(SORTABLE, aggregatable=True)]
        for f in self._root.names(GEO, aggregatable=True):
            keys.append(obj({"_geo_distance": obj({f: ref("point"), "order": ref("order")})}))
        if keys:
            self._defs["sort"] = many(any_of(keys), 1, 3)
        source = [f.name for f in self._root.fields if f.parent is None] + [str(s.path) for s in self._nested]
        if source:
            self._defs["source"] = many({"enum": source}, 1, len(source))
        self._defs["top_hits"] = obj({}, self._page({"size": integer(1, 100)}))

    def _page(self, size: dict[str, Schema]) -> dict[str, Schema]:
        """Keys that say which documents are shown, those that this index can have."""
        sort = {"sort": ref("sort")} if "sort" in self._defs else {}
        return sort | size | ({"_source": ref("source")} if "source" in self._defs else {})


def _exact(field: Field) -> Schema | None:
    """What a term of the field is compared with; dates have ranges only."""
    by_family: tuple[tuple[frozenset[str], Schema], ...] = (
        (KEYWORD - {"ip"}, STRING),
        (INTEGER | FAMILIES["integer_range"], _WHOLE),
        (FLOAT | FAMILIES["float_range"], NUMBER_VALUE),
        (BOOLEAN, {"type": "boolean"}),
        (FAMILIES["ip"], ref("ip")),
        (FAMILIES["ip_range"], ref("address")),
        (FAMILIES["date_range"], ref("day")),
    )
    return next((value for kinds, value in by_family if field.kind in kinds), None)


def _span(field: Field) -> str | None:
    by_family = (
        (INTEGER | FAMILIES["integer_range"], "integer_range"),
        (FLOAT | FAMILIES["float_range"], "number_range"),
        (DATE | FAMILIES["date_range"], "day_range"),
        (FAMILIES["ip"] | FAMILIES["ip_range"], "ip_range"),
        (FAMILIES["version"], "string_range"),
    )
    return next((span for kinds, span in by_family if field.kind in kinds), None)


def _several(scope: Scope) -> list[tuple[str, Schema]]:
    out = [(f, ref("strings")) for f in scope.names(KEYWORD - {"ip"})]
    out += [(f, ref("integers")) for f in scope.names(INTEGER)]
    out += [(f, ref("numbers")) for f in scope.names(FLOAT)]
    return out + [(f, many(ref("ip"), 2, MAX_TERMS)) for f in scope.names(FAMILIES["ip"])]


def _clause(name: str, fields: Sequence[tuple[str, Schema]]) -> Schema:
    """{"NAME": {FIELD: value}} for exactly one of the fields; {} where there is none."""
    return obj({name: any_of([obj({f: value}) for f, value in fields])}) if fields else {}


def _multi_match(text: Sequence[str]) -> Schema:
    if len(text) < 2:
        return {}
    fields = many({"enum": list(text)}, 2, len(text))
    words = obj({"query": STRING, "fields": fields, "operator": _OPERATOR}, {"fuzziness": {"const": "AUTO"}})
    return obj({"multi_match": any_of([words, obj({"query": STRING, "fields": fields, "type": {"const": "phrase"}})])})


def _places(scope: Scope) -> list[Schema]:
    points = scope.names(GEO)
    near = [obj({"distance": ref("distance"), f: ref("point")}) for f in points]
    box = obj({"top_left": ref("point"), "bottom_right": ref("point")})
    regions = scope.names(FAMILIES["geo_shape"])
    relation = {"enum": ["intersects", "disjoint", "within"]}
    shaped = obj({"shape": any_of([shapes.ENVELOPE, shapes.POLYGON]), "relation": relation})
    return [
        obj({"geo_distance": any_of(near)}) if near else {},
        _clause("geo_bounding_box", [(f, box) for f in points]),
        _clause("geo_shape", [(f, shaped) for f in regions]),
    ]


def _bool(clause: Schema) -> Schema:
    each = many(clause)
    keys = ("must", "filter", "should", "must_not")
    return obj({"bool": obj({}, {**dict.fromkeys(keys, each), "minimum_should_match": integer(1, 20)})})
