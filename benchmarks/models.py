"""Samplers to measure: of a model of the settings, or a tiny random one."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console

from nlq.ports import Sampler
from nlq.samplers.llama import LlamaSampler
from nlq.samplers.openai import OpenAISampler
from nlq.settings import load_settings
from nlq.types import Candidate, Message, Prompt, SamplingParams

FILLER = "The index movies has the fields title, director, year and genre, and one more that is called rating. "


Generate = Callable[[Prompt, SamplingParams], int]
"""Draws params.n samples; returns how many tokens they have."""


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sampler", choices=["llama", "transformers"], default="llama")
    parser.add_argument("--model", help="of NLQ_MODEL's kind; default: the setting's own")


@contextmanager
def runtime_for(args: argparse.Namespace, *, generate: str | None = None) -> Iterator[tuple[Sampler, Generate | None]]:
    """The sampler that ``--sampler``, ``--model`` and ``--tiny`` name, closed at the end; and plain ``generate`` of the
    same weights, or with llama.cpp of the weights ``generate``, where there are any."""
    with TemporaryDirectory() as folder:
        tiny = _tiny(Path(folder)) if args.tiny else None
        if args.sampler == "transformers":
            model, tokenizer, name = _weights(tiny or args.model or load_settings().model)
            from nlq.samplers.transformers_ import TransformersSampler

            sampler: Sampler = TransformersSampler(model, tokenizer, name=name)
            plain: Generate | None = generator(model, tokenizer)
        else:
            sampler = _llama(args, tiny)
            source = tiny or generate
            plain = generator(*_weights(source)[:2]) if source else None
        with closing(sampler):
            yield sampler, plain


@contextmanager
def gguf_for(args: argparse.Namespace) -> Iterator[Path]:
    """The file of the model that ``--model`` and ``--tiny`` name, for llama.cpp."""
    from nlq.models import fetch

    with TemporaryDirectory() as folder:
        if args.tiny:
            yield _tiny(Path(folder)).parent / "tiny.gguf"
        else:
            settings = load_settings()
            yield fetch(args.model or settings.model, settings.home, console=Console(stderr=True))


def _tiny(folder: Path) -> Path:
    from tests.fixtures.tiny_model import build_tiny_model, write_gguf

    made = build_tiny_model(folder / "hf", padding=0)
    write_gguf(made, folder / "tiny.gguf")
    return made


def _llama(args: argparse.Namespace, tiny: Path | None) -> Sampler:
    if tiny:
        return LlamaSampler.load(tiny.parent / "tiny.gguf", threads=1, n_ctx=2048)
    from nlq.bootstrap import load_sampler

    named: dict[str, Any] = {"model": args.model} if args.model else {}
    return load_sampler(load_settings(sampler="llama", **named), console=Console(stderr=True))


def _weights(source: str | Path) -> tuple[Any, Any, str]:
    import torch

    from nlq.models import CATALOG, fetch
    from nlq.samplers.torch_load import load_model

    if source in CATALOG:
        source = fetch(str(source), load_settings().home, console=Console(stderr=True))
    cuda = torch.cuda.is_available()
    return load_model(
        source, device=torch.device("cuda" if cuda else "cpu"), dtype=torch.bfloat16 if cuda else torch.float32
    )


@contextmanager
def server_for(sampler: Sampler, url: str | None, model: str | None) -> Iterator[Sampler | None]:
    """A client of the server at ``url``; without one, of the server that a llama.cpp sampler is itself."""
    if url:
        client = OpenAISampler(url, model or "default")
    elif isinstance(sampler, LlamaSampler):
        own, key = sampler.endpoint
        client = OpenAISampler(own, sampler.name, key)
    else:
        yield None
        return
    with closing(client):
        yield client


def prompt(name: str, tokens: int) -> Prompt:
    """About so many tokens; starts with its name, so that no two share a prefix that is worth keeping."""
    text = f"{name}. " + FILLER * max(1, tokens // 22) + "\nTell ten films, one a line, with their directors."
    return Prompt((), (), (Message("user", text),))


def drawn(sampler: Sampler, asked: Prompt, params: SamplingParams, *, schema: Any = None) -> list[Candidate]:
    return list(sampler.sample(asked, schema, params))


def generator(model: Any, tokenizer: Any) -> Generate:
    """Plain ``generate`` of transformers, all samples in one call."""

    def generate(asked: Prompt, params: SamplingParams) -> int:
        import torch

        chat = [{"role": m.role, "content": m.content} for m in asked.messages]
        text = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
        inputs = tokenizer(text, add_special_tokens=False, return_tensors="pt").to(model.device)
        pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
        with torch.inference_mode():
            out = model.generate(
                input_ids=inputs.input_ids,
                attention_mask=inputs.attention_mask,
                do_sample=True,
                temperature=params.temperature,
                top_p=params.top_p,
                top_k=0,
                num_return_sequences=params.n,
                max_new_tokens=params.max_tokens,
                pad_token_id=pad,
            )
        return int((out[:, inputs.input_ids.shape[1] :] != pad).sum())

    return generate
