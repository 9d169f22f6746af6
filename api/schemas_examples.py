"""What goes over the wire about examples: requests (checked by pydantic) and records (typed dictionaries)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from nlq.errors import InputError
from nlq.types import Body, Example, Record

MOST_TAGS = 16

Printable = r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$"
Tags = Annotated[
    list[Annotated[str, Field(max_length=64, pattern=Printable)]],
    Field(max_length=MOST_TAGS, description="Words to find it by."),
]
Author = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$", description="Who vouches for it.")]
QUESTION = "One way to ask it, in any language."
QUERY = "The search body that answers it."
SHOP: dict[str, Any] = {"question": "orders above 50", "query": {"query": {"range": {"total": {"gt": 50}}}}}


class ExampleIn(BaseModel):
    """An example as a whole: what an edit leaves out is empty afterwards."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{**SHOP, "index": "orders"}]})

    question: str = Field(description=QUESTION)
    query: dict[str, Any] = Field(description=QUERY)
    index: str = Field(description="The index, alias or pattern that was asked.", max_length=4096)
    tags: Tags = []

    def example(self) -> Example:
        return Example(self.question, self.query, self.index)


class NewExample(ExampleIn):
    """An example to keep."""

    author: Author = ""


class SearchIn(BaseModel):
    """A question whose nearest examples are wanted."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"question": "comedies after 1995"}]})

    question: str
    k: int = Field(5, ge=1, le=100, description="How many at most.")
    exclude_index: str | None = Field(None, description="Leave out the examples of this index.", max_length=4096)


class FeedbackIn(BaseModel):
    """What a person thinks of an answer. ``question`` and ``query`` are those of the answer, or the corrected query."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"verdict": "right", **SHOP}]})

    verdict: Literal["right", "corrected", "wrong"]
    question: str = Field("", description="The answer's `question`; needed unless it was wrong.")
    query: dict[str, Any] | None = Field(
        None, description="The answer's `query`, or what it should have been; needed unless it was wrong."
    )
    tags: Tags = []
    author: Author = ""

    def example(self, index: str) -> Example:
        """Raises InputError where the query is missing."""
        if self.query is None:
            raise InputError(f"query: is missing; send the one that is {self.verdict}.")
        return Example(self.question, self.query, index)


class RecordOut(TypedDict):
    """An example as it is kept. ``state`` was found on the engine of version ``engine`` at ``checked``, ``reason`` says
    why it is stale; ``uses`` counts how often it was shown to a model, ``wins`` how often that led to the answer."""

    id: str
    question: str
    query: Body
    index: str
    fields: list[str]
    tags: list[str]
    source: str
    author: str
    state: Literal["unchecked", "verified", "stale", "unconfirmed"]
    engine: str
    checked: str
    reason: str
    created: str
    updated: str
    uses: int
    wins: int
    etag: str


class PageOut(TypedDict):
    """``total`` counts all that are meant; ``next`` is what ``after`` must be for the next page, null on the last."""

    total: int
    examples: list[RecordOut]
    next: str | None


class NearOut(RecordOut):
    """``score`` is the cosine to the question's pattern, 1 for the same; null where the store does not tell."""

    score: float | None


class FoundOut(TypedDict):
    """The nearest first."""

    examples: list[NearOut]


def record_out(record: Record) -> RecordOut:
    example = record.example
    return {
        "id": example.id,
        "question": example.question,
        "query": example.query,
        "index": example.index,
        "fields": list(example.fields),
        "tags": list(record.tags),
        "source": example.source,
        "author": record.author,
        "state": record.state.value,
        "engine": record.engine,
        "checked": record.checked,
        "reason": record.reason,
        "created": record.created,
        "updated": record.updated,
        "uses": record.uses,
        "wins": record.wins,
        "etag": record.etag,
    }


def page_out(records: Sequence[Record], *, total: int, limit: int) -> PageOut:
    """``records`` may hold one more than ``limit``: then there is a next page."""
    shown = records[:limit]
    more = len(records) > limit
    return {"total": total, "examples": [record_out(r) for r in shown], "next": shown[-1].example.id if more else None}
