"""What the first question after a restart waits for: the index in its prompt, computed or read from disk.

    python benchmarks/restart.py [--fields 12 60] [--out FOLDER]

Each row is a new llama.cpp on a folder that holds the head of the prompt alone, then also the index. "head" and "index"
are the seconds until the model's cache has them.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from measuring import Row, Table, parser, report, seconds_of
from models import gguf_for

from nlq.prompt import build_prompt
from nlq.samplers.llama import LlamaSampler
from nlq.types import Field, IndexSchema, Prompt

_FIELDS = (("title", "text"), ("shipping_country", "keyword"), ("created", "date"), ("amount", "double"))


def main() -> None:
    args = _arguments()
    with gguf_for(args) as model, TemporaryDirectory() as heads:
        rows = [row for count in args.fields for row in restarts(count, model, Path(heads), args)]
    report("restart", [Table(f"seconds after a restart, {model.stem}", rows)], args)


def restarts(count: int, model: Path, heads: Path, args: argparse.Namespace) -> Iterator[Row]:
    prompt = _prompt(count, args)
    head = replace(prompt, index=())
    with closing(LlamaSampler.load(model, heads=heads)) as first:
        first.warm(head)
    for kept in ("head", "head and index"):
        with closing(LlamaSampler.load(model, heads=heads)) as again:
            read, _ = seconds_of(lambda: again.warm(head))
            index, _ = seconds_of(lambda: again.warm(prompt))
            tokens = again.prompt_tokens(prompt)
        yield {"fields": count, "on disk": kept, "head": read, "index": index, "tokens of the prompt": tokens}


def _prompt(count: int, args: argparse.Namespace) -> Prompt:
    named = [(f"{name}_{turn}", kind) for turn in range(count) for name, kind in _FIELDS][:count]
    whole = build_prompt("How many?", IndexSchema("orders", tuple(Field(name, kind) for name, kind in named)))
    return replace(whole, head=whole.head[:1]) if args.tiny else whole  # the tiny model's context holds no more


def _arguments() -> argparse.Namespace:
    made = parser(__doc__)
    made.add_argument("--model", help="of NLQ_MODEL's kind; default: the setting's own")
    made.add_argument("--fields", type=int, nargs="+", default=[12, 60])
    args = made.parse_args()
    if args.tiny:
        args.fields = [4]
    return args


if __name__ == "__main__":
    main()
