"""What the transformers sampler does on this machine's GPU: is it right, and how long does it take?

    python benchmarks/gpu_check.py --model MODEL     a Hugging Face folder or id, or a .gguf file
    python benchmarks/gpu_check.py --random          random weights in the shape of Qwen2.5-Coder-1.5B; nothing to fetch
    python benchmarks/gpu_check.py --tiny            two layers, for a run through on a CPU

Prints Markdown tables. Exits with 1 where a text breaks the schema, a log-probability is not finite, greedy texts are
not the CPU's, compiled steps say something else than plain ones, or questions that are asked at once get other texts
than alone (the last three in float32). ``--weights int8`` or int4 measures these.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from fixtures.tiny_model import build_tiny_model, build_tokenizer

from nlq.samplers.torch_load import quantizer
from nlq.samplers.transformers_ import TransformersSampler
from nlq.types import Candidate, Message, Prompt, SamplingParams

SHAPE_1_5B = {
    "vocab_size": 151_936,
    "hidden_size": 1536,
    "intermediate_size": 8960,
    "num_hidden_layers": 28,
    "num_attention_heads": 12,
    "num_key_value_heads": 2,
    "max_position_embeddings": 32_768,
    "tie_word_embeddings": True,
    "eos_token_id": 2,
    "bos_token_id": None,
    "pad_token_id": 0,
}
SCHEMA = {
    "type": "object",
    "properties": {
        "query": {
            "type": "object",
            "properties": {"match": {"type": "object", "additionalProperties": {"type": "string", "maxLength": 12}}},
            "required": ["match"],
            "additionalProperties": False,
        },
        "size": {"type": "integer", "minimum": 1, "maximum": 100},
    },
    "required": ["query", "size"],
    "additionalProperties": False,
}
Way = Callable[[str, SamplingParams], tuple[float, int]]
SENTENCE = "The index movies has the fields title, director, year and genre. "


def main() -> int:
    options = _options()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with tempfile.TemporaryDirectory() as scratch:
        model, tokenizer, name = load(options, Path(scratch), device=device)
    print(f"{name} on {_machine(device)}, torch {torch.__version__}, {platform.python_version()}\n")
    samplers = both(model, tokenizer)
    failures = check_greedy(samplers["compiled"], model, tokenizer)
    failures += check_constrained(samplers["compiled"])
    failures += check_same("compiled and plain steps", texts(samplers["compiled"]), texts(samplers["plain"]))
    failures += check_same(
        "asked at once and alone", texts(samplers["compiled"], at_once=True), texts(samplers["plain"])
    )
    del samplers
    torch._dynamo.reset()  # of another type now
    model = model.to(torch.bfloat16 if device == "cuda" else torch.float32)
    quantize(options.weights, model)
    samplers = both(model, tokenizer)
    print_times(samplers, model, tokenizer, options)
    print_questions(samplers, tokenizer, options)
    for failure in failures:
        print(f"FAILED: {failure}")
    return 1 if failures else 0


def both(model: Any, tokenizer: Any) -> dict[str, TransformersSampler]:
    return {
        way: TransformersSampler(model, tokenizer, name=way, compiled=way == "compiled")
        for way in ("compiled", "plain")
    }


def load(options: argparse.Namespace, scratch: Path, *, device: str) -> tuple[Any, Any, str]:
    """A float32 model on the device, its tokenizer and its name."""
    from transformers import AutoTokenizer, Qwen2Config, Qwen2ForCausalLM

    from nlq.samplers.torch_load import load_model

    if options.model or options.tiny:
        source = options.model or build_tiny_model(scratch / "tiny")
        return load_model(source, device=torch.device(device), dtype=torch.float32)
    build_tokenizer(scratch)
    torch.manual_seed(0)
    with torch.device(device):
        model = Qwen2ForCausalLM(Qwen2Config(**SHAPE_1_5B)).eval()
    return model, AutoTokenizer.from_pretrained(scratch), "random weights, shape of Qwen2.5-Coder-1.5B"


def check_greedy(sampler: TransformersSampler, model: Any, tokenizer: Any) -> list[str]:
    """20 greedy texts of this sampler on the device against plain ``generate`` on the CPU."""
    prompts = [f"Question {i}: how many books are there by author {i * i}?" for i in range(20)]
    params = SamplingParams(temperature=0, max_tokens=24)
    ours = [next(sampler.sample(_prompt(text), None, params)).text for text in prompts]
    on_cpu = copy.deepcopy(model).to("cpu")
    plain = [_generate(on_cpu, tokenizer, text, do_sample=False, max_new_tokens=24)[0] for text in prompts]
    return check_same("greedy and plain generate on the CPU", ours, plain)


def check_same(what: str, ours: Sequence[str], theirs: Sequence[str]) -> list[str]:
    same = sum(a == b for a, b in zip(ours, theirs, strict=True))
    print(f"- {what}: {same} of {len(ours)} texts equal (float32)")
    return [] if same == len(ours) else [f"{what}: {len(ours) - same} texts differ"]


def check_constrained(sampler: TransformersSampler) -> list[str]:
    """64 samples under a schema: all valid, all log-probabilities finite."""
    params = SamplingParams(n=64, temperature=1.0, max_tokens=300, seed=1)
    candidates = list(sampler.sample(_prompt("Ten comedies"), SCHEMA, params))
    complete = [candidate for candidate in candidates if candidate.complete]
    valid = sum(_is_valid(candidate) for candidate in complete)
    finite = sum(math.isfinite(candidate.logprob) for candidate in candidates)
    print(f"- constrained: {len(complete)} of {len(candidates)} complete, {valid} of those valid, {finite} finite")
    fine = valid == len(complete) and finite == len(candidates)
    return [] if fine else ["constrained samples are not all valid with finite log-probabilities"]


def texts(sampler: TransformersSampler, *, at_once: bool = False) -> list[str]:
    """Of four questions with three samples each, question by question."""

    def ask(question: int) -> list[str]:
        params = SamplingParams(n=3, temperature=0.8, max_tokens=60, seed=100 * question)
        return sorted(c.text for c in sampler.sample(_prompt(f"Question {question}: comedies?"), SCHEMA, params))

    with ThreadPoolExecutor(4 if at_once else 1) as callers:
        return [text for found in callers.map(ask, range(4)) for text in found]


def quantize(weights: str, model: Any) -> None:
    """In place, as ``NLQ_WEIGHTS`` does."""
    change = quantizer(weights, model.device)  # type: ignore[arg-type]  # one of its choices
    if change is not None:
        change(model)


def print_times(
    samplers: dict[str, TransformersSampler], model: Any, tokenizer: Any, options: argparse.Namespace
) -> None:
    """Seconds and tokens a second for n samples of one unseen prompt, by each way."""

    def generate(text: str, params: SamplingParams) -> tuple[float, int]:
        return _timed_generate(model, tokenizer, text, params)

    ways: dict[str, Way] = {
        "compiled": partial(_timed_sample, samplers["compiled"], None),
        "compiled, constrained": partial(_timed_sample, samplers["compiled"], SCHEMA),
        "plain steps": partial(_timed_sample, samplers["plain"], None),
        "plain generate": generate,
    }
    tokens = options.new_tokens
    print(f"\nprompt of about {options.prompt_tokens} tokens, {tokens} new tokens a sample, {model.dtype},", end=" ")
    print(f"weights {options.weights}; seconds and tokens/s\n")
    print(f"| n | {' | | '.join(ways)} | |\n| ---: |{' ---: |' * 2 * len(ways)}")
    for run, n in enumerate([n for n in options.n for _ in range(2)]):
        params = SamplingParams(n=n, temperature=0.8, top_p=0.95, max_tokens=tokens, seed=run)
        cells: list[str] = []
        for name, way in ways.items():
            seconds, made = way(_long_prompt(tokenizer, f"run {run} {name}", options.prompt_tokens), params)
            cells += [f"{seconds:.2f}", f"{made / seconds:.0f}"]
        if run % 2:  # the first of each n compiles, records graphs and warms the allocator
            print(f"| {n} | {' | '.join(cells)} |", flush=True)


def print_questions(samplers: dict[str, TransformersSampler], tokenizer: Any, options: argparse.Namespace) -> None:
    """Seconds until every one of some questions has its 8 samples, asked at once and one after another."""
    print("\n| questions of 8 samples | at once, s | one after another, s |\n| ---: | ---: | ---: |")
    params = SamplingParams(n=8, temperature=0.8, max_tokens=options.new_tokens)
    for count in options.questions:
        cells = []
        for callers in (count, 1):
            named = [f"{count} {callers} {i}" for i in range(count)]
            prompts = [_long_prompt(tokenizer, name, options.prompt_tokens) for name in named]
            start = time.perf_counter()
            with ThreadPoolExecutor(callers) as pool:
                list(pool.map(lambda text: _timed_sample(samplers["compiled"], SCHEMA, text, params), prompts))
            cells.append(f"{time.perf_counter() - start:.2f}")
        print(f"| {count} | {' | '.join(cells)} |", flush=True)


def _timed_sample(sampler: TransformersSampler, schema: Any, text: str, params: SamplingParams) -> tuple[float, int]:
    start = time.perf_counter()
    made = sum(candidate.tokens for candidate in sampler.sample(_prompt(text), schema, params))
    return time.perf_counter() - start, made


def _timed_generate(model: Any, tokenizer: Any, text: str, params: SamplingParams) -> tuple[float, int]:
    start = time.perf_counter()
    _generate(
        model,
        tokenizer,
        text,
        do_sample=True,
        temperature=params.temperature,
        top_p=params.top_p,
        top_k=0,
        num_return_sequences=params.n,
        min_new_tokens=params.max_tokens,
        max_new_tokens=params.max_tokens,
    )
    return time.perf_counter() - start, params.n * params.max_tokens


def _generate(model: Any, tokenizer: Any, text: str, **options: Any) -> list[str]:
    chat = [{"role": message.role, "content": message.content} for message in _prompt(text).messages]
    rendered = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    inputs = tokenizer(rendered, add_special_tokens=False, return_tensors="pt").to(model.device)
    with torch.inference_mode():
        out = model.generate(**inputs, pad_token_id=tokenizer.pad_token_id or tokenizer.eos_token_id, **options)
    new: Sequence[Sequence[int]] = out[:, inputs.input_ids.shape[1] :].tolist()
    return [tokenizer.decode(row, skip_special_tokens=True, clean_up_tokenization_spaces=False) for row in new]


def _prompt(text: str) -> Prompt:
    return Prompt((), (), (Message("user", text),))


def _long_prompt(tokenizer: Any, name: str, tokens: int) -> str:
    """Starts with its name, so that no two share a prefix worth keeping."""
    count = len(tokenizer(SENTENCE).input_ids)
    return f"{name}: " + SENTENCE * max(1, tokens // count)


def _is_valid(candidate: Candidate) -> bool:
    try:
        jsonschema.validate(json.loads(candidate.text), SCHEMA)
    except (ValueError, jsonschema.ValidationError):
        return False
    return True


def _machine(device: str) -> str:
    return torch.cuda.get_device_name() if device == "cuda" else f"CPU with {torch.get_num_threads()} threads"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--model")
    which.add_argument("--random", action="store_true")
    which.add_argument("--tiny", action="store_true")
    parser.add_argument("--weights", choices=["auto", "int8", "int4"], default="auto")
    parser.add_argument("--questions", type=int, nargs="+", default=[1, 4, 8])
    parser.add_argument("--n", type=int, nargs="+", default=[1, 4, 16, 32, 64])
    parser.add_argument("--prompt-tokens", type=int, default=1500)
    parser.add_argument("--new-tokens", type=int, default=80)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
