"""A question becomes an answer. ``Translator.translate`` reads like the picture in the design."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial

from nlq.caching import AnswerCache, Place
from nlq.choices import Choices, choices
from nlq.conversation import shown, together
from nlq.errors import InputError, NoAnswerError, StoreError
from nlq.finish import Finish
from nlq.grounding import Grounding, View
from nlq.neighbours import neighbour_candidates
from nlq.options import AskOptions, Event, Limits
from nlq.plan import Diversity, Draw, Variant, plan, variants
from nlq.ports import Embedder, Engine, ExampleStore, Sampler
from nlq.prompt import build_prompt, fitting, head
from nlq.readback import readback
from nlq.rounds import Rounds
from nlq.second_look import SecondLook, is_close, second_prompt
from nlq.timings import Clock, Timings
from nlq.trail import Trail
from nlq.types import (
    Answer,
    Ballot,
    Example,
    LinkedValue,
    Prompt,
    Question,
    SamplingParams,
    Verdict,
)
from nlq.verify import Known, verify
from nlq.whole import whole

__all__ = ["AskOptions", "Calibrate", "Event", "Judge", "Limits", "Translator", "clean_question"]

Judge = Callable[[Sequence[Verdict], View], Sequence[Verdict]]
"""Attaches signals and scores to all verdicts on a question's candidates so far: one verdict for each, in order."""


Calibrate = Callable[[float], float]
"""The share of answers of that score that were right, in 0..1."""


def _unjudged(verdicts: Sequence[Verdict], view: View) -> Sequence[Verdict]:
    del view
    return verdicts


