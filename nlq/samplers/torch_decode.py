"""A loaded model: reading prompts, with the cache of those it read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers.cache_utils import Cache

from nlq.errors import InputError
from nlq.samplers.torch_cache import Computed, GrowingLayer, PrefixStore
from nlq.samplers.torch_grammar import Grammars
from nlq.types import Candidate, SamplingParams


@dataclass(frozen=True, slots=True)
class Prefilled:
    """A prompt the model has read, and its logits for the next token, float32 [1, vocabulary]."""

    prompt: Computed
    logits: torch.Tensor


@dataclass(frozen=True, slots=True)
class Runtime:
    """A loaded model. ``stops`` are the tokens that end a text, ``context`` the most tokens the model can hold,
    ``takes_cache`` the name of its argument for a cache."""

    model: Any
    tokenizer: Any
    device: torch.device
    vocabulary: int
    stops: frozenset[int]
    context: int
    grammars: Grammars
    takes_cache: str
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
        output = self.model(input_ids=tokens, **{self.takes_cache: cache}, use_cache=True, logits_to_keep=1)
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
