"""The slow stage: ask every question and keep the candidates."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from nlq.errors import NoAnswerError
from nlq.evaluation.cases import Case, CaseSet
from nlq.evaluation.costs import Energy, Metered
from nlq.evaluation.samples import Sampled, append, read_samples
from nlq.translator import AskOptions, Event, Translator
from nlq.types import Question, Verdict


def sample(
    sets: Sequence[CaseSet],
    translator: Translator,
    files: Mapping[str, Path],
    *,
    n: int,
    greedy: bool = True,
    on_case: Callable[[], None] | None = None,
) -> None:
    """Append candidates to the file of each set, by its name, for every case that the file lacks.

    The sets take turns, so that an interrupted run has cases of all of them. ``greedy`` asks each question once more
    before, at temperature 0. Loads the sets' indices where the engine lacks them.
    """
    meters = tuple(
        (Metered(sampler), weight) for sampler, weight in translator.samplers or ((translator.sampler, 1.0),)
    )
    metered = replace(translator, sampler=meters[0][0], samplers=meters if translator.samplers else ())
    asking = {s.name: _Asking(replace(metered, engine=s.load(translator.engine)), [m for m, _ in meters]) for s in sets}
    done = {s.name: read_samples([files[s.name]]) for s in sets}
    for name, case in taking_turns(sets):
        if case.id not in done[name]:
            append(files[name], asking[name].ask(case, n=n, greedy=greedy))
        if on_case:
            on_case()


def taking_turns(sets: Sequence[CaseSet]) -> list[tuple[str, Case]]:
    """The first case of each set, then the second of each, and so on, with the set's name."""
    rows = itertools.zip_longest(*([(s.name, case) for case in s.cases] for s in sets))
    return [item for row in rows for item in row if item is not None]


@dataclass(frozen=True, slots=True)
class _Asking:
    translator: Translator
    meters: Sequence[Metered]
    energy: Energy = field(default_factory=Energy)

    def ask(self, case: Case, *, n: int, greedy: bool) -> Sampled:
        clock = self.translator.clock
        started, first = clock(), None
        if greedy:
            verdicts, _ = ask(self.translator, case, AskOptions(n=1, temperature=0, revise=False))
            first = next((v.candidate for v in verdicts if v.candidate.origin == "sampled"), None)
        for meter in self.meters:
            meter.start()
        began, joules = clock(), self.energy.read()
        verdicts, shown = ask(self.translator, case, AskOptions(n=n))
        return Sampled(
            id=case.id,
            candidates=tuple(v.candidate for v in verdicts if v.candidate.sampled),
            seconds=round(clock() - began, 2),
            greedy=first,
            greedy_seconds=round(began - started, 2) if greedy else math.nan,
            joules=self.energy.since(joules),
            prompt_tokens=sum(meter.prompt_tokens() for meter in self.meters),
            flops=sum(meter.flops() for meter in self.meters),
            values=shown.values,
            shots=shown.shots,
        )


@dataclass(slots=True)
class Shown:
    """What a translation found on its way: the linked values and the examples, in words."""

    values: tuple[str, ...] = ()
    shots: tuple[str, ...] = ()

    def hear(self, event: Event) -> None:
        if event.name == "values":
            self.values = tuple(f"{v.field} = {json.dumps(v.value, ensure_ascii=False)}" for v in event.data)
        elif event.name == "examples":
            self.shots = tuple(f"{e.index}: {e.question}" for e in event.data)


def ask(translator: Translator, case: Case, options: AskOptions) -> tuple[Sequence[Verdict], Shown]:
    """Every verdict on the way to an answer, none given too, and what else was found on the way."""
    shown = Shown()
    question = Question(case.question, case.index)
    try:
        verdicts = translator.translate(question, options, on_event=shown.hear).verdicts
    except NoAnswerError as exc:
        verdicts = exc.verdicts
    return verdicts, shown
