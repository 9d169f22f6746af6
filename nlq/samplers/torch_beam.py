"""Beam search over one prompt, with the same step by step interface as a batch of samples."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from llguidance import LLMatcher

from nlq.errors import SamplerError
from nlq.samplers.torch_choice import penalized
from nlq.samplers.torch_decode import Prefilled, Runtime, candidate
from nlq.samplers.torch_grammar import apply_mask, check, consume
from nlq.types import Body, Candidate, SamplingParams


@dataclass(frozen=True, slots=True)
class _Beam:
    """``total`` sums log-probabilities; ``rank`` the same after the repetition penalty: beams compete by it."""

    tokens: tuple[int, ...]
    total: float
    rank: float
    matcher: LLMatcher | None


class Beams:
    """The n likeliest texts by mean rank, found with n beams that are equally long.

    Yields nothing before the search ends, then n candidates, best first, with n different texts: of two
    tokenizations of one text the better stays. Where the grammar holds fewer texts, the best are repeated.
    Ends as ``generate(num_beams=n)`` of transformers does: when no live beam's present mean beats the worst of n texts.
    """

    @torch.inference_mode()
    def __init__(self, runtime: Runtime, prefilled: Prefilled, schema: Body | None, params: SamplingParams) -> None:
        matcher = runtime.grammars.matcher(schema) if schema is not None else None
        self._runtime = runtime
        self._params = params
        self._live = [_Beam((), 0.0, 0.0, matcher)]
        self._found: dict[str, tuple[float, Candidate]] = {}
        self._prompt = prefilled.prompt.ids
        self._cache = prefilled.prompt.cache(length=len(self._prompt), rows=1)
        self._logits = prefilled.logits
        self.alive = True

    @torch.inference_mode()
    def step(self) -> list[Candidate]:
        """Make every beam one token longer; all candidates once the search is over."""
        parents: list[int] = []
        live: list[_Beam] = []
        for place, (parent, token, rank, logprob) in enumerate(self._extensions()):
            beam = self._extended(self._live[parent], token, rank, logprob)
            if token in self._runtime.stops:
                if place < self._params.n:
                    self._finish(self._live[parent], complete=True, rank=rank / len(beam.tokens))
            elif beam.matcher is not None and consume(beam.matcher, token):
                self._finish(beam, complete=True, rank=rank / len(beam.tokens))
            elif len(live) < self._params.n:
                live.append(beam)
                parents.append(parent)
        self._live = live
        if self._over():
            self.alive = False
            return self._result()
        device = self._runtime.device
        if parents != list(range(self._logits.shape[0])):
            self._cache.batch_select_indices(torch.tensor(parents, device=device))
        last = torch.tensor([[beam.tokens[-1]] for beam in live], device=device)
        self._logits = self._runtime.forward(last, self._cache)
        return []

    def _extensions(self) -> list[tuple[int, int, float, float]]:
        """(beam, token, rank, log-probability) of the 2n best continuations, best first."""
        logprobs = self._logits.log_softmax(-1)
        scores = logprobs
        if self._params.repetition_penalty != 1:
            scores = penalized(scores, self._seen(scores), self._params.repetition_penalty)
        matchers = [beam.matcher for beam in self._live if beam.matcher is not None]
        if matchers:
            scores = apply_mask(scores, self._runtime.grammars.mask(matchers).to(scores.device))
            for matcher in matchers:
                check(matcher)
        ranks = scores + torch.tensor([[beam.rank] for beam in self._live], device=scores.device)
        best, places = ranks.flatten().topk(min(2 * self._params.n, ranks.numel()))
        if not torch.isfinite(best[0]):
            raise SamplerError("The model's logits are not finite: load it with dtype float32, or fetch it again.")
        chosen = logprobs.flatten()[places]
        width = logprobs.shape[1]
        return [
            (place // width, place % width, rank, logprob)
            for place, rank, logprob in zip(places.tolist(), best.tolist(), chosen.tolist(), strict=True)
            if rank != float("-inf")
        ]

    def _seen(self, scores: torch.Tensor) -> torch.Tensor:
        seen = torch.zeros_like(scores, dtype=torch.bool)
        for row, beam in enumerate(self._live):
            seen[row, torch.tensor(self._prompt + beam.tokens, device=scores.device)] = True
        return seen

    @staticmethod
    def _extended(beam: _Beam, token: int, rank: float, logprob: float) -> _Beam:
        matcher = beam.matcher.deep_copy() if beam.matcher is not None else None
        return _Beam((*beam.tokens, token), beam.total + logprob, rank, matcher)

    def _finish(self, beam: _Beam, *, complete: bool, rank: float) -> None:
        found = candidate(self._runtime, beam.tokens, beam.total, complete=complete)
        if found.text not in self._found or self._found[found.text][0] < rank:
            self._found[found.text] = (rank, found)

    def _over(self) -> bool:
        if not self._live:
            return True
        length = len(self._live[0].tokens)
        if length == self._params.max_tokens:
            self._fill()
            return True
        best = sorted((rank for rank, _ in self._found.values()), reverse=True)
        return len(best) >= self._params.n and best[self._params.n - 1] >= self._live[0].rank / length

    def _fill(self) -> None:
        """Take unfinished beams for the texts that are still missing."""
        for beam in self._live:
            if len(self._found) >= self._params.n:
                return
            self._finish(beam, complete=False, rank=beam.rank / len(beam.tokens))

    def _result(self) -> list[Candidate]:
        best = [found for _, found in sorted(self._found.values(), key=lambda pair: pair[0], reverse=True)]
        return [best[i % len(best)] for i in range(self._params.n)]
