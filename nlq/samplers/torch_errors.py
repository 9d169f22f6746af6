"""The border to torch: its failures become SamplerErrors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch._dynamo.exc import TorchDynamoException

from nlq.errors import SamplerError

_FULL = "The model ran out of memory: ask for fewer samples (n), a smaller max_tokens, or set NLQ_SAMPLER=llama."


@contextmanager
def torch_errors() -> Iterator[None]:
    """Failures of torch as SamplerErrors."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as exc:
        raise SamplerError(_FULL) from exc
    except TorchDynamoException as exc:
        raise SamplerError(
            f"The decoding step cannot be compiled ({_first_line(exc)}): install a C compiler, or set NLQ_COMPILE=off."
        ) from exc
    except RuntimeError as exc:
        if "allocate memory" in str(exc) or "out of memory" in str(exc):
            raise SamplerError(_FULL) from exc
        raise SamplerError(f"torch failed ({_first_line(exc)}): start again, or set NLQ_SAMPLER=llama.") from exc


def _first_line(exc: Exception) -> str:
    return next(iter(str(exc).strip().splitlines()), "no reason given").rstrip(".")
