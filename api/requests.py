"""What is asked for over the wire, checked by pydantic."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    WithJsonSchema,
)

from api.schemas import MAX_N
from nlq.errors import InputError
from nlq.paging import MOST_TOKEN_CHARS
from nlq.settings import Settings
from nlq.translator import AskOptions, clean_question
from nlq.types import Example, Question
from nlq.vote import RULES, STOPS


def _one_of(names: Collection[str]) -> Any:
    def check(name: str) -> str:
        if name not in names:
            raise ValueError(f"write one of {', '.join(names)}")
        return name

    return Annotated[str, AfterValidator(check), WithJsonSchema({"type": "string", "enum": list(names)})]


def _results(most: int | None, settings: Settings) -> int | None:
    if most is not None and most > settings.max_results:
        raise InputError(f"max_results is {most}; at most {settings.max_results} are given.")
    return most


MaxResults = Annotated[
    int | None, Field(ge=1, description="Most hits or buckets the query may ask for; the service's own without it.")
]


class Ask(BaseModel):
    """One question. Only ``question`` is needed; ``query`` is another name for it."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"question": "Which director made the most comedies after 1995?", "n": 8}]},
    )

    question: str = Field(
        validation_alias=AliasChoices("question", "query"), description="What to ask, in any language."
    )
    n: Annotated[StrictInt, Field(ge=1, le=MAX_N)] | Literal["auto"] | None = Field(
        None, description="Candidates to sample; with `auto` or nothing as many as it takes, at most the service's own."
    )
    temperature: float | None = Field(None, ge=0, le=5, allow_inf_nan=False, description="0 is greedy.")
    select: _one_of(RULES) | None = Field(  # type: ignore[valid-type]  # a table's names
        None, description="How one of the candidates is chosen; the service's own rule without it."
    )
    stop: _one_of(STOPS) | None = Field(  # type: ignore[valid-type]
        None, description="When sampling has seen enough, also below a number `n`."
    )
    revise: StrictBool | None = Field(None, description="Whether the model looks again at two answers that are close.")
    seed: int = Field(0, ge=0, lt=2**31)
    max_results: MaxResults = None
    explain: StrictBool = Field(False, description="Send every candidate with its verdict.")
    time_budget: float | None = Field(None, gt=0, le=600, allow_inf_nan=False, description="Seconds to sample for.")

    def question_of(self, index: str, settings: Settings) -> Question:
        """The cleaned question; raises InputError where it is empty or over-long for this service."""
        return Question(clean_question(self.question, most=settings.max_question_chars), index)

    def options(self, settings: Settings, *, previous: Example | None = None) -> AskOptions:
        """Raises InputError where more results are asked for than this service gives."""
        return AskOptions(
            n=None if self.n == "auto" else self.n,
            temperature=self.temperature,
            select=self.select,
            stop=self.stop,
            revise=self.revise,
            seed=self.seed,
            max_results=_results(self.max_results, settings),
            time_budget=self.time_budget,
            previous=previous,
        )


class PreviousIn(BaseModel):
    """What was asked before, and the query that answered it."""

    model_config = ConfigDict(extra="forbid")

    question: str
    query: dict[str, Any]


class Refine(Ask):
    """A question that goes on from an answer: that with the id ``answer_id``, or ``previous``."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "question": "only the ones after 2000",
                    "previous": {"question": "comedies", "query": {"query": {"term": {"genres": "Comedy"}}}},
                }
            ]
        },
    )

    answer_id: str | None = Field(None, max_length=64, description="An answer that this service keeps still.")
    previous: PreviousIn | None = Field(None, description="In place of an id: the answer's question and query.")

    def goes_on_from(self, kept: Callable[..., Example], index: str) -> Example:
        """What is meant; ``kept`` gives answers by id. Raises InputError unless one of the two is there."""
        if (self.answer_id is None) == (self.previous is None):
            raise InputError("Send answer_id or previous, one of the two: what the question goes on from.")
        if self.previous is None:
            return kept(self.answer_id, index=index)
        return Example(self.previous.question, self.previous.query, index)


class RunIn(BaseModel):
    """A search body to run."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"query": {"query": {"match_all": {}}, "size": 10}}]}
    )

    query: dict[str, Any] = Field(description="What `POST /{index}/_search` of Elasticsearch takes.")
    max_results: MaxResults = None
    next: str = Field(
        "", max_length=MOST_TOKEN_CHARS, description="The `next` of an answer or run with this query: the hits behind."
    )

    def most(self, settings: Settings) -> int | None:
        """Raises InputError where more results are asked for than this service gives."""
        return _results(self.max_results, settings)
