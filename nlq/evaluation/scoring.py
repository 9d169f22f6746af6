"""The fast stage: verify, judge and choose among what was sampled, as often as wanted. No model is asked."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from nlq.evaluation.cases import Case, CaseSet
from nlq.evaluation.recorded import Recorded
from nlq.evaluation.replay import Replay
from nlq.evaluation.samples import Sampled
from nlq.evaluation.sampling import Shown, ask
from nlq.evaluation.scores import CaseScore, Chosen, Stopped, Tried
from nlq.grounding import View
from nlq.translator import AskOptions, Judge, Translator
from nlq.types import Ballot, Candidate, Outcome, Verdict
from nlq.vote import RULES, is_empty
from nlq.vote import vote as by_votes


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked of the samples: which rule is looked at closely, and at how many random subsets of a size the
    rules are replayed."""

    select: str = "vote"
    subsets: int = 8
    seed: int = 0


def score(
    sets: Sequence[CaseSet], translator: Translator, samples: Mapping[str, Mapping[str, Sampled]], plan: Plan
) -> Iterator[CaseScore]:
    """One score for every case that the samples of its set (by the set's name, then the case's id) have."""
    for chosen in (s.among(samples[s.name]) for s in sets):
        scorer = _Scorer.of(replace(translator, engine=chosen.load(translator.engine)), plan)
        for case in chosen.cases:
            yield scorer.score(chosen.name, case, samples[chosen.name][case.id])


def sizes(n: int) -> tuple[int, ...]:
    """The powers of two below ``n``, and ``n``."""
    return (*(2**i for i in range(n.bit_length()) if 2**i < n), n) if n else ()


@dataclass(frozen=True, slots=True)
class _Scorer:
    translator: Translator
    judging: _Judging
    plan: Plan

    @classmethod
    def of(cls, translator: Translator, plan: Plan) -> _Scorer:
        """With one translator for all cases: it remembers what it knows of the indices."""
        judging = _Judging(translator.judge)
        limits = replace(translator.limits, shots=0)
        return cls(replace(translator, limits=limits, samplers=(), judge=judging), judging, plan)

    def score(self, set_name: str, case: Case, sampled: Sampled) -> CaseScore:
        verdicts, shown = self._verdicts(case, sampled.candidates)
        replay = Replay(case, verdicts, self.judging.again)
        ballots = {name: rule(verdicts) for name, rule in RULES.items()}
        return CaseScore(
            set=set_name,
            id=case.id,
            index=case.index,
            group=case.group,
            half=case.half,
            question=case.question,
            gold=case.gold,
            tried=_tried(verdicts, ballots[self.plan.select], replay),
            greedy=self._greedy(case, sampled, replay),
            chosen={
                name: Chosen(ballot.leader is not None, replay.leads_right(ballot), ballot.confidence)
                for name, ballot in ballots.items()
            },
            precision=replay.precision(sizes(replay.n), subsets=self.plan.subsets, seed=self.plan.seed),
            stops={name: Stopped(*found) for name, found in replay.stopped(self.plan.select).items()},
            queries=_kinds(replay.sampled),
            results=tuple(g.votes for g in by_votes(replay.sampled).groups),
            seconds=sampled.seconds,
            joules=sampled.joules,
            prompt_tokens=sampled.prompt_tokens,
            flops=sampled.flops,
            values=shown.values or sampled.values,
            shots=sampled.shots,
        )

    def _verdicts(self, case: Case, candidates: Sequence[Candidate]) -> tuple[Sequence[Verdict], Shown]:
        if not candidates:
            return (), Shown()
        self.translator.sampler = Recorded(iter(candidates))
        return ask(self.translator, case, AskOptions(n=len(candidates), revise=False))

    def _greedy(self, case: Case, sampled: Sampled, replay: Replay) -> bool | None:
        if sampled.greedy is None:
            return None
        same = next((v for v in replay.sampled if v.candidate.text == sampled.greedy.text), None)
        if same is None:
            verdicts, _ = self._verdicts(case, [sampled.greedy])
            same = next(v for v in verdicts if v.candidate.sampled)
        return replay.is_right(same)


@dataclass(slots=True)
class _Judging:
    """A judge that can be asked again about some of the verdicts of the last question."""

    judge: Judge
    _view: View | None = None

    def __call__(self, verdicts: Sequence[Verdict], view: View) -> Sequence[Verdict]:
        self._view = view
        return self.judge(verdicts, view)

    def again(self, verdicts: Sequence[Verdict]) -> Sequence[Verdict]:
        return self.judge(verdicts, self._view) if self._view else verdicts


def _tried(verdicts: Sequence[Verdict], ballot: Ballot, replay: Replay) -> tuple[Tried, ...]:
    places = {id(v): place for place, group in enumerate(ballot.groups) for v in group.verdicts}
    return tuple(
        Tried(
            text=v.candidate.text,
            outcome=v.outcome,
            right=replay.is_right(v),
            empty=v.outcome is Outcome.EXECUTED and is_empty(v),
            reason=v.reason,
            logprob=v.candidate.logprob,
            tokens=v.candidate.tokens,
            origin=v.candidate.origin,
            edit=v.candidate.edit,
            group=places.get(id(v)),
            score=v.score,
            signals={s.name: s.value for s in v.signals},
        )
        for v in verdicts
    )


def _kinds(verdicts: Sequence[Verdict]) -> tuple[int, ...]:
    """How many there are of each query; texts that are none count each as they are written."""
    texts = [json.dumps(v.query, sort_keys=True) if v.query else v.candidate.text for v in verdicts]
    return tuple(sorted(Counter(texts).values(), reverse=True))
