"""What the constraint costs: tokens a second of the same sampler with and without it.

    python benchmarks/grammar_overhead.py [--sampler llama|transformers] [--n 8] [--fields 12 60] [--out FOLDER]

The prompt is in the cache before the clock starts and the grammar is built, so that only decoding is timed; what
building it costs stands beside. Both take turns, a row is the median of --repeat turns. Goal: at most 5 %.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Sequence

from measuring import Row, Table, parser, report, seconds_of
from models import drawn, options, prompt, runtime_for

from nlq.ports import Sampler
from nlq.query_schema import decoded_schema
from nlq.samplers.grammar import compact_schema, guidance_grammar
from nlq.types import Body, Field, IndexSchema, SamplingParams

_KINDS = ("text", "keyword", "long", "double", "date", "boolean", "geo_point", "integer", "ip", "keyword")


def main() -> None:
    args = _arguments()
    with runtime_for(args) as (sampler, _):
        rows = [measured(sampler, fields, args) for fields in args.fields]
        name = sampler.name
    report("grammar-overhead", [Table(f"decoding with and without the constraint, n = {args.n}, {name}", rows)], args)


def measured(sampler: Sampler, fields: int, args: argparse.Namespace) -> Row:
    schema = decoded_schema(IndexSchema("i", tuple(Field(f"field_{i}", _KINDS[i % 10]) for i in range(fields))))
    built, _ = seconds_of(lambda: guidance_grammar(json.dumps(compact_schema(schema))))
    free: list[float] = []
    bound: list[float] = []
    for turn in range(args.repeat + 1):
        free.append(rate(sampler, None, turn, args))
        bound.append(rate(sampler, schema, turn, args))
    without, within = _median(free), _median(bound)
    return {
        "fields": fields,
        "tokens/s without": without,
        "tokens/s with": within,
        "overhead": f"{1 - within / without:.1%}",
        "grammar built, s": built,
    }


def rate(sampler: Sampler, schema: Body | None, turn: int, args: argparse.Namespace) -> float:
    """Tokens a second of decoding; the same prompt was sampled once before."""
    asked = prompt(f"{'free' if schema is None else 'bound'} {turn}", args.prompt_tokens)
    drawn(sampler, asked, SamplingParams(n=1, max_tokens=1), schema=schema)
    params = SamplingParams(n=args.n, max_tokens=args.new_tokens, seed=turn)
    seconds, candidates = seconds_of(lambda: drawn(sampler, asked, params, schema=schema))
    return sum(candidate.tokens for candidate in candidates) / seconds


def _median(values: Sequence[float]) -> float:
    """Without the first, which warms up."""
    return statistics.median(values[1:])


def _arguments() -> argparse.Namespace:
    made = parser(__doc__)
    options(made)
    made.add_argument("--n", type=int, default=8)
    made.add_argument("--fields", type=int, nargs="+", default=[12, 60])
    made.add_argument("--prompt-tokens", type=int, default=400)
    made.add_argument("--new-tokens", type=int, default=80)
    made.add_argument("--repeat", type=int, default=3)
    args = made.parse_args()
    if args.tiny:
        args.n, args.fields, args.prompt_tokens, args.new_tokens, args.repeat = 2, [5], 40, 8, 1
    return args


if __name__ == "__main__":
    main()
