"""How the time around the model grows with the fields of an index, the number of indices and of documents.

    python benchmarks/growth.py [--fields 10 50 100 200 500] [--indices 1 10 100 900] [--documents 10000 100000]
                                [--es-url URL] [--out FOLDER]

The sampler writes the same texts to any prompt, at once. "first" is the first question on an index, whose schemas and
listing are made then; the others are medians of --questions that follow, in ms. A node takes 1,000 shards, which is why
the default ends at 900 indices; a million documents and more only on request. Indices named bench-growth-* are made and
deleted. Examples: examples_scale.py.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from asking import MAPPINGS, SETTINGS, films, translator_for
from measuring import Row, Table, engine_for, parser, report, seconds_of

from nlq.ports import Engine
from nlq.query_schema import decoded_schema
from nlq.samplers.grammar import compact_schema, guidance_grammar
from nlq.translator import AskOptions, Translator
from nlq.types import Body, Question

NAME = "bench-growth"
_KINDS = ("keyword", "text", "long", "double", "date", "boolean", "ip", "integer", "float", "keyword")
_PER_INDEX = 10

Delete = Callable[[str], None]


def main() -> None:
    args = _arguments()
    with engine_for(args) as (engine, delete), translator_for(engine, args) as translator:
        tables = [
            Table("fields", [fields(translator, delete, n, args) for n in args.fields]),
            Table("indices behind one pattern", [indices(translator, delete, n, args) for n in args.indices]),
            Table("documents", [documents(translator, delete, n, args) for n in args.documents]),
        ]
    report("growth", tables, args)


def fields(translator: Translator, delete: Delete, count: int, args: argparse.Namespace) -> Row:
    more = {f"field_{i}": {"type": _KINDS[i % 10]} for i in range(count - 5)}
    mappings: Body = {"properties": {**MAPPINGS["properties"], **more}}
    with loaded(translator.engine, delete, {NAME: args.small}, mappings=mappings):
        schema = translator.engine.schema(NAME)
        decoded, made = seconds_of(lambda: decoded_schema(schema))
        grammar, _ = seconds_of(lambda: guidance_grammar(json.dumps(compact_schema(made))))
        row = asked(translator, NAME, args)
    return {"fields": count, "decoded schema of all": decoded * 1000, "grammar of all": grammar * 1000, **row}


def indices(translator: Translator, delete: Delete, count: int, args: argparse.Namespace) -> Row:
    named = {f"{NAME}-{i:04}": _PER_INDEX for i in range(count)}
    with loaded(translator.engine, delete, named, mappings=MAPPINGS):
        listed, _ = seconds_of(translator.engine.indexes)
        return {"indices": count, "list them": listed * 1000, **asked(translator, f"{NAME}-*", args)}


def documents(translator: Translator, delete: Delete, count: int, args: argparse.Namespace) -> Row:
    with loaded(translator.engine, delete, {NAME: count}, mappings=MAPPINGS) as seconds:
        return {"documents": count, "loaded, s": seconds, **asked(translator, NAME, args)}


def asked(translator: Translator, index: str, args: argparse.Namespace) -> dict[str, float]:
    """Milliseconds of the first question on an index, then the medians of the stages of those that follow."""

    def one(turn: int) -> dict[str, float]:
        question = Question(f"How many comedies are there after 1990 in list {turn}?", index)
        return dict(translator.translate(question, AskOptions()).timings)

    first = one(0)["total"] * 1000
    later = [one(turn) for turn in range(1, args.questions + 1)]
    stages = {stage: statistics.median(each[stage] for each in later) * 1000 for stage in later[0]}
    return {"first": first, **stages}


@contextmanager
def loaded(engine: Engine, delete: Delete, named: dict[str, int], *, mappings: Body) -> Iterator[float]:
    """Indices with so many documents; yields the seconds that loading took."""
    for name in named:
        delete(name)
    try:
        yield sum(
            seconds_of(
                lambda n=name, c=count: engine.load(n, mappings=mappings, settings=SETTINGS, documents=films(c))
            )[0]
            for name, count in named.items()
        )
    finally:
        for name in named:
            delete(name)


def _arguments() -> argparse.Namespace:
    made = parser(__doc__)
    made.add_argument("--fields", type=int, nargs="+", default=[10, 50, 100, 200, 500])
    made.add_argument("--indices", type=int, nargs="+", default=[1, 10, 100, 900])
    made.add_argument("--documents", type=int, nargs="+", default=[10_000, 100_000])
    made.add_argument("--questions", type=int, default=10)
    made.add_argument("--small", type=int, default=1000, help="documents of the indices with many fields")
    made.add_argument("--es-url", help="default: that of the settings")
    args = made.parse_args()
    if args.tiny:
        args.fields, args.indices, args.documents, args.questions, args.small = [10, 20], [1, 2], [20], 2, 20
    return args


if __name__ == "__main__":
    main()
