"""Two runs beside each other, case by case."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from nlq.errors import InputError
from nlq.evaluation.metrics import Interval, mcnemar, mean_interval
from nlq.evaluation.report import table
from nlq.evaluation.scores import CaseScore, Scores

Pair = tuple[CaseScore, CaseScore]


@dataclass(frozen=True, slots=True)
class Compared:
    """A measure on both runs: shares that are right before and after, their difference with the bootstrap interval
    over the pairs, which cases were ``won`` and ``lost``, and the p-value of McNemar's exact test."""

    name: str
    before: float
    after: float
    difference: Interval
    won: tuple[Pair, ...]
    lost: tuple[Pair, ...]
    p: float


def compare(before: Scores, after: Scores, *, select: str, half: str | None = None) -> tuple[Compared, ...]:
    """The rule ``select``, coverage and the greedy candidates (where both runs have them) on the cases of both runs.

    InputError where there are none, or one has not the rule.
    """
    pairs = _pairs(before, after, half)
    missing = [s for s in (before, after) if s.cases and select not in s.cases[0].chosen]
    if missing:
        rules = ", ".join(sorted(missing[0].cases[0].chosen))
        raise InputError(f"There is no rule {select} in these scores: use one of {rules}, or score them again.")
    found = [
        _compared(select, pairs, lambda c: c.chosen[select].right),
        _compared("coverage", pairs, lambda c: c.hits > 0),
    ]
    if all(c.greedy is not None for pair in pairs for c in pair):
        found.append(_compared("greedy", pairs, lambda c: bool(c.greedy)))
    return tuple(found)


def comparison(found: Sequence[Compared]) -> Iterator[str]:
    """Markdown: the measures, then the cases whose choice was won or lost."""
    rows = [
        [
            c.name,
            f"{100 * c.before:.1f}",
            f"{100 * c.after:.1f}",
            f"{100 * c.difference.mean:+.1f} [{100 * c.difference.low:+.1f}, {100 * c.difference.high:+.1f}]",
            len(c.won),
            len(c.lost),
            f"{c.p:.3f}",
        ]
        for c in found
    ]
    yield from table(["% right", "before", "after", "difference", "won", "lost", "p (McNemar)"], rows)
    yield ""
    cases = [(what, pair) for what in ("won", "lost") for pair in getattr(found[0], what)]
    yield from table(
        ["", "case", "group", "right before", "right after", "question"],
        [[what, b.id, b.group, _hits(b), _hits(a), b.question] for what, (b, a) in cases],
    )


def _pairs(before: Scores, after: Scores, half: str | None) -> list[Pair]:
    later = {(c.set, c.id): c for c in after.of(half=half)}
    pairs = [(c, later[c.set, c.id]) for c in before.of(half=half) if (c.set, c.id) in later]
    if not pairs:
        raise InputError("These runs have no case in common: compare runs on the same sets, sample and seed.")
    return pairs


def _compared(name: str, pairs: Sequence[Pair], is_right: Callable[[CaseScore], bool]) -> Compared:
    flags = [(is_right(b), is_right(a)) for b, a in pairs]
    won = tuple(pair for pair, flag in zip(pairs, flags, strict=True) if flag == (False, True))
    lost = tuple(pair for pair, flag in zip(pairs, flags, strict=True) if flag == (True, False))
    return Compared(
        name=name,
        before=math.fsum(b for b, _ in flags) / len(flags),
        after=math.fsum(a for _, a in flags) / len(flags),
        difference=mean_interval([float(a) - float(b) for b, a in flags]),
        won=won,
        lost=lost,
        p=mcnemar(len(won), len(lost)),
    )


def _hits(case: CaseScore) -> str:
    return f"{case.hits}/{case.n}"
