"""Decoding with one prompt: the model's state, its prompt cache, and n samples that advance together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from llguidance import LLMatcher
from transformers.cache_utils import Cache

from nlq.errors import InputError, SamplerError
from nlq.samplers.torch_cache import Computed, GrowingLayer, PrefixStore
from nlq.samplers.torch_choice import choose, penalized, uniforms
from nlq.samplers.torch_grammar import Grammars, apply_mask, consume
from nlq.types import Body, Candidate, SamplingParams


@dataclass(frozen=True, slots=True)
class Prefilled:
    """A prompt the model has read, and its logits for the next token, float32 [1, vocabulary]."""

    prompt: Computed
    logits: torch.Tensor


@dataclass(frozen=True, slots=True)
class Runtime:
    """A loaded model. ``stops`` are the tokens that end a text, ``context`` the most tokens the model can hold."""

    model: Any
    tokenizer: Any
    device: torch.device
    vocabulary: int
    stops: frozenset[int]
    context: int
    grammars: Grammars
    prefixes: PrefixStore = field(default_factory=PrefixStore)

    @torch.inference_mode()
    def prefill(self, ids: Sequence[int], *, head: object) -> Prefilled:
        """Read a prompt, only as far as it differs from the prompts of the last heads, and keep it for the next."""
        known, length = self.prefixes.longest(ids)
        length = min(length, len(ids) - 1)  # the last token is read again for its logits
        cache = known.cache(length=length, rows=1) if known else Cache(layer_class_to_replicate=GrowingLayer)
        logits = self.forward(torch.tensor([ids[length:]], device=self.device), cache)
        prompt = Computed.of(ids, cache)
        self.prefixes.put(head, prompt)
        return Prefilled(prompt, logits)

    def forward(self, tokens: torch.Tensor, cache: Cache) -> torch.Tensor:
        """Append ``tokens`` [rows, count] to the cache; the logits after the last, float32 [rows, vocabulary]."""
        output = self.model(input_ids=tokens, past_key_values=cache, use_cache=True, logits_to_keep=1)
        logits: torch.Tensor = output.logits[:, -1].float()
        return logits

    def text(self, tokens: Sequence[int]) -> str:
        return str(self.tokenizer.decode(list(tokens), skip_special_tokens=True, clean_up_tokenization_spaces=False))

    def check_room(self, prompt: int, params: SamplingParams) -> None:
        if prompt + params.max_tokens > self.context:
            raise InputError(
                f"The prompt has {prompt} tokens and max_tokens is {params.max_tokens}, but the model holds "
                f"{self.context}: ask for fewer examples or set a smaller max_tokens."
            )


def candidate(runtime: Runtime, tokens: Sequence[int], total: float, *, complete: bool) -> Candidate:
    """``total`` sums the log-probabilities of ``tokens``; of an empty text it is the end token's."""
    text = runtime.text(tokens)
    return Candidate(text, total / max(1, len(tokens)), tokens=len(tokens), complete=complete)


@dataclass(slots=True)
class _Row:
    matcher: LLMatcher | None
    tokens: list[int] = field(default_factory=list)
    total: float = 0.0


class Batch:
    """Samples that are still growing. All are equally long, so there is no padding; those that end leave."""

    @torch.inference_mode()
    def __init__(self, runtime: Runtime, prefilled: Prefilled, schema: Body | None, params: SamplingParams) -> None:
        rows = params.n
        self._runtime = runtime
        self._params = params
        matchers: Sequence[LLMatcher | None] = [None] * rows
        if schema is not None:
            matchers = runtime.grammars.matchers(schema, rows)
        self._rows = [_Row(matcher) for matcher in matchers]
        self._numbers = uniforms(params, runtime.device)
        self._logits = prefilled.logits.expand(rows, -1)
        ids = prefilled.prompt.ids
        self._cache = prefilled.prompt.cache(length=len(ids), rows=rows)
        self._seen: torch.Tensor | None = None
        if params.repetition_penalty != 1:
            seen = torch.zeros((1, self._logits.shape[1]), dtype=torch.bool, device=runtime.device)
            seen[0, torch.tensor(ids, device=runtime.device)] = True
            self._seen = seen.repeat(rows, 1)
        self._mask = self._next_mask()

    @property
    def alive(self) -> bool:
        return bool(self._rows)

    @torch.inference_mode()
    def step(self) -> list[Candidate]:
        """Add one token to every sample; the samples that end with it."""
        chosen, logprobs = self._choose()
        ended: list[Candidate] = []
        stay: list[int] = []
        for place, (row, token, logprob) in enumerate(zip(self._rows, chosen.tolist(), logprobs.tolist(), strict=True)):
            done = self._advance(row, token, logprob)
            if done is None:
                stay.append(place)
            else:
                ended.append(done)
        if len(stay) < len(self._rows):
            chosen = self._keep(stay, chosen)
        if self._rows:
            self._logits = self._runtime.forward(chosen.unsqueeze(1), self._cache)
            self._mask = self._next_mask()  # on the CPU, while a GPU still computes the logits
        return ended

    def _choose(self) -> tuple[torch.Tensor, torch.Tensor]:
        raw, params = self._logits, self._params
        logits = raw if self._seen is None else penalized(raw, self._seen, params.repetition_penalty)
        if self._mask is not None:
            logits = apply_mask(logits, self._mask.to(raw.device, non_blocking=True))
        done = len(self._rows[0].tokens)
        chosen = choose(logits, self._numbers[:, done], params)
        if self._seen is not None:
            self._seen.scatter_(1, chosen.unsqueeze(1), True)
        logprobs = raw.gather(1, chosen.unsqueeze(1)).squeeze(1) - raw.logsumexp(-1)
        return chosen, logprobs

    def _advance(self, row: _Row, token: int, logprob: float) -> Candidate | None:
        if not math.isfinite(logprob):
            raise SamplerError("The model's logits are not finite: load it with dtype float32, or fetch it again.")
        if token in self._runtime.stops:
            total = row.total if row.tokens else logprob
            return candidate(self._runtime, row.tokens, total, complete=True)
        row.tokens.append(token)
        row.total += logprob
        if row.matcher is not None and consume(row.matcher, token):
            return candidate(self._runtime, row.tokens, row.total, complete=True)
        if len(row.tokens) == self._params.max_tokens:
            return candidate(self._runtime, row.tokens, row.total, complete=False)
        return None

    def _keep(self, stay: list[int], chosen: torch.Tensor) -> torch.Tensor:
        self._rows = [self._rows[place] for place in stay]
        if not stay:
            return chosen
        places = torch.tensor(stay, device=chosen.device)
        self._cache.batch_select_indices(places)
        self._numbers = self._numbers[places]
        if self._seen is not None:
            self._seen = self._seen[places]
        return chosen[places]

    def _next_mask(self) -> torch.Tensor | None:
        matchers = [row.matcher for row in self._rows if row.matcher is not None]
        return self._runtime.grammars.mask(matchers) if matchers else None