@dataclass(slots=True)
class Translator:
    """The parts a translation needs. Without an ``embedder`` no text can be searched by meaning. ``now`` is the moment
    from which relative dates count.

    ``samplers`` holds models with their weights; where there are any, they are asked instead of ``sampler``, and their
    candidates vote together. ``select`` is the rule of ``nlq.vote.RULES`` for requests that name none. Where ``judge``
    gives scores, ``calibrate`` makes the answer's confidence of its score, whatever rule chose it. With a ``cache`` a
    question that was answered before asks no model; one cache may serve several engines, whose answers are not mixed.
    """

    engine: Engine
    sampler: Sampler
    examples: ExampleStore
    embedder: Embedder | None = None
    params: SamplingParams = field(default_factory=lambda: SamplingParams(n=8))
    limits: Limits = field(default_factory=Limits)
    samplers: tuple[tuple[Sampler, float], ...] = ()
    rounds: Rounds = field(default_factory=Rounds)
    diversity: Diversity = field(default_factory=Diversity)
    second_look: SecondLook = field(default_factory=SecondLook)
    select: str = "vote"
    judge: Judge = _unjudged
    calibrate: Calibrate = float
    cache: AnswerCache | None = None
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
        before = options.previous and self._cleaned(options.previous)
        chosen = choices(options, params=self.params, rounds=self.rounds, select=self.select)
        with timings("schema"):
            index = self.engine.schema(question.index)
        tell(Event("schema", index))
        with timings("values"):
            view = self.grounding.view(together(before, text), index)
        previous = before and shown(before, view.accepted, max_results=self.limits.max_results)
        tell(Event("values", view.values))
        trail = self._trail(view, options, tell=tell, timings=timings)
        place = self._place(view, options)
        if place and (known := place.again(trail, Question(text, index.index))):
            return known
        with timings("examples"):
            examples = self._examples(view)
        tell(Event("examples", examples))
        asked = self._variants(view, examples, write=partial(build_prompt, text, previous=previous))
        ballot = self._choose(trail, asked, chosen, view=view, options=options)
        search = partial(self.engine.search, index.index, timeout=self.limits.engine_timeout)
        with timings("verify"):
            ballot = self._sure(whole(trail, ballot, rule=chosen.rule, search=search))
        self._count(trail, ballot)
        tell(Event("ballot", ballot))
        answer = _answer(
            Question(text, index.index),
            ballot,
            trail.verdicts,
            values=view.values,
            examples=examples,
            timings=timings.done(),
        )
        if place:
            place.keep(answer)
        tell(Event("answer", answer))
        return answer

    def warm(self) -> None:
        """Do now what the first question would otherwise wait for: the prompts' head, the examples' index."""
        self.examples.warm()
        for sampler, _ in self._asked:
            sampler.warm(Prompt(head=head(), shots=(), tail=()))

    @property
    def _asked(self) -> tuple[tuple[Sampler, float], ...]:
        return self.samplers or ((self.sampler, 1.0),)

    def _place(self, view: View, options: AskOptions) -> Place | None:
        """Where the answer is kept: by the engine, since callers with rights of their own have one of their own, and by
        all that decides an answer but the examples."""
        if self.cache is None or options.previous:
            return None
        chosen = (self.params, self.limits, self.rounds, self.diversity, self.second_look, self.select)
        models = tuple((sampler.name, weight) for sampler, weight in self._asked)
        encode = self.grounding.embed if self.embedder else None
        return self.cache.place(view, options, asker=(self.engine, *chosen, models), encode=encode)

    def _most(self, options: AskOptions) -> int:
        return min(options.max_results or self.limits.max_results, self.limits.max_results)

    def _cleaned(self, previous: Example) -> Example:
        return replace(previous, question=clean_question(previous.question, most=self.limits.max_question_chars))

    def _examples(self, view: View) -> tuple[Example, ...]:
        wanted = self.limits.shots * self.diversity.shot_groups
        if not wanted:
            return ()
        index = view.index
        fields = [f"{field.name}:{field.kind}" for field in index.fields]
        found = self.examples.nearest(
            view.question,
            wanted,
            exclude_index=index.index if self.limits.foreign_shots else None,
            values=view.values,
            fields=fields,
        )
        return fitting(found, index=index.index, most_tokens=self.limits.shot_tokens * self.diversity.shot_groups)

    def _variants(
        self, view: View, examples: Sequence[Example], *, write: Callable[..., Prompt]
    ) -> tuple[Variant, ...]:
        def prompt(few: Sequence[Example]) -> Prompt:
            return write(view.near, examples=few, values=view.values, periods=view.periods, narrowed=view.narrowed)

        return variants(self._asked, examples, shots=self.limits.shots, diversity=self.diversity, prompt=prompt)

    def _trail(self, view: View, options: AskOptions, *, tell: Callable[[Event], None], timings: Timings) -> Trail:
        encode = self.grounding.embed if self.embedder else None
        return Trail(
            schema=view.decoded if self.limits.constrained else None,
            verify=partial(
                verify,
                schema=view.accepted,
                index=view.index.index,
                engine=self.engine,
                timeout=self.limits.engine_timeout,
                most_documents=self.limits.dry_run_documents,
                known=Known(),
                finish=Finish(view, max_results=self._most(options), encode=encode),
            ),
            judge=lambda verdicts: self.judge(verdicts, view),
            tell=tell,
            timings=timings,
        )

    def _choose(
        self, trail: Trail, asked: Sequence[Variant], chosen: Choices, *, view: View, options: AskOptions
    ) -> Ballot:
        """Sample, try edits, and look again where two answers are close."""
        in_time = self._sample(trail, asked, chosen, options)
        if self.limits.neighbours:  # they cost the engine's time, not the model's
            trail.add(neighbour_candidates(trail.verdicts, view.question, view, most=self.limits.neighbours))
        ballot = chosen.rule(trail.verdicts)
        wanted = self.second_look.on if options.revise is None else options.revise
        if not (wanted and in_time and is_close(ballot, share=self.second_look.close)):
            return ballot
        again = self._second_draw(ballot, asked, chosen, index=view.index.index, most=self._most(options))
        trail.draw([again], origin="revised")
        return chosen.rule(trail.verdicts)

    def _sure(self, ballot: Ballot) -> Ballot:
        score = ballot.leader.chosen.score if ballot.leader else None
        return ballot if score is None else replace(ballot, confidence=self.calibrate(score))

    def _sample(self, trail: Trail, asked: Sequence[Variant], chosen: Choices, options: AskOptions) -> bool:
        """Draw round after round until the vote is decided; whether time is left."""
        started = self.clock()
        temperatures = self.diversity.temperatures if options.temperature is None else ()
        planned = plan(chosen.rounds, asked, blocks=chosen.blocks, params=chosen.params, temperatures=temperatures)
        for draws in planned:
            trail.draw(draws)
            if options.time_budget and self.clock() - started >= options.time_budget:
                return False
            if chosen.stop(trail.verdicts, remaining=chosen.params.n - len(trail.verdicts)):
                break
        return True

    def _second_draw(self, ballot: Ballot, asked: Sequence[Variant], chosen: Choices, *, index: str, most: int) -> Draw:
        """By the prompt of most candidates, since runtimes are likeliest to hold it still."""
        usual = max(asked, key=lambda variant: variant.share)
        prompt = second_prompt(usual.prompt, ballot, index=index, max_results=most)
        params = chosen.params
        n = 1 if params.greedy else self.second_look.samples
        again = params.with_(n=n, seed=(params.seed + params.n) % 2**32)
        return Draw(replace(usual, prompt=prompt, name="second look"), again)

    def _count(self, trail: Trail, ballot: Ballot) -> None:
        """Counts are a help for who keeps the examples: a store that cannot write them spoils no answer."""
        won = trail.shown_to(ballot.leader) if ballot.leader else ()
        with suppress(StoreError):
            self.examples.used(_ids(trail.shown()), won=_ids(won))


def _ids(examples: Iterable[Example]) -> list[str]:
    return [example.id for example in examples if example.id]


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
