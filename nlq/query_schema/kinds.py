"""Kinds of fields in groups that the Query DSL treats alike, and the scopes in which a clause may name them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nlq.types import Field, IndexSchema

TEXT = frozenset({"text", "match_only_text", "search_as_you_type", "annotated_text"})
KEYWORD = frozenset(
    {"keyword", "constant_keyword", "counted_keyword", "icu_collation_keyword", "wildcard", "ip", "version"}
    | {"flattened", "join"}
)
INTEGER = frozenset({"long", "integer", "short", "byte", "unsigned_long", "token_count"})
FLOAT = frozenset({"double", "float", "half_float", "scaled_float"})
NUMBER = INTEGER | FLOAT
DATE = frozenset({"date", "date_nanos"})
BOOLEAN = frozenset({"boolean"})
GEO = frozenset({"geo_point"})
SORTABLE = KEYWORD - {"flattened"} | NUMBER | DATE | BOOLEAN
VECTOR = frozenset({"dense_vector"})

FAMILIES: Mapping[str, frozenset[str]] = {
    "text": TEXT,
    "keyword": KEYWORD - {"ip", "version", "flattened", "join"},
    "integer": INTEGER,
    "float": FLOAT,
    "boolean": BOOLEAN,
    "date": DATE,
    "ip": frozenset({"ip"}),
    "version": frozenset({"version"}),
    "flattened": frozenset({"flattened"}),
    "join": frozenset({"join"}),
    "integer_range": frozenset({"integer_range", "long_range"}),
    "float_range": frozenset({"float_range", "double_range"}),
    "date_range": frozenset({"date_range"}),
    "ip_range": frozenset({"ip_range"}),
    "geo_point": GEO,
    "geo_shape": frozenset({"geo_shape"}),
    "shape": frozenset({"shape", "point"}),
    "vector": VECTOR,
    "rank": frozenset({"rank_feature", "rank_features"}),
    "summary": frozenset({"aggregate_metric_double"}),
    "sketch": frozenset({"histogram"}),
}
"""Families share the values they take. Kinds in none of them can only be asked whether they exist."""

MAX_SIZE = 10_000  # Elasticsearch's own index.max_result_window
MAX_TERMS = 8  # without a bound, a small model lists values until its tokens end


OWN_DATE = "own_date"
"""The family of dates in a format of the field's own, which any text may be."""

KEYED = frozenset({"flattened", "rank_features"})
"""Kinds whose fields have keys below them that the mapping does not list."""


def family(field: Field) -> str:
    """The family of a field, "other" where it has none."""
    if field.kind in DATE and field.format and "date_optional_time" not in field.format:
        return OWN_DATE
    return next((name for name, kinds in FAMILIES.items() if field.kind in kinds), "other")


@dataclass(frozen=True, slots=True)
class Scope:
    """The fields one query may name: those outside nested objects (``path`` None), or those of one nested path.

    ``inner`` are the paths below; ``mark`` tells the scope's definitions from those of others.
    """

    path: str | None
    mark: str
    fields: tuple[Field, ...]
    inner: tuple[str, ...] = ()

    def names(self, *kinds: frozenset[str], aggregatable: bool = False) -> list[str]:
        """Names of the fields of these kinds that queries (or sorts and aggregations) can use."""
        return [f.name for f in self.of(*kinds, aggregatable=aggregatable)]

    def of(self, *kinds: frozenset[str], aggregatable: bool = False) -> list[Field]:
        return [
            f
            for f in self.fields
            if any(f.kind in k for k in kinds) and (f.aggregatable if aggregatable else f.searchable)
        ]


def scopes(index: IndexSchema) -> tuple[Scope, ...]:
    """The root scope first, then one for every nested path that holds fields."""
    paths = [f.name for f in index.fields if f.kind == "nested"]
    found = []
    for number, path in enumerate([None, *paths]):
        fields = tuple(f for f in index.fields if f.nested == path and f.kind != "nested")
        inner = tuple(p for p in paths if path is None or p.startswith(f"{path}."))
        if fields or path is None:
            found.append(Scope(path, str(number or ""), fields, inner))
    held = {s.path for s in found}
    return tuple(Scope(s.path, s.mark, s.fields, tuple(p for p in s.inner if p in held)) for s in found)


def runs(index: IndexSchema, needs: frozenset[str] = frozenset(), since: tuple[int, int] = (0, 0)) -> bool:
    """Whether the engine has one of the modules and the version; one that does not tell is taken to have them."""
    has = not needs or not index.features or bool(needs & index.features)
    number = tuple(int(part) for part in index.version.split(".")[:2] if part.isdigit())
    return has and (not number or number >= since)
