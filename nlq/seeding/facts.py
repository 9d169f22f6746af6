"""What documents drawn by the engine say about the fields of an index: real values, real numbers, how many differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from nlq.errors import EngineError, InputError
from nlq.ports import Engine
from nlq.query_schema import DATE, VECTOR
from nlq.types import Body, Failure, Field, IndexSchema, Result

SAMPLED = 200
LONGEST = 60
"""Characters of a value that can be said in a question."""
_MOST_GROUPS = 100
_MOST_DISTINCT = 0.9


@dataclass(frozen=True, slots=True)
class Facts:
    """``values`` per field as often as they occur in the ``sampled`` documents, multi-fields under their parents'
    names; ``held`` counts the documents that have the field; ``documents`` is how many the index has."""

    documents: int
    sampled: int
    values: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    held: Mapping[str, int] = field(default_factory=dict)

    def of(self, field: Field) -> tuple[Any, ...]:
        return self.values.get(field.parent or field.name, ())

    def literals(self, field: Field) -> tuple[Any, ...]:
        """Values that a condition can name: short, on one line."""
        return tuple(v for v in self.of(field) if not isinstance(v, str) or _speakable(v))

    def distinct(self, field: Field) -> int:
        return len(set(map(str, self.of(field))))

    def partly(self, field: Field) -> bool:
        """Whether some documents have the field and some lack it."""
        return 0 < self.held.get(field.parent or field.name, 0) < self.sampled

    def identifies(self, field: Field) -> bool:
        """Whether nearly every value is another one, as numbers and titles are."""
        values = self.of(field)
        return len(values) > 5 and self.distinct(field) > _MOST_DISTINCT * len(values)

    def groups(self, field: Field) -> bool:
        """Whether documents fall into groups by the field."""
        return 1 < self.distinct(field) <= _MOST_GROUPS and not self.identifies(field)


def gather(engine: Engine, index: IndexSchema, *, seed: int, timeout: float) -> Facts:
    """Facts from SAMPLED documents drawn at random. Raises InputError where the index is empty, and what the engine
    raises."""
    drawn = {"function_score": {"query": {"match_all": {}}, "random_score": {"seed": seed, "field": "_seq_no"}}}
    vectors = [f.name for f in index.fields if f.kind in VECTOR]
    rest: Body = {"size": SAMPLED, "track_total_hits": True}
    rest |= {"_source": {"excludes": vectors}} if vectors else {}
    # The second is for engines that draw no random scores.
    answers = engine.search(
        index.index, [{"query": drawn, **rest}, {"query": {"match_all": {}}, **rest}], timeout=timeout
    )
    found = next((a for a in answers if isinstance(a, Result)), None)
    if found is None:
        reasons = "; ".join(dict.fromkeys(a.reason for a in answers if isinstance(a, Failure)))
        raise EngineError(f"Elasticsearch gave no documents of {index.index!r} ({reasons}); try again.")
    if not found.hits:
        raise InputError(f"The index {index.index!r} gave no documents: load some before examples are made of them.")
    return facts_of([hit.get("_source") or {} for hit in found.hits], index, documents=found.total)


def facts_of(sources: Sequence[Mapping[str, Any]], index: IndexSchema, *, documents: int) -> Facts:
    """Facts from the ``_source`` of some documents of an index that has ``documents``."""
    values: dict[str, tuple[Any, ...]] = {}
    held: dict[str, int] = {}
    for known in index.fields:
        if known.parent is None and known.kind not in VECTOR:
            each = [[_read(v, known) for v in _walk(source, known.name.split("."))] for source in sources]
            values[known.name] = tuple(v for found in each for v in found if v is not None)
            held[known.name] = sum(bool(found) for found in each)
    return Facts(documents, len(sources), values, held)


def _walk(value: Any, path: Sequence[str]) -> Iterator[Any]:
    """What stands at ``path``, also where a document writes dots into its keys."""
    if isinstance(value, list):
        for item in value:
            yield from _walk(item, path)
    elif not path:
        if value is not None:
            yield value
    elif isinstance(value, Mapping):
        for end in range(1, len(path) + 1):
            key = ".".join(path[:end])
            if key in value:
                yield from _walk(value[key], path[end:])


def _read(value: Any, known: Field) -> Any:
    """The value as a query names it; None where it cannot. Dates become datetime."""
    if known.kind in DATE:
        return _moment(value)
    return value if isinstance(value, str | int | float | bool) else None


def _moment(value: Any) -> datetime | None:
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1000, UTC)
        found = datetime.fromisoformat(str(value))
    except (ValueError, OverflowError, OSError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _speakable(text: str) -> bool:
    return 0 < len(text) <= LONGEST and text.isprintable() and text.strip() == text
