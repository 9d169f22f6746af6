"""What the scoring of one case found, and the file that keeps it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from nlq.errors import InputError
from nlq.types import Body, is_sample


@dataclass(frozen=True, slots=True)
class Tried:
    """One candidate. ``group`` is the place of its result in the ballot, 0 leading; None where it has none."""

    text: str
    outcome: str
    right: bool
    empty: bool = False
    reason: str = ""
    logprob: float = math.nan
    tokens: int = 0
    origin: str = "sampled"
    edit: str = ""
    group: int | None = None
    score: float | None = None
    signals: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a rule did with all candidates: whether it chose one, whether that is right, how sure it was (0..1)."""

    answered: bool
    right: bool
    confidence: float


@dataclass(frozen=True, slots=True)
class Stopped:
    """What a stopping rule took, and whether the choice among that was right."""

    samples: int
    right: bool


@dataclass(frozen=True, slots=True)
class CaseScore:
    """One case. ``chosen`` and ``precision`` (the share of right choices among k candidates, by k) are by selection
    rule, ``stops`` by stopping rule; ``queries`` and ``results`` say how many candidates have each query and each
    result. Seconds, joules, tokens and FLOPs are of the sampling; NaN: not known."""

    set: str
    id: str
    index: str
    group: str
    half: str
    question: str
    gold: Body
    tried: tuple[Tried, ...]
    greedy: bool | None
    chosen: Mapping[str, Chosen]
    precision: Mapping[str, Mapping[int, float]]
    stops: Mapping[str, Stopped]
    queries: tuple[int, ...] = ()
    results: tuple[int, ...] = ()
    seconds: float = math.nan
    joules: float = math.nan
    prompt_tokens: float = math.nan
    flops: float = math.nan
    values: tuple[str, ...] = ()
    shots: tuple[str, ...] = ()

    @property
    def sampled(self) -> tuple[Tried, ...]:
        return tuple(t for t in self.tried if is_sample(t.origin))

    @property
    def n(self) -> int:
        return len(self.sampled)

    @property
    def hits(self) -> int:
        """How many of the sampled candidates are right."""
        return sum(t.right for t in self.sampled)

    @property
    def tokens(self) -> int:
        """Tokens that were decoded."""
        return sum(t.tokens for t in self.sampled)


@dataclass(frozen=True, slots=True)
class Scores:
    """A scored run: the rule that was looked at closely, how many subsets precision@k is a mean over, the cases."""

    select: str
    subsets: int
    cases: tuple[CaseScore, ...]

    def of(self, *, set_name: str | None = None, half: str | None = None) -> tuple[CaseScore, ...]:
        return tuple(c for c in self.cases if set_name in (None, c.set) and half in (None, c.half))

    @property
    def sets(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(c.set for c in self.cases))


def write_scores(path: Path, scores: Scores) -> None:
    """JSON with null for NaN."""
    path.write_text(dumps(asdict(scores)), encoding="utf-8")


def read_scores(path: Path) -> Scores:
    """InputError where there is no such file, or another one."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return Scores(data["select"], data["subsets"], tuple(_case(c) for c in data["cases"]))
    except FileNotFoundError as exc:
        raise InputError(f"{path} is missing: make it with `nlq eval score {path.parent}`.") from exc
    except (ValueError, KeyError, TypeError) as exc:
        raise InputError(f"{path} holds no scores: make it again with `nlq eval score {path.parent}`.") from exc


def dumps(value: Any) -> str:
    """``value`` as JSON, NaN as null."""
    return json.dumps(_plain(value), ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value


def _case(data: Body) -> CaseScore:
    plain: dict[str, Any] = {key: data[key] for key in _PLAIN}
    plain |= {key: tuple(data[key]) for key in _TUPLES}
    plain |= {key: _number(data[key]) for key in _NUMBERS}
    return CaseScore(
        **plain,
        tried=tuple(Tried(**{**t, "logprob": _number(t["logprob"])}) for t in data["tried"]),
        chosen={name: Chosen(**c) for name, c in data["chosen"].items()},
        precision={name: {int(k): p for k, p in by_k.items()} for name, by_k in data["precision"].items()},
        stops={name: Stopped(**s) for name, s in data["stops"].items()},
    )


_PLAIN = ("set", "id", "index", "group", "half", "question", "gold", "greedy")
_TUPLES = ("queries", "results", "values", "shots")
_NUMBERS = ("seconds", "joules", "prompt_tokens", "flops")


def _number(value: float | None) -> float:
    return math.nan if value is None else value
