"""Examples, and what a store knows of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from nlq.types.index import Body


@dataclass(frozen=True, slots=True)
class Example:
    """A question with a query known to answer it; ``fields`` are "name:kind" pairs of the index it was asked of.

    ``id`` names it in the store that gave it ("" where it comes from none).
    """

    question: str
    query: Body
    index: str
    fields: tuple[str, ...] = ()
    source: str = "hand"
    id: str = ""


class State(StrEnum):
    """What is known of an example: never checked; right on an engine; no longer right there; or made by a machine and
    not confirmed by asking its question again."""

    UNCHECKED = "unchecked"
    VERIFIED = "verified"
    STALE = "stale"
    UNCONFIRMED = "unconfirmed"


@dataclass(frozen=True, slots=True)
class Record:
    """An example as a store keeps it. Times are UTC, ISO 8601; ``etag`` differs whenever the example was edited.

    ``state`` was found on the engine of version ``engine`` at ``checked`` ("" where never). ``uses`` counts how often
    it was shown to a model, ``wins`` how often the answer came from a prompt that showed it.
    """

    example: Example
    etag: str
    tags: tuple[str, ...] = ()
    author: str = ""
    state: State = State.UNCHECKED
    engine: str = ""
    checked: str = ""
    reason: str = ""
    created: str = ""
    updated: str = ""
    uses: int = 0
    wins: int = 0


@dataclass(frozen=True, slots=True)
class ExampleFilter:
    """Which records are meant; None leaves a part open. ``text`` occurs in the question, case aside."""

    index: str | None = None
    source: str | None = None
    state: State | None = None
    tag: str | None = None
    text: str | None = None
