"""A question becomes an answer. ``Translator.translate`` reads like the picture in the design."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from nlq.errors import InputError, NoAnswerError, StoreError
from nlq.finish import Finish
from nlq.grounding import Grounding
from nlq.json_schema import Schema
from nlq.ports import Embedder, Engine, ExampleStore, Sampler
from nlq.prompt import build_prompt
from nlq.readback import readback
from nlq.timings import Clock, Timings
from nlq.types import (
    Answer,
    Ballot,
    Candidate,
    Example,
    IndexSchema,
    LinkedValue,
    Prompt,
    Question,
    SamplingParams,
    Verdict,
)
from nlq.values import SHOWN, Kind
from nlq.verify import verify
from nlq.vote import RULES, decided

_SMALL_ROUND = 2


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened on the way; ``data`` is the value of that name from ``nlq.types``
    (schema: IndexSchema, values: tuple[LinkedValue], examples: tuple[Example], sampled: Candidate, candidate: Verdict,
    ballot: Ballot, answer: Answer). "sampled" comes as each candidate ends, "candidate" when its round has run."""

    name: Literal["schema", "values", "examples", "sampled", "candidate", "ballot", "answer"]
    data: Any


@dataclass(frozen=True, slots=True)
class AskOptions:
    """What one request may choose; None takes the translator's default.

    ``n`` None samples in rounds, at most the default number, until the rest could not change the vote.
    ``time_budget`` is in seconds.
    """

    n: int | None = None
    temperature: float | None = None
    select: Literal["vote", "first"] = "vote"
    seed: int = 0
    max_results: int | None = None
    time_budget: float | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What no request may exceed, and what a prompt shows: how many examples, how many fields, which kinds of linked
    values. ``constrained`` False lets the model write free text, to see what the schema is worth."""

    shots: int = 3
    max_fields: int = 60
    link_kinds: frozenset[Kind] = SHOWN
    constrained: bool = True
    max_question_chars: int = 2000
    max_results: int = 1000
    engine_timeout: float = 5.0


@dataclass(slots=True)
class Translator:
    """The parts a translation needs. Without an ``embedder`` no text can be searched by meaning. ``now`` is the moment
    from which relative dates count."""

    engine: Engine
    sampler: Sampler
    examples: ExampleStore
    embedder: Embedder | None = None
    params: SamplingParams = field(default_factory=lambda: SamplingParams(n=8))
    limits: Limits = field(default_factory=Limits)
    clock: Clock = time.monotonic
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    grounding: Grounding = field(init=False)

    def __post_init__(self) -> None:
        self.grounding = Grounding(
            self.engine,
            self.embedder,
            clock=self.clock,
            now=self.now,
            most_fields=self.limits.max_fields,
            kinds=self.limits.link_kinds,
        )

    def translate(
        self, question: Question, options: AskOptions, *, on_event: Callable[[Event], None] | None = None
    ) -> Answer:
        """The answer to ``question``, its query already run.

        ``on_event`` hears of every step as it ends; what it raises ends the translation. Raises InputError for a bad
        question or option, UnknownIndexError, NoAnswerError where no candidate survived, BackendError.
        """
        tell = on_event or _nobody
        timings = Timings(self.clock)
        text = clean_question(question.text, most=self.limits.max_question_chars)
        params = self._params(options)
        with timings("schema"):
            index = self.engine.schema(question.index)
        tell(Event("schema", index))
        with timings("values"):
            view = self.grounding.view(text, index)
        tell(Event("values", view.values))
        with timings("examples"):
            examples = self._shots(text, view.values, index)
        tell(Event("examples", examples))
        prompt = build_prompt(text, view.near, examples=examples, values=view.values, periods=view.periods)
        most = min(options.max_results or self.limits.max_results, self.limits.max_results)
        finish = Finish(view, max_results=most, encode=self.grounding.embed if self.embedder else None)
        verdicts: list[Verdict] = []
        schema = view.decoded if self.limits.constrained else None
        for candidates in self._rounds(prompt, schema, params=params, options=options, timings=timings, tell=tell):
            with timings("verify"):
                found = verify(
                    candidates,
                    schema=view.accepted,
                    index=index.index,
                    engine=self.engine,
                    timeout=self.limits.engine_timeout,
                    finish=finish,
                )
            verdicts += found
            for verdict in found:
                tell(Event("candidate", verdict))
            if _enough(verdicts, options, remaining=params.n - len(verdicts)):
                break
        ballot = RULES[options.select](verdicts)
        self._count(examples, answered=bool(ballot.groups))
        tell(Event("ballot", ballot))
        answer = _answer(
            Question(text, index.index),
            ballot,
            tuple(verdicts),
            values=view.values,
            examples=examples,
            timings=timings.done(),
        )
        tell(Event("answer", answer))
        return answer

    def warm(self) -> None:
        """Do now what the first question would otherwise wait for: the prompts' head, the examples' index."""
        self.examples.warm()
        self.sampler.warm(build_prompt("?", IndexSchema("warm-up", ())))

    def _params(self, options: AskOptions) -> SamplingParams:
        changes = {
            name: value
            for name, value in (("n", options.n), ("temperature", options.temperature), ("seed", options.seed))
            if value is not None
        }
        if options.n is None and options.temperature == 0:
            changes["n"] = 1  # greedy candidates are all the same
        try:
            return self.params.with_(**changes)
        except ValueError as exc:
            raise InputError(f"{exc}.") from exc

    def _shots(self, text: str, values: tuple[LinkedValue, ...], index: IndexSchema) -> tuple[Example, ...]:
        if not self.limits.shots:
            return ()
        fields = [f"{field.name}:{field.kind}" for field in index.fields]
        found = self.examples.nearest(text, self.limits.shots, exclude_index=index.index, values=values, fields=fields)
        return tuple(found)

    def _count(self, examples: Sequence[Example], *, answered: bool) -> None:
        """Counts are a help for who keeps the examples: a store that cannot write them spoils no answer."""
        shown = [example.id for example in examples if example.id]
        with suppress(StoreError):
            self.examples.used(shown, won=shown if answered else ())

    def _rounds(
        self,
        prompt: Prompt,
        schema: Schema | None,
        *,
        params: SamplingParams,
        options: AskOptions,
        timings: Timings,
        tell: Callable[[Event], None],
    ) -> Iterator[Sequence[Candidate]]:
        started, begin = self.clock(), 0
        while begin < params.n:
            n = min(_round_size(options, params.n, begin=begin), params.n - begin)
            each = params.with_(n=n, seed=(params.seed + begin) % 2**32)
            begin += n
            candidates: list[Candidate] = []
            with timings("sample"), _closing(self.sampler.sample(prompt, schema, each)) as sampled:
                for candidate in sampled:
                    candidates.append(candidate)
                    tell(Event("sampled", candidate))
            yield candidates
            if options.time_budget and self.clock() - started >= options.time_budget:
                return


def _round_size(options: AskOptions, n: int, *, begin: int) -> int:
    """One by one for ``first``, few at a time under a time budget, else all at once; where the number is open, half of
    them first."""
    if options.select == "first":
        return 1
    if options.time_budget or (options.n is None and begin):
        return _SMALL_ROUND
    return n if options.n else (n + 1) // 2


def _enough(verdicts: Sequence[Verdict], options: AskOptions, *, remaining: int) -> bool:
    if options.select == "first":
        return any(v.result is not None for v in verdicts)
    return options.n is None and decided(verdicts, remaining=remaining)


@contextmanager
def _closing(candidates: Iterator[Candidate]) -> Iterator[Iterator[Candidate]]:
    """Stops the sampling of ``candidates`` at the end, not whenever garbage is collected."""
    try:
        yield candidates
    finally:
        close = getattr(candidates, "close", None)
        if close is not None:
            close()


def clean_question(text: str, *, most: int) -> str:
    """The question on one line without control characters; InputError where nothing or too much is left."""
    if len(text) > most:
        raise InputError(f"The question has {len(text)} characters; shorten it to at most {most}.")
    printable = "".join(c if c.isprintable() else " " for c in text)
    joined = " ".join(printable.split())
    if not joined:
        raise InputError("The question is empty: write what you want to know.")
    return joined


def _answer(
    question: Question,
    ballot: Ballot,
    verdicts: tuple[Verdict, ...],
    *,
    values: tuple[LinkedValue, ...],
    examples: tuple[Example, ...],
    timings: dict[str, float],
) -> Answer:
    leader = ballot.leader
    if leader is None or leader.chosen.query is None or leader.chosen.result is None:
        reasons = "; ".join(dict.fromkeys(f"{v.outcome}: {v.reason}" for v in verdicts))[:600]
        raise NoAnswerError(
            f"None of {len(verdicts)} candidates could be run ({reasons}); reword the question or raise n.",
            verdicts=verdicts,
        )
    return Answer(
        id=uuid.uuid4().hex,
        question=question,
        query=leader.chosen.query,
        result=leader.chosen.result,
        readback=readback(leader.chosen.query, question.index),
        ballot=ballot,
        verdicts=verdicts,
        values=values,
        examples=examples,
        timings=timings,
    )


def _nobody(event: Event) -> None:
    del event
