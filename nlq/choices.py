"""What one request is asked with: its options and the defaults, taken together and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from nlq.errors import InputError
from nlq.options import AskOptions
from nlq.rounds import Rounds, cut
from nlq.types import SamplingParams, Verdict
from nlq.vote import RULES, STOPS, Rule, Stop, is_empty

_Named = TypeVar("_Named")


@dataclass(frozen=True, slots=True)
class Choices:
    """``rounds`` and ``blocks`` are numbers of candidates that sum to ``params.n``: those drawn before anyone looks
    whether they suffice, and those that share a prompt (see ``nlq.plan``)."""

    params: SamplingParams
    rule: Rule
    stop: Stop
    rounds: tuple[int, ...]
    blocks: tuple[int, ...]


def choices(options: AskOptions, *, params: SamplingParams, rounds: Rounds, select: str) -> Choices:
    """What ``options`` choose, the other arguments being what they leave open. InputError for what cannot be chosen."""
    select = options.select or select
    rule = _named(RULES, select, option="select")
    stop = _named(STOPS, options.stop or rounds.stop, option="stop")
    asked = _params(options, params)
    blocks = cut(asked.n, first=rounds.step, step=rounds.step)
    if select == "first":  # one by one is the cheapest way to the first that finds something
        return Choices(asked, rule, _found, cut(asked.n, first=1, step=1), blocks)
    whole = options.n is not None and options.stop is None
    if options.time_budget:
        sizes = blocks
    else:
        sizes = (asked.n,) if whole else cut(asked.n, first=rounds.first, step=rounds.step)
    return Choices(asked, rule, _never if whole else stop, sizes, blocks)


def _params(options: AskOptions, params: SamplingParams) -> SamplingParams:
    changes = {
        name: value
        for name, value in (("n", options.n), ("temperature", options.temperature), ("seed", options.seed))
        if value is not None
    }
    if options.n is None and options.temperature == 0:
        changes["n"] = 1  # greedy candidates are all the same
    try:
        return params.with_(**changes)
    except ValueError as exc:
        raise InputError(f"{exc}.") from exc


def _named(table: Mapping[str, _Named], name: str, *, option: str) -> _Named:
    if name not in table:
        raise InputError(f"{option} must be one of {', '.join(table)}, not {name!r}.")
    return table[name]


def _found(verdicts: Sequence[Verdict], *, remaining: int) -> bool:
    del remaining
    return any(not is_empty(v) for v in verdicts)


def _never(verdicts: Sequence[Verdict], *, remaining: int) -> bool:
    del verdicts, remaining
    return False
