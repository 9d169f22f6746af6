"""An index and the engine that holds it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Body = dict[str, Any]
"""An Elasticsearch search body (what ``POST /INDEX/_search`` takes), parsed from JSON."""


@dataclass(frozen=True, slots=True)
class Field:
    """One searchable path of a mapping.

    ``kind`` is the mapping's type ("text", "keyword", "long", "date", "nested", …), or "conflict" where the indices
    behind one name disagree so far that Elasticsearch cannot treat the field as one. Multi-fields are fields of their
    own with ``parent`` set ("title.keyword" has parent "title"). ``nested`` is the innermost nested path that holds
    the field, ``format`` a date field's format, ``dims`` a dense vector's length, ``relations`` a join field's
    (parent, child) pairs. ``searchable`` says whether queries can name it, ``aggregatable`` whether sorts and
    aggregations can; ``partial`` that not every index behind the name maps it, or maps it alike.
    """

    name: str
    kind: str
    parent: str | None = None
    nested: str | None = None
    format: str | None = None
    dims: int | None = None
    relations: tuple[tuple[str, str], ...] = ()
    searchable: bool = True
    aggregatable: bool = True
    partial: bool = False


@dataclass(frozen=True, slots=True)
class IndexSchema:
    """What can be asked of an index: its fields and what the engine that holds it can run.

    ``features`` names the engine's modules and plug-ins (empty where it does not tell), ``version`` is its number.
    """

    index: str
    fields: tuple[Field, ...]
    about: str = ""
    features: frozenset[str] = frozenset()
    version: str = ""

    def field(self, name: str) -> Field | None:
        """The field of that name, or None."""
        return next((f for f in self.fields if f.name == name), None)


@dataclass(frozen=True, slots=True)
class IndexInfo:
    """One index of the engine as a chooser shows it."""

    name: str
    documents: int
    about: str = ""


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """The connected engine: its version and the plug-ins and modules it runs (empty where it does not tell)."""

    version: str
    features: frozenset[str] = frozenset()
