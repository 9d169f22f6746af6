"""The walk over a body: one method per role of ``nlq.policy.grammar``, each yielding what it refuses.

Recursion is bounded: ``check_shape`` has passed before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from nlq.expressions import EXAMPLES, is_closed
from nlq.policy import grammar
from nlq.policy.cost import OPTIONS, aggregations_problem, number, pattern_problem
from nlq.policy.fields import Names
from nlq.policy.grammar import Role, Spec
from nlq.policy.limits import PolicyLimits
from nlq.policy.refusal import shown
from nlq.policy.rules import BY_PLACE, Place

Problems = Iterator[str]
_UNKNOWN = {Place.SEARCH: "search key", Place.QUERY: "query", Place.AGGREGATION: "aggregation"}
_PATTERN_KEYS = ("value", "wildcard", "regexp", "prefix")


class Visit:
    """One walk; counts clauses and patterns on the way."""

    def __init__(self, limits: PolicyLimits, fields: Collection[str] | None) -> None:
        self._limits = limits
        self._names = Names(fields)
        self._clauses = 0
        self._patterns = 0
        self._size = 0.0

    def body(self, body: Mapping[str, object]) -> Problems:
        self._size = number(body.get("size"), 10)
        for key in body:
            if problem := _refused(key, Place.SEARCH, known=key in grammar.BODY):
                yield problem
        yield from self._window(body, "", self._limits.window)
        for key in ("aggs", "aggregations"):
            yield from self._at(key, aggregations_problem(body.get(key), self._limits))
        yield from self._spec(body, grammar.BODY, "")

    def _spec(self, node: object, spec: Spec, where: str) -> Problems:
        """An object, or each object of a list, of a shape that ``spec`` tells."""
        if isinstance(node, list):
            for index, item in enumerate(node):
                yield from self._spec(item, spec, f"{where}{index}/")
            return
        if not isinstance(node, Mapping):
            return
        if spec is grammar.INNER_HITS or spec is grammar.TOP_HITS:
            yield from self._window(node, where, self._limits.inner_window)
        if spec is grammar.INNER_HITS and self._size * number(node.get("size"), 3) > self._limits.top_documents:
            yield f"{where}size: more than {self._limits.top_documents} inner hits in all documents; lower the sizes"
        for key, value in node.items():
            role = spec.get(key) or spec.get("*")
            if role is None or key in spec:
                yield from self._option_key(key, value, where)
            if role is not None:
                yield from self._role(role, key, value, f"{where}{shown(key)}/")
            else:
                yield from self._options(value, f"{where}{shown(key)}/")

    def _role(self, role: Role | Spec, key: str, value: object, where: str) -> Problems:  # noqa: PLR0912 - one branch per role
        """What stands below ``key``."""
        match role:
            case Mapping():
                yield from self._spec(value, role, where)
            case Role.OPTION | Role.NAMES:
                yield from self._options(value, where, names=role is Role.NAMES)
            case Role.QUERY:
                yield from self._query(value, where)
            case Role.QUERIES:
                yield from self._queries(value, where)
            case Role.AGGREGATIONS:
                yield from self._aggregations(value, where)
            case Role.FIELD | Role.DOC_VALUES:
                yield from self._fields(value, where, doc_values=role is Role.DOC_VALUES)
            case Role.SEARCHED | Role.FETCHED:
                yield from self._patterned(value, where, boosts=role is Role.SEARCHED)
            case Role.SOURCE:
                yield from self._source(value, where)
            case Role.BY_FIELD | Role.PATTERN_BY_FIELD | Role.TERMS_BY_FIELD:
                yield from self._at(where, self._names.problem(key))
                yield from self._by_field(role, value, where)
            case Role.HIGHLIGHT_BY_FIELD:
                yield from self._at(where, self._names.pattern_problem(key))
                yield from self._spec(value, grammar.HIGHLIGHTED, where)
            case Role.VALUES:
                yield from self._values(value, where)
            case Role.INCLUDE:
                yield from self._pattern(value, where)
                yield from self._values(value, where)
            case Role.LIKE:
                yield from self._like(value, where)
            case Role.SORT:
                yield from self._sort(value, where)
            case Role.SOURCES:
                yield from self._sources(value, where)
            case Role.NOT_HERE:
                yield from self._at(where, _refused(key, Place.OPTION, known=True))

    def _query(self, node: object, where: str) -> Problems:
        for index, clause in enumerate(node if isinstance(node, list) else [node]):
            if not isinstance(clause, Mapping):
                continue
            at = f"{where}{index}/" if isinstance(node, list) else where
            for kind, value in clause.items():
                yield from self._count()
                spec = grammar.QUERIES.get(kind)
                yield from self._at(at, _refused(kind, Place.QUERY, known=spec is not None))
                yield from self._spec(value, spec or {}, f"{at}{kind}/")

    def _queries(self, node: object, where: str) -> Problems:
        if isinstance(node, Mapping):
            for name, query in node.items():
                yield from self._query(query, f"{where}{shown(name)}/")
        else:
            yield from self._query(node, where)

    def _aggregations(self, node: object, where: str) -> Problems:
        for name, agg in node.items() if isinstance(node, Mapping) else ():
            if not isinstance(agg, Mapping):
                continue
            at = f"{where}{shown(name)}/"
            for kind, value in agg.items():
                if kind in ("aggs", "aggregations"):
                    yield from self._aggregations(value, f"{at}{kind}/")
                elif kind != "meta":
                    yield from self._aggregation(kind, value, at)

    def _aggregation(self, kind: str, value: object, where: str) -> Problems:
        yield from self._count()
        spec = grammar.AGGREGATIONS.get(kind)
        yield from self._at(where, _refused(kind, Place.AGGREGATION, known=spec is not None))
        at = f"{where}{kind}/"
        if kind == "filter":
            yield from self._query(value, at)
            return
        if kind in EXAMPLES and isinstance(value, Mapping) and "script" in value:
            if not is_closed(kind, value["script"]):
                example = f'write a string such as "{EXAMPLES[kind]}"'
                yield f"{at}script: script is not allowed here but as a closed expression: {example}"
            value = {key: inner for key, inner in value.items() if key != "script"}
        yield from self._spec(value, spec or {}, at)

    def _fields(self, value: object, where: str, *, doc_values: bool) -> Problems:
        for name in value if isinstance(value, list) else [value]:
            if isinstance(name, str):
                yield from self._at(where, self._names.problem(name, doc_values=doc_values))
            else:
                yield from self._options(name, where)

    def _patterned(self, value: object, where: str, *, boosts: bool) -> Problems:
        for item in value if isinstance(value, list) else [value]:
            name = item.get("field") if isinstance(item, Mapping) else item
            if isinstance(name, str):
                plain = name.rpartition("^")[0] or name if boosts else name
                yield from self._at(where, self._names.pattern_problem(plain))
            if isinstance(item, Mapping):
                yield from self._options(item, where)

    def _source(self, value: object, where: str) -> Problems:
        if isinstance(value, Mapping):
            yield from self._spec(value, grammar.SOURCE, where)
        elif not isinstance(value, bool):
            yield from self._patterned(value, where, boosts=False)

    def _by_field(self, role: Role, value: object, where: str) -> Problems:
        if role is Role.TERMS_BY_FIELD and not isinstance(value, list):
            yield f"{where}: terms takes a list of values; looking them up in another document is not allowed"
        elif role is Role.TERMS_BY_FIELD:
            yield from self._values(value, where)
        elif role is Role.PATTERN_BY_FIELD:
            for pattern in [value.get(key) for key in _PATTERN_KEYS] if isinstance(value, Mapping) else [value]:
                yield from self._pattern(pattern, where)
        yield from self._options(value, where)

    def _values(self, value: object, where: str) -> Problems:
        if isinstance(value, list) and len(value) > self._limits.terms:
            yield f"{where}: the list has more than {self._limits.terms} values; use a range, or fewer"
        yield from self._options(value, where)

    def _like(self, value: object, where: str) -> Problems:
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, Mapping) and set(item) - {"_id"}:
                yield f'{where}: only texts and {{"_id": …}} may be like; documents of other indices are not allowed'

    def _sort(self, value: object, where: str) -> Problems:
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, str):
                yield from self._at(where, self._names.problem(item, sort=True))
            for key, options in item.items() if isinstance(item, Mapping) else ():
                at = f"{where}{shown(key)}/"
                if key == "_geo_distance":
                    yield from self._spec(options, grammar.SORTED_BY_DISTANCE, at)
                    continue
                if key == "_script":
                    yield from self._at(where, _refused(key, Place.ANYWHERE, known=True))
                yield from self._at(at, self._names.problem(key, sort=True))
                yield from self._spec(options, grammar.SORTED, at)

    def _sources(self, value: object, where: str) -> Problems:
        for item in value if isinstance(value, list) else [value]:
            for name, source in item.items() if isinstance(item, Mapping) else ():
                for kind, inner in source.items() if isinstance(source, Mapping) else ():
                    yield from self._aggregation(kind, inner, f"{where}{shown(name)}/")

    def _options(self, value: object, where: str, *, names: bool = False) -> Problems:
        """Fixed words and values: no forbidden key at any depth. With ``names`` the first keys are the user's."""
        if isinstance(value, Mapping):
            for key, inner in value.items():
                if not names:
                    yield from self._option_key(key, inner, where)
                yield from self._options(inner, f"{where}{shown(key)}/")
        elif isinstance(value, list):
            for item in value:
                yield from self._options(item, where, names=names)

    def _option_key(self, key: str, value: object, where: str) -> Problems:
        yield from self._at(where, _refused(key, Place.ANYWHERE, known=True))
        if key in OPTIONS and number(value) > (most := getattr(self._limits, OPTIONS[key])):
            yield f"{where}{key}: at most {most}, not {shown(value)}"
        if key == "pattern":
            yield from self._pattern(value, where)
        elif key == "use_field" and isinstance(value, str):
            yield from self._at(where, self._names.problem(value))

    def _pattern(self, value: object, where: str) -> Problems:
        if isinstance(value, str):
            self._patterns += 1
            if self._patterns > self._limits.patterns:
                yield f"{where}: more than {self._limits.patterns} patterns are not allowed; use terms or match"
            yield from self._at(where, pattern_problem(value, self._limits))

    def _count(self) -> Problems:
        self._clauses += 1
        if self._clauses > self._limits.clauses:
            yield f"the body has more than {self._limits.clauses} queries and aggregations: ask for less at once"

    def _window(self, node: Mapping[str, object], where: str, most: int) -> Problems:
        if number(node.get("from")) + number(node.get("size")) > most:
            yield f"{where}size: from and size together may be at most {most}; lower them"

    @staticmethod
    def _at(where: str, problem: str | None) -> Problems:
        if problem:
            yield f"{where}: {problem}" if where else problem


def _refused(key: str, place: Place, *, known: bool) -> str | None:
    """The rule against ``key`` at ``place``, or that nobody knows it there."""
    rule = BY_PLACE[Place.ANYWHERE].get(key) or BY_PLACE[place].get(key)
    if rule:
        return rule.says(key)
    return None if known else f"{shown(key)} is no {_UNKNOWN[place]} of this policy: use one that docs/policy.md lists"
