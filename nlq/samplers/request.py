"""What every sampler does to a request before its runtime sees it."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Sequence

from nlq.errors import InputError
from nlq.types import Prompt, SamplingParams

_LOWEST = -100.0
_CONTROL = re.compile(
    r"<(?=[|｜])"  # ChatML, Llama 3, Phi, DeepSeek, …
    r"|<(?=/?(?:s|bos|eos|pad|unk|sep|cls|mask|think|unused\d+|\w+_\w+)>)"  # Llama 2, Gemma, tools
    r"|<(?=</?SYS>>)"
    r"|\[(?=/?(?:INST|IMG|THINK|PREFIX|MIDDLE|SUFFIX|SYSTEM_PROMPT|MODEL_SETTINGS"
    r"|AVAILABLE_TOOLS|TOOL_(?:CALLS|CONTENT|RESULTS))\])"  # Mistral
)
"""The first character of what tokenizers read as a control token. Tags of HTML are none of these, but for <s>."""


def chat_messages(prompt: Prompt) -> list[dict[str, str]]:
    """The prompt as OpenAI-style messages, safe to put into a chat template.

    Runtimes read control tokens such as ``<|im_end|>`` out of the rendered text, so a question that spells one could
    end its own turn: those of the usual models are broken apart, whichever is behind. Raises InputError where there is
    nothing to send or it is not Unicode.
    """
    if not prompt.messages:
        raise InputError("The prompt has no messages; give the model at least one.")
    for message in prompt.messages:
        try:
            message.content.encode()
        except UnicodeEncodeError as exc:
            raise InputError("The question holds half a character (a lone surrogate); send valid Unicode.") from exc
    return [{"role": m.role, "content": _CONTROL.sub(r"\g<0> ", m.content)} for m in prompt.messages]


def refuse_beams(params: SamplingParams, runtime: str) -> None:
    """Raises InputError where ``params`` ask for beam search."""
    if params.strategy == "beam":
        raise InputError(f"{runtime} has no beam search; use NLQ_SAMPLER=transformers or strategy 'sample'.")


def mean_logprob(logprobs: Sequence[float]) -> float:
    """The mean, finite and at most 0; 0 for no tokens (a server that reports none).

    Each token counts at least -100: runtimes report minus infinity, or the lowest float, for what is too small for one.
    """
    floored = [max(_LOWEST, min(0.0, p)) for p in logprobs]
    return math.fsum(floored) / len(floored) if floored else 0.0


def round_seed(seed: int, number: int) -> int:
    """The seed of the ``number``-th request for one draw, below 2^31.

    Runtimes seed the samples of one request with seed, seed + 1, …: spread out, neighbouring seeds share no sample.
    """
    digest = hashlib.blake2b(f"{seed}:{number}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") >> 1
