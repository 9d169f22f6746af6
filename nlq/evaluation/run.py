"""Sample once, score often: candidates go to a JSONL file, scores come from re-running what the file holds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from nlq.errors import NoAnswerError
from nlq.evaluation.cases import Case
from nlq.evaluation.judge import right
from nlq.translator import AskOptions, Translator
from nlq.types import Body, Candidate, Prompt, Question, SamplingParams, Verdict
from nlq.vote import RULES


@dataclass(frozen=True, slots=True)
class Scored:
    """One case: which candidates are right, how many were accepted by schema and policy (``valid``) and executed, and
    whether each rule chose a right one."""

    case: Case
    candidates: tuple[bool, ...]
    valid: int
    executed: int
    chosen: dict[str, bool]


def sample(
    cases: Sequence[Case], translator: Translator, path: Path, *, n: int, on_case: Callable[[], None] | None = None
) -> None:
    """Append candidates for every case that ``path`` lacks, one line a case: {"id", "seconds", "candidates"}."""
    done = set(read_samples(path))
    with path.open("a", encoding="utf-8") as out:
        for case in cases:
            if case.id not in done:
                verdicts, seconds = _ask(translator, case, AskOptions(n=n))
                line = {"id": case.id, "seconds": seconds, "candidates": [asdict(v.candidate) for v in verdicts]}
                out.write(json.dumps(line, ensure_ascii=False) + "\n")
                out.flush()
            if on_case:
                on_case()


def read_samples(path: Path) -> dict[str, tuple[Candidate, ...]]:
    """Recorded candidates by case id; none where there is no file."""
    if not path.exists():
        return {}
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return {line["id"]: tuple(Candidate(**c) for c in line["candidates"]) for line in lines}


def score(cases: Sequence[Case], translator: Translator, path: Path) -> Iterator[Scored]:
    """Verify, vote on and judge what ``path`` holds; the translator's own sampler and examples are not asked."""
    samples = read_samples(path)
    for case in cases:
        if case.id not in samples:
            continue
        recorded = replace(translator, sampler=_Recorded(samples[case.id]), limits=replace(translator.limits, shots=0))
        recorded.grounding = translator.grounding  # what it knows of the indices already
        verdicts, _ = _ask(recorded, case, AskOptions(n=len(samples[case.id])))
        ballots = {name: rule(verdicts) for name, rule in RULES.items()}
        yield Scored(
            case=case,
            candidates=tuple(_is_right(v, case) for v in verdicts),
            valid=sum(v.query is not None for v in verdicts),
            executed=sum(v.result is not None for v in verdicts),
            chosen={name: bool(b.leader) and _is_right(b.groups[0].chosen, case) for name, b in ballots.items()},
        )


def _ask(translator: Translator, case: Case, options: AskOptions) -> tuple[Sequence[Verdict], float]:
    started = translator.clock()
    try:
        verdicts: Sequence[Verdict] = translator.translate(Question(case.question, case.index), options).verdicts
    except NoAnswerError as exc:
        verdicts = exc.verdicts
    return verdicts, round(translator.clock() - started, 2)


def _is_right(verdict: Verdict, case: Case) -> bool:
    return verdict.result is not None and right(verdict.result, case.rows, ordered=case.ordered)


@dataclass(frozen=True, slots=True)
class _Recorded:
    """A sampler that yields what was sampled before."""

    candidates: tuple[Candidate, ...]
    name: str = "recorded"

    def sample(self, prompt: Prompt, schema: Body | None, params: SamplingParams) -> Iterator[Candidate]:
        del prompt, schema, params
        return iter(self.candidates)

    def warm(self, prompt: Prompt) -> None: ...

    def ready(self) -> None: ...

    def close(self) -> None: ...
