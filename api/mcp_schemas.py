"""What agents send and get: arguments of the tools (checked by pydantic) and their structured answers."""

from __future__ import annotations

from typing import Annotated, Any, NotRequired

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from api.mcp_digest import Digest
from api.schemas import MAX_N, RepairOut
from nlq.types import Body

Index = Annotated[
    str,
    Field(description="An index of list_indices, a pattern (logs-*), or several of these with commas between."),
]
Limit = Annotated[int, Field(ge=1, le=100, description="Most documents, or groups of each list, to return.")]


class Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ListIndices(Arguments):
    contains: str = Field("", description="Only indices with this in their name or description.")


class DescribeIndex(Arguments):
    index: Index
    contains: str = Field("", description="Only fields with this in their name.")


class AskIndex(Arguments):
    index: Index
    question: str = Field(description="One question in plain words, any language, complete in itself.")
    limit: Limit = 20
    n: int | None = Field(None, ge=1, le=MAX_N, description="Candidate queries to sample; left out: as many as needed.")
    time_budget: float | None = Field(
        None, gt=0, le=600, allow_inf_nan=False, description="Seconds after which no more candidates are sampled."
    )


class RunQuery(Arguments):
    index: Index
    query: Body = Field(
        description='An Elasticsearch search body, such as {"query": {"term": {"genre": "Comedy"}}, "size": 5}.'
    )
    limit: Limit = 20


class IndexRow(TypedDict):
    name: str
    documents: int
    about: str


class Listed(TypedDict):
    """``more`` counts indices that were left out: ask for a part of their names."""

    indices: list[IndexRow]
    more: int


class FieldRow(TypedDict):
    """``kind`` is the type of the mapping; ``values`` are some that documents have, of fields with exact values."""

    name: str
    kind: str
    nested_in: NotRequired[str]
    values: NotRequired[list[Any]]


class Described(TypedDict):
    """``more`` counts fields that were left out: ask for a part of their names."""

    index: str
    about: str
    documents: int
    fields: list[FieldRow]
    more: int


class Ran(Digest):
    """``readback`` says in English what ``query`` asks."""

    index: str
    readback: str
    query: Body


class Votes(TypedDict):
    agree: int
    of: int


class Alternative(TypedDict):
    """What other candidates asked, and how many documents they found."""

    readback: str
    query: Body
    agree: int
    total: int


class Answered(Ran):
    """``confidence`` is in 0..1; ``repairs`` are values that the model wrote and that do not exist, with those that
    took their place."""

    question: str
    confidence: float
    votes: Votes
    repairs: list[RepairOut]
    alternatives: list[Alternative]
