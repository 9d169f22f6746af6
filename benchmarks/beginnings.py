"""What it saves that samples share the beginnings they have in common, and not the prompt alone (llama.cpp).

    python benchmarks/beginnings.py [--n 1 8 16 64] [--temperature 0.5] [--server URL] [--out FOLDER]

Questions of several kinds on one index, from what all samples agree on to what each reads in its own way, without
examples. "shared" is what nlq does; "together" lets llama.cpp decode the same number of samples side by side, each
token of each, and "server" is the one at --server (vLLM), asked for the same schema. Every draw has an index name of
its own, so that no draw finds what another one left; all ways compute the prompt below the head, which is part of the
seconds.
"""

from __future__ import annotations

import argparse
import time
from contextlib import ExitStack
from dataclasses import replace
from typing import NamedTuple

from asking import MAPPINGS
from measuring import Row, Table, parser, report
from models import drawn, options, runtime_for, server_for

from nlq.ports import Sampler
from nlq.prompt import build_prompt
from nlq.query_schema import decoded_schema
from nlq.types import IndexSchema, Prompt, SamplingParams
from tests.fakes.engine import FakeEngine

QUESTIONS = (
    "How many films are there?",
    "average rating of each genre",
    "Which five films have the best rating?",
    "comedies after 1990 that are rated above 7",
    "What should I watch tonight if I like old westerns?",
)


class Way(NamedTuple):
    name: str
    sampler: Sampler
    penalty: float = 1.0


def main() -> None:
    args = _arguments()
    with runtime_for(args) as (sampler, _), ExitStack() as parts:
        # A repetition penalty is what the tree cannot do, so the smallest one switches it off; it changes no sample.
        ways = [Way("shared", sampler), Way("together", sampler, 1.0 + 1e-9)]
        if args.server and (server := parts.enter_context(server_for(sampler, args.server, None))):
            ways.append(Way("server", server))
        for way in ways:
            drawn(way.sampler, _prompt("?", IndexSchema("warm-up", ()), args), SamplingParams(n=1, max_tokens=1))
        rows = [_row(way, n, question, args) for n in args.n for question in args.questions for way in ways]
    report("beginnings", [Table(f"n samples of one question, {sampler.name}", rows), summed(rows)], args)


def _row(way: Way, n: int, question: str, args: argparse.Namespace) -> Row:
    index = _films()
    params = SamplingParams(
        n=n, temperature=args.temperature, repetition_penalty=way.penalty, max_tokens=args.new_tokens
    )
    prompt = _prompt(question, replace(index, index=f"films-{n}-{way.name}"), args)
    began = time.perf_counter()
    found = drawn(way.sampler, prompt, params, schema=decoded_schema(index))
    seconds = time.perf_counter() - began
    texts = {candidate.text for candidate in found}
    return {
        "n": n,
        "question": question,
        "way": way.name,
        "seconds": seconds,
        "tokens": sum(candidate.tokens for candidate in found),
        "different texts": len(texts),
    }


def summed(rows: list[Row]) -> Table:
    """Seconds of all questions by n and way, and how many times as fast sharing was as decoding together."""
    out: list[Row] = []
    ways = dict.fromkeys(str(row["way"]) for row in rows)
    for n in dict.fromkeys(row["n"] for row in rows):
        spent = {way: sum(float(r["seconds"]) for r in rows if (r["n"], r["way"]) == (n, way)) for way in ways}
        out.append({"n": n, **spent, "times as fast": spent["together"] / spent["shared"]})
    return Table("all questions, s", out)


def _prompt(question: str, index: IndexSchema, args: argparse.Namespace) -> Prompt:
    whole = build_prompt(question, index, narrowed=True)  # else the index is kept beside those of the user
    return replace(whole, head=()) if args.tiny else whole  # the tiny model's context holds no head


def _films() -> IndexSchema:
    engine = FakeEngine()
    engine.load("films", mappings=MAPPINGS, documents=[])
    return engine.schema("films")


def _arguments() -> argparse.Namespace:
    made = parser(__doc__)
    options(made)
    made.add_argument("--n", type=int, nargs="+", default=[1, 8, 16, 64])
    made.add_argument("--temperature", type=float, default=0.5)
    made.add_argument("--new-tokens", type=int, default=400)
    made.add_argument("--server", help="base URL of an OpenAI-compatible server, ending in /v1")
    args = made.parse_args()
    args.questions = QUESTIONS
    if args.tiny:
        args.n, args.new_tokens, args.questions = [1, 3], 12, QUESTIONS[:1]
    return args


if __name__ == "__main__":
    main()
