"""One token for each row of logits: temperature, top-k, top-p and min-p as transformers orders and defines them.

Randomness comes in as one uniform number per row, so a row's token depends on its own logits and number alone.
"""

from __future__ import annotations

import torch

from nlq.types import SamplingParams

HEAD = 512  # tokens looked at first; sorting a whole vocabulary is the slowest thing in a step on a CPU


def uniforms(params: SamplingParams) -> torch.Tensor:
    """[n, max_tokens] numbers in [0, 1): row i from a generator seeded with ``seed + i``, equal on every machine."""
    rows = [
        torch.rand(params.max_tokens, generator=torch.Generator().manual_seed(params.seed + i)) for i in range(params.n)
    ]
    return torch.stack(rows)


def penalized(logits: torch.Tensor, seen: torch.Tensor, penalty: float) -> torch.Tensor:
    """Logits of tokens already ``seen`` (bool, same shape) divided by the penalty, or times it where negative."""
    return torch.where(seen, torch.where(logits > 0, logits / penalty, logits * penalty), logits)


def choose(logits: torch.Tensor, numbers: torch.Tensor, params: SamplingParams) -> torch.Tensor:
    """A token id for each row of ``logits`` [rows, vocabulary]; minus infinity is never chosen.

    Every row needs one finite logit. ``numbers`` [rows] are uniform in [0, 1); greedy ignores them.
    """
    if params.greedy:
        return logits.argmax(dim=-1)
    scaled = (logits - logits.amax(dim=-1, keepdim=True)) / params.temperature
    if not (params.top_k or params.top_p < 1 or params.min_p):
        return _pick(scaled.exp(), numbers)
    vocabulary = scaled.shape[1]
    chosen, settled = _among_best(scaled, numbers, params, width=min(params.top_k or HEAD, vocabulary))
    if not settled.all():
        rest = ~settled
        chosen[rest], _ = _among_best(scaled[rest], numbers[rest], params, width=vocabulary)
    return chosen


def _among_best(
    scaled: torch.Tensor, numbers: torch.Tensor, params: SamplingParams, *, width: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """A token from the ``width`` best of each row, and whether the filters drop every token beyond those."""
    best, tokens = scaled.topk(width, dim=-1)
    weights = best.exp()  # of the best token: 1
    whole = params.top_k > 0 or width == scaled.shape[1]
    total = (weights if whole else scaled.exp()).sum(-1, keepdim=True)
    running = weights.cumsum(-1)
    kept = (running - weights < params.top_p * total) & (weights >= params.min_p)
    kept[:, 0] = True
    settled = (running[:, -1:] >= params.top_p * total) | (weights[:, -1:] < params.min_p) | whole
    index = _pick(weights.masked_fill(~kept, 0.0), numbers)
    return tokens.gather(1, index.unsqueeze(1)).squeeze(1), settled.squeeze(1)


def _pick(weights: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
    """Index drawn in proportion to the weights: the first whose running sum exceeds number x total."""
    running = weights.cumsum(-1)
    points = numbers.unsqueeze(1) * running[:, -1:]
    index = torch.searchsorted(running, points, right=True).clamp_(max=weights.shape[1] - 1)
    # A parallel sum is not exactly monotonic, so a point may fall on a token of weight zero: take the likeliest then.
    missed = weights.gather(1, index) <= 0
    return torch.where(missed, weights.argmax(-1, keepdim=True), index).squeeze(1)
