"""Attention of a few new tokens to many old ones, without a copy of the keys and values for every head."""

from __future__ import annotations

from typing import Any

import torch
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

NAME = "nlq_grouped"
FEW = 8
"""New tokens of a row, at most, that are read in this way."""


def use_grouped_attention(model: Any) -> None:
    """Decoding steps of ``model`` read each key and value once for all heads that share it.

    transformers does so outside of ``torch.compile`` alone; inside it repeats them for every head, six times the
    memory traffic in Qwen2.5-1.5B. A model that uses another attention than torch's own is left as it is.
    """
    if model.config._attn_implementation == "sdpa":
        AttentionInterface.register(NAME, _grouped)
        AttentionMaskInterface.register(NAME, sdpa_mask)
        model.set_attn_implementation(NAME)


def _grouped(  # noqa: PLR0917  # transformers' order
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """``query`` is [rows, heads, count, size], ``key`` and ``value`` [rows, groups, length, size], a mask
    [rows, 1, count, length]; returns [rows, count, heads, size] as transformers wants it."""
    rows, heads, count, size = query.shape
    groups = key.shape[1]
    special = any(options.get(name) is not None for name in ("softcap", "position_bias"))
    if attention_mask is None or count > FEW or groups == heads or special:
        found: tuple[torch.Tensor, None] = sdpa_attention_forward(module, query, key, value, attention_mask, **options)
        return found
    seen = torch.nn.functional.scaled_dot_product_attention(
        query.reshape(rows, groups, (heads // groups) * count, size),
        key,
        value,
        attn_mask=attention_mask.repeat(1, 1, heads // groups, 1),
        scale=options.get("scaling"),
    )
    return seen.reshape(rows, heads, count, value.shape[-1]).transpose(1, 2).contiguous(), None
