"""One sample that grows, the request that it belongs to, and how logits make it longer."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from threading import Event

import torch
from llguidance import LLMatcher

from nlq.errors import SamplerError
from nlq.samplers.torch_choice import choose, penalized, uniforms
from nlq.samplers.torch_decode import Prefilled, Runtime, candidate
from nlq.samplers.torch_grammar import apply_mask, check, consume
from nlq.types import Body, Candidate, SamplingParams

NOT_FINITE = "The model's logits are not finite: load it with dtype float32, or fetch it again."


class Request:
    """What one caller asked for: a prompt that was read, and which of its samples have begun, ended or failed.

    The caller empties ``ended``, and sets ``gone`` to have what still grows dropped. After ``error`` nothing comes.
    """

    def __init__(
        self, runtime: Runtime, prefilled: Prefilled, *, schema: Body | None, params: SamplingParams, gone: Event
    ) -> None:
        """Raises SamplerError where the schema cannot be a grammar."""
        self.prefilled = prefilled
        self.params = params
        self.ended: list[Candidate] = []
        self.missing = params.n
        self.error: str | None = None
        self.gone = gone
        self._runtime = runtime
        self._numbers = uniforms(params).tolist()
        self._matcher = runtime.grammars.matcher(schema) if schema is not None else None
        self._begun = 0

    @property
    def prompt(self) -> tuple[int, ...]:
        return self.prefilled.prompt.ids

    @property
    def waits(self) -> bool:
        """Whether samples of it have not begun."""
        return self._begun < self.params.n and not self.gone.is_set() and self.error is None

    def begin(self) -> Row:
        """The next of its samples."""
        row = Row(self, self._numbers[self._begun], self._matcher.deep_copy() if self._matcher else None)
        self._begun += 1
        if self.params.repetition_penalty != 1:
            device = self._runtime.device
            row.seen = torch.zeros(self.prefilled.logits.shape[1], dtype=torch.bool, device=device)
            row.seen[torch.tensor(self.prompt, device=device)] = True
        row.force()
        return row

    def end(self, row: Row) -> None:
        # In this order: its caller, in another thread, takes ``ended`` for whole once nothing is missing.
        self.ended.append(candidate(self._runtime, row.tokens, row.total, complete=row.complete))
        self.missing -= 1


@dataclass(slots=True, eq=False)
class Row:
    """``tokens`` are decided, the first ``read`` of them known to the model, the first ``scored`` in ``total``."""

    request: Request
    numbers: Sequence[float]
    matcher: LLMatcher | None
    tokens: list[int] = field(default_factory=list)
    read: int = 0
    scored: int = 0
    total: float = 0.0
    seen: torch.Tensor | None = None
    decided: bool = False
    complete: bool = False

    @property
    def ended(self) -> bool:
        return self.decided and self.scored == len(self.tokens)

    @property
    def start(self) -> int:
        """The position of the next token that the model reads."""
        return len(self.request.prompt) + self.read

    @property
    def unread(self) -> list[int]:
        """Tokens that the model must read before more can be decided, or scored."""
        return self.tokens[self.read : len(self.tokens) - self.decided]

    def score(self, logprob: float) -> None:
        """Count the next of the tokens that were decided."""
        self.total += logprob
        self.scored += 1

    def take(self, token: int, logprob: float, *, stops: frozenset[int]) -> None:
        """The token that was drawn, and those that the grammar then forces. Raises SamplerError where it gave up."""
        if self.matcher is not None:
            check(self.matcher)
        if token in stops:
            self.decided = self.complete = True
            self.total = self.total if self.tokens else logprob
            return
        self._append(token)
        self.score(logprob)
        self.force()

    def force(self) -> None:
        """Append what the grammar leaves no choice about: its mask would allow these tokens alone, one by one."""
        if self.matcher is None or self.decided:
            return
        for token in self.matcher.compute_ff_tokens():
            self._append(token)
            if self.decided:
                return

    def _append(self, token: int) -> None:
        self.tokens.append(token)
        if self.seen is not None:
            self.seen[token] = True
        if self.matcher is not None and consume(self.matcher, token):
            self.decided = self.complete = True
        elif len(self.tokens) == self.request.params.max_tokens:
            self.decided = True


@dataclass(frozen=True, slots=True)
class Look:
    """What is looked up in one row of logits: the probability of ``token``, or a new token where it is None."""

    row: Row
    token: int | None


def looks(row: Row, *, read: int) -> list[Look]:
    """What the logits behind the next ``read`` tokens of a row are for; 0 are those behind its prompt."""
    first = row.scored
    known = row.tokens[first : first + max(1, read)]
    found = [Look(row, token) for token in known]
    if len(found) < max(1, read) and not row.decided:
        found.append(Look(row, None))
    return found


def mask(runtime: Runtime, wanted: Sequence[Look]) -> torch.Tensor | None:
    """Bits of the tokens that may be drawn, a row for each look that draws; None where no grammar forbids any."""
    matchers = [look.row.matcher for look in wanted if look.token is None]
    return runtime.grammars.mask(matchers) if any(matchers) else None


def settle(runtime: Runtime, wanted: Sequence[Look], logits: torch.Tensor, bits: torch.Tensor | None) -> None:
    """Score and draw: ``logits`` are float32 [len(wanted), vocabulary], looks of one row in their order.

    Where logits are not finite the row's request gets its ``error``.
    """
    tokens = torch.tensor([look.token or 0 for look in wanted], device=logits.device)
    drawing = [place for place, look in enumerate(wanted) if look.token is None]
    if drawing:
        places = torch.tensor(drawing, device=logits.device)
        tokens[places] = _draw([wanted[place].row for place in drawing], _at(logits, drawing, places), bits)
    logprobs = logits.gather(1, tokens.unsqueeze(1)).squeeze(1) - logits.logsumexp(-1)
    for look, token, logprob in zip(wanted, tokens.tolist(), logprobs.tolist(), strict=True):
        row = look.row
        if not math.isfinite(logprob):
            row.request.error = NOT_FINITE
        elif look.token is not None:
            row.score(logprob)
        else:
            try:
                row.take(token, logprob, stops=runtime.stops)
            except SamplerError as exc:  # its grammar gave up; the others' did not
                row.request.error = str(exc)


def _draw(rows: Sequence[Row], logits: torch.Tensor, bits: torch.Tensor | None) -> torch.Tensor:
    """A token for each row of ``logits``; rows of like settings are drawn together."""
    if bits is not None:
        masked = bits.to(logits.device, non_blocking=True)
    chosen = torch.zeros(len(rows), dtype=torch.long, device=logits.device)
    for together in _alike(rows):
        places = torch.tensor(together, device=logits.device)
        some, params = _at(logits, together, places), rows[together[0]].request.params
        if params.repetition_penalty != 1:
            some = penalized(some, torch.stack([_seen(rows[place]) for place in together]), params.repetition_penalty)
        if bits is not None:
            some = apply_mask(some, _at(masked, together, places))
        numbers = torch.tensor([rows[place].numbers[len(rows[place].tokens)] for place in together])
        chosen[places] = choose(some, numbers.to(logits.device, non_blocking=True), params)
    return chosen


def _alike(rows: Iterable[Row]) -> Iterable[list[int]]:
    found: defaultdict[Hashable, list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        found[row.request.params.with_(n=1, seed=0, max_tokens=1)].append(place)
    return found.values()


def _at(states: torch.Tensor, places: Sequence[int], index: torch.Tensor) -> torch.Tensor:
    """These rows of it, without a copy where they are all."""
    return states if len(places) == len(states) else states[index]


def _seen(row: Row) -> torch.Tensor:
    if row.seen is None:
        raise ValueError("The request has no repetition penalty.")
    return row.seen
