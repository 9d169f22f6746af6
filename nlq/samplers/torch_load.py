"""Weights and tokenizer from a Hugging Face folder, a hub id or a GGUF file."""

from __future__ import annotations

import shutil
import struct
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError

from nlq.errors import ConfigError

Dtype = Literal["auto", "float32", "bfloat16", "float16"]
Weights = Literal["auto", "int8", "int4"]

# What broken folders and files make transformers, safetensors and gguf raise; none of them wraps the others' errors.
_UNREADABLE = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    RuntimeError,
    ImportError,
    EOFError,
    struct.error,
    SafetensorError,
)


def pick_device(device: str) -> torch.device:
    """ "auto" is CUDA where there is one, else the CPU. Raises ConfigError for a device this machine lacks."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        found = torch.device(device)
        torch.zeros(1, device=found)
    except (RuntimeError, AssertionError, NotImplementedError) as exc:
        raise ConfigError(f"torch cannot use the device {device!r} here: choose 'auto' or 'cpu'.") from exc
    return found


def pick_dtype(dtype: Dtype, device: torch.device) -> torch.dtype:
    """ "auto" is bfloat16 on CUDA and float32 elsewhere, where half precision is slower or missing."""
    names = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    if dtype == "auto":
        return torch.bfloat16 if device.type == "cuda" else torch.float32
    if dtype not in names:
        raise ConfigError(f"dtype must be one of auto, {', '.join(names)}, not {dtype!r}.")
    return names[dtype]


def load_model(
    model: str | Path, *, device: torch.device, dtype: torch.dtype, weights: Weights = "auto"
) -> tuple[Any, Any, str]:
    """The model in evaluation mode on ``device``, its tokenizer, and a short name for users.

    With ``weights`` the matrices are kept in so many bits and turned into ``dtype`` as they are read.
    Raises ConfigError where there is no such model or it cannot be read, or torchao is needed and missing.
    """
    change = quantizer(weights, device)  # before minutes of loading
    found, tokenizer, name = _loaded(model, device=device, dtype=dtype)
    if change is not None:
        with _reading(name):
            change(found)
    return found, tokenizer, name


def _loaded(model: str | Path, *, device: torch.device, dtype: torch.dtype) -> tuple[Any, Any, str]:
    path = Path(model).expanduser()
    if path.suffix == ".gguf":
        _must_exist(path, is_there=path.is_file())
        with _reading(path):
            return _load_gguf(path, device=device, dtype=dtype)
    if _looks_local(model):
        _must_exist(path, is_there=path.is_dir())
    source = str(path) if path.is_dir() else str(model)
    with _reading(source):
        return _load_folder_or_hub(source, device=device, dtype=dtype)


def quantizer(weights: Weights, device: torch.device) -> Callable[[Any], None] | None:
    """What makes the matrices of a model on ``device`` so small, in place; None where they stay as they are.

    Raises ConfigError where torchao is missing or has no such weights there.
    """
    if weights == "auto":
        return None
    try:
        from torchao import quantization
    except ImportError as exc:
        raise ConfigError(
            f"NLQ_WEIGHTS={weights} needs torchao: pip install 'nlq[quantized]', or set NLQ_WEIGHTS=auto."
        ) from exc
    if weights == "int8":
        config = quantization.Int8WeightOnlyConfig(set_inductor_config=False)
    elif device.type == "cuda":
        config = quantization.Int4WeightOnlyConfig(int4_packing_format="tile_packed_to_4d", set_inductor_config=False)
    else:
        raise ConfigError("NLQ_WEIGHTS=int4 needs CUDA: set NLQ_WEIGHTS=int8, or NLQ_SAMPLER=llama.")
    return lambda model: quantization.quantize_(model, config)


def _load_folder_or_hub(source: str, *, device: torch.device, dtype: torch.dtype) -> tuple[Any, Any, str]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(source)
    weights = AutoModelForCausalLM.from_pretrained(source, dtype=dtype)
    return weights.to(device).eval(), tokenizer, Path(source).name


def _load_gguf(path: Path, *, device: torch.device, dtype: torch.dtype) -> tuple[Any, Any, str]:
    from transformers import AutoModelForCausalLM, GgufConfig

    tokenizer = _gguf_tokenizer(path)
    weights = AutoModelForCausalLM.from_pretrained(
        str(path.parent), gguf_file=path.name, dtype=dtype, quantization_config=GgufConfig(dequantize=True)
    )
    return weights.to(device).eval(), tokenizer, path.stem


def _gguf_tokenizer(path: Path) -> Any:
    """The tokenizer inside the file, kept in a folder beside it: reading it out takes tens of seconds."""
    from transformers import AutoTokenizer

    kept = path.with_name(path.name + ".tokenizer")
    if kept.is_dir() and kept.stat().st_mtime >= path.stat().st_mtime:
        return AutoTokenizer.from_pretrained(str(kept))
    tokenizer = AutoTokenizer.from_pretrained(str(path.parent), gguf_file=path.name)
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".tokenizer-", ignore_cleanup_errors=True) as scratch:
            tokenizer.save_pretrained(scratch)
            shutil.rmtree(kept, ignore_errors=True)
            Path(scratch).rename(kept)
    except OSError:  # the folder cannot be written, or another process was faster: the next start reads it again
        return tokenizer
    return tokenizer


def _looks_local(model: str | Path) -> bool:
    return isinstance(model, Path) or model.startswith(("/", "./", "../", "~")) or model.count("/") != 1


def _must_exist(path: Path, *, is_there: bool) -> None:
    if not is_there:
        raise ConfigError(f"There is no model at {path}: run `nlq models fetch`, or set NLQ_MODEL to a model you have.")


@contextmanager
def _reading(source: str | Path) -> Iterator[None]:
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as exc:
        raise ConfigError(
            f"The model {source} does not fit into memory: choose a smaller one with NLQ_MODEL, or NLQ_SAMPLER=llama."
        ) from exc
    except _UNREADABLE as exc:
        reason = next(iter(str(exc).strip().splitlines()), type(exc).__name__).rstrip(".")
        raise ConfigError(
            f"{source} cannot be loaded as a model ({reason}): set NLQ_MODEL to a Hugging Face folder, id or .gguf."
        ) from exc
