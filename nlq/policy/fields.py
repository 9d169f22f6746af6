"""Which fields a body may name."""

from __future__ import annotations

from collections.abc import Collection
from fnmatch import fnmatchcase

from nlq.policy.refusal import shown
from nlq.policy.rules import METADATA
from nlq.types import IndexSchema

_SORTED = frozenset({"_score", "_doc"})
_OPEN = ".*"


def fields_of(index: IndexSchema) -> frozenset[str]:
    """The names ``check_policy`` takes as ``fields``; "name.*" stands for everything below a flattened field."""
    names = {field.name for field in index.fields}
    names |= {field.name + _OPEN for field in index.fields if field.kind == "flattened"}
    names |= {f"{field.name}#{parent}" for field in index.fields for parent, _ in field.relations}
    return frozenset(names)


class Names:
    """The fields of an index; without any, every name but Elasticsearch's own is fine."""

    def __init__(self, fields: Collection[str] | None) -> None:
        self._known = None if fields is None else frozenset(name for name in fields if not name.endswith(_OPEN))
        self._open = tuple(name.removesuffix("*") for name in fields or () if name.endswith(_OPEN))
        self._above = frozenset(
            ".".join(parts[:end])
            for name in self._known or ()
            for parts in [name.split(".")]
            for end in range(1, len(parts))
        )

    def problem(self, name: str, *, sort: bool = False, doc_values: bool = False) -> str | None:
        """Why this exact name may not stand here."""
        if (sort and name in _SORTED) or (name == "_id" and not sort and not doc_values):
            return None
        if name in METADATA or name in ("_id", *_SORTED):
            return f"the metadata field {name} is not allowed: it tells of the cluster; name a field of the index"
        if self._known is None or name in self._known or name in self._above or name.startswith(self._open):
            return None
        return f"{shown(name)} is not a field of the index: name one that it lists"

    def pattern_problem(self, pattern: str) -> str | None:
        """As ``problem`` for a name that may hold "*", which matches names of any kind."""
        if "*" not in pattern:
            return self.problem(pattern)
        exact = pattern.replace("[", "[[]").replace("?", "[?]")
        # "*" alone is every field of the index but none of Elasticsearch's own.
        reached = set(pattern) != {"*"} and next((name for name in sorted(METADATA) if fnmatchcase(name, exact)), None)
        if reached:
            return f"the pattern {shown(pattern)} reaches the metadata field {reached}: name a field of the index"
        if self._known is None or any(fnmatchcase(name, exact) for name in self._known | self._above):
            return None
        return f"the pattern {shown(pattern)} matches no field of the index: name one that it lists"
