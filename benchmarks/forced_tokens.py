"""How many decoding steps the grammar spares: forced tokens of right queries, and steps of samples that grow together.

    python benchmarks/forced_tokens.py --model TOKENIZER [--n 1 8 32] [--out FOLDER]     a folder or hub id

Walks the seed examples through the decoded schema of their index, without a model: what is not forced is taken to be
drawn as it is written. Steps are counted as nlq/samplers/torch_batch.py makes them, CPU and CUDA.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from llguidance import LLMatcher, LLTokenizer, hf
from measuring import Table, parser, report
from transformers import AutoTokenizer

from examples_db.seeding import SEEDS, read_seeds
from nlq.json_schema import problem
from nlq.query_schema import decoded_schema
from nlq.samplers.torch_attention import FEW
from nlq.samplers.torch_batch import FREE_TOKENS, best_width
from nlq.samplers.torch_grammar import Grammars
from nlq.types import Example, Field, IndexSchema
from tests.fixtures.tiny_model import build_tokenizer

Walk = Sequence[int]
"""How many tokens each draw of a text adds: itself and what it forces."""


def main() -> None:
    made = parser(__doc__)
    made.add_argument("--model", help="a Hugging Face tokenizer")
    made.add_argument("--n", type=int, nargs="+", default=[1, 8, 32])
    args = made.parse_args()
    if not args.model and not args.tiny:
        made.error("--model says whose tokens to count")
    with TemporaryDirectory() as scratch:
        if args.tiny:
            build_tokenizer(Path(scratch))
        tokenizer = AutoTokenizer.from_pretrained(scratch if args.tiny else args.model)
    grammars = Grammars(tokenizer, vocabulary=len(tokenizer), stops=[tokenizer.eos_token_id])
    seeds = read_seeds(SEEDS)[: 40 if args.tiny else None]
    walks = list(_walks(seeds, grammars, hf.from_tokenizer(tokenizer)))
    tokens, draws = sum(map(sum, walks)), sum(map(len, walks))
    title = f"{len(walks)} texts of {tokens} tokens, of which {1 - draws / tokens:.0%} are forced"
    report("forced-tokens", [Table(title, list(_steps(walks, args)))], args)


def _walks(seeds: Sequence[Example], grammars: Grammars, tokens: LLTokenizer) -> Iterator[Walk]:
    for example in seeds:
        pairs = (pair.rsplit(":", 1) for pair in example.fields)
        schema = decoded_schema(IndexSchema(example.index, tuple(Field(name, kind) for name, kind in pairs)))
        if problem(example.query, schema) is None:
            yield _walk(
                grammars.matcher(schema), tokens, json.dumps(example.query, separators=(",", ":"), ensure_ascii=False)
            )


def _walk(matcher: LLMatcher, tokens: LLTokenizer, text: str) -> Walk:
    rest, added = text.encode(), []
    while rest and not matcher.is_stopped():
        forced = matcher.compute_ff_tokens()
        taken = forced or tokens.tokenize_bytes(rest)[:1]
        matcher.consume_tokens(taken)
        rest = rest[len(tokens.decode_bytes(taken)) :]
        if forced and added:
            added[-1] += len(forced)
        else:
            added.append(len(taken))
    return added


def _steps(walks: Sequence[Walk], args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    for n, (device, free) in itertools.product(args.n, FREE_TOKENS.items()):
        groups = [walks[i : i + n] for i in range(0, len(walks) - n + 1, n)]
        plain = sum(max(map(sum, group)) for group in groups)
        made = sum(_made(group, free) for group in groups)
        yield {"n": n, "device": device, "steps without": plain, "steps": made, "saved": f"{1 - made / plain:.0%}"}


def _made(group: Sequence[Walk], free: int) -> int:
    rest = [list(walk) for walk in group]
    steps = 0
    while rest := [walk for walk in rest if walk]:
        width = best_width(range(1, FEW + 1), [walk[0] for walk in rest], free=free)
        for walk in rest:
            walk[0] -= min(width, walk[0])
            if not walk[0]:
                del walk[0]
        steps += 1
    return steps


if __name__ == "__main__":
    main()
