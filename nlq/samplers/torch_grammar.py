"""JSON Schemas as token masks (llguidance). White space is allowed inside strings only."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import torch
from llguidance import LLExecutor, LLMatcher, LLTokenizer
from llguidance import hf as llguidance_hf
from llguidance import torch as llguidance_torch

from nlq.errors import SamplerError
from nlq.types import Body

KEPT = 32  # compiled schemas


class Grammars:
    """Compiles each schema once. ``vocabulary`` is the width of the model's logits, ``stops`` its end tokens."""

    def __init__(self, tokenizer: Any, *, vocabulary: int, stops: Sequence[int]) -> None:
        self._hf_tokenizer = tokenizer
        self._vocabulary = vocabulary
        self._stops = list(stops)
        self._tokenizer: LLTokenizer | None = None
        self._executor: LLExecutor | None = None
        self._compiled: OrderedDict[str, LLMatcher] = OrderedDict()

    def matcher(self, schema: Body) -> LLMatcher:
        """A matcher at the start of a text. Raises SamplerError where the schema cannot be a grammar."""
        key = json.dumps(schema)  # unsorted: the order of properties is the order of generation
        if key not in self._compiled:
            self._compiled[key] = self._compile(key)
            while len(self._compiled) > KEPT:
                self._compiled.popitem(last=False)
        self._compiled.move_to_end(key)
        return self._compiled[key].deep_copy()

    def mask(self, matchers: Sequence[LLMatcher | None]) -> torch.Tensor:
        """Bits of the tokens that may come next, int32 [len(matchers), vocabulary / 32 rounded up], on the CPU.

        Without a matcher every token may. Of a matcher that gave up (see ``check``) the bits mean nothing.
        """
        bits: torch.Tensor = llguidance_torch.allocate_token_bitmask(len(matchers), self._vocabulary)
        strict = [(matcher, row) for row, matcher in enumerate(matchers) if matcher is not None]
        if len(strict) == 1:
            llguidance_torch.fill_next_token_bitmask(strict[0][0], bits, strict[0][1])
        else:
            if self._executor is None:
                self._executor = LLExecutor()
            llguidance_torch.fill_next_token_bitmask_par(self._executor, strict, bits)
        return bits

    def _compile(self, schema: str) -> LLMatcher:
        if self._tokenizer is None:  # a second or more, so only where a schema is asked for
            self._tokenizer = llguidance_hf.from_tokenizer(
                self._hf_tokenizer, n_vocab=self._vocabulary, eos_token=self._stops
            )
        grammar = LLMatcher.grammar_from_json_schema(schema, overrides={"whitespace_flexible": False})
        matcher = LLMatcher(self._tokenizer, grammar)
        if matcher.is_error():
            raise SamplerError(
                f"The query schema cannot be made a grammar ({_first_line(matcher)}): use keywords llguidance knows."
            )
        return matcher


def consume(matcher: LLMatcher, token: int) -> bool:
    """Take a token that the mask allowed; True where nothing can follow it but the end."""
    if not matcher.consume_token(token):
        check(matcher)
    return bool(matcher.is_stopped())


def apply_mask(logits: torch.Tensor, bits: torch.Tensor) -> torch.Tensor:
    """``logits`` [rows, vocabulary] with minus infinity wherever the bit of a token is not set."""
    shifts = torch.arange(32, device=bits.device, dtype=torch.int32)
    allowed = (bits.unsqueeze(-1) >> shifts).bitwise_and_(1).bool().flatten(1)[:, : logits.shape[1]]
    return logits.masked_fill(~allowed, float("-inf"))


def check(matcher: LLMatcher) -> None:
    """Raises SamplerError where the matcher gave up."""
    if matcher.is_error():
        raise SamplerError(f"The grammar of the query schema gave up: {_first_line(matcher)}.")


def _first_line(matcher: LLMatcher) -> str:
    lines: list[str] = matcher.get_error().strip().splitlines()
    return lines[0].rstrip(".") if lines else "no reason given"
