"""How near two wordings of one question are, and two questions of one wording: what cosine lets a kept answer through.

    python benchmarks/paraphrases.py [--sets FOLDER ...] [--out FOLDER]

paraphrases.jsonl holds pairs written for this: the same question in other words, and other questions in nearly the same
words. With --sets, pairs of questions of one index of benchmark sets count too, different where their rows differ.
"guarded" ones the cache would take for one, but for the values that it looks up in an index besides.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path

from measuring import Row, Table, parser, report

from examples_db import SentenceEmbedder
from nlq.caching.words import normalised, reordered, turns
from nlq.evaluation.cases import read_set
from nlq.settings import load_settings

PAIRS = Path(__file__).parent / "paraphrases.jsonl"
LEAST = (0.8, 0.85, 0.9, 0.95)
Pair = tuple[str, str, bool]
"""Two questions, and whether they are one."""


def main() -> None:
    args = _arguments()
    embedder = SentenceEmbedder.load(load_settings().embedder)
    tables = [Table("pairs written for this", found(_written(), embedder))]
    if args.sets:
        tables.append(Table("pairs of benchmark questions", found(list(_of_sets(args.sets)), embedder)))
    report("paraphrases", tables, args)


def found(pairs: Sequence[Pair], embedder: SentenceEmbedder) -> list[Row]:
    """One row a least cosine."""
    questions = list(dict.fromkeys(question for pair in pairs for question in pair[:2]))
    vectors = dict(zip(questions, embedder.encode(questions), strict=True))
    cosines = [(float(vectors[a] @ vectors[b]), _guarded(a, b), same) for a, b, same in pairs]
    rows: list[Row] = []
    for least in LEAST:
        near = [(guarded, same) for cosine, guarded, same in cosines if cosine >= least]
        row: dict[str, float | int | str] = {"least cosine": least}
        for name, kind in (("same", True), ("different", False)):
            passed = [guarded for guarded, same in near if same == kind]
            row |= {name: sum(same == kind for *_, same in cosines), f"{name}, near": len(passed)}
            row[f"{name}, guarded"] = sum(passed)
        rows.append(row)
    return rows


def _guarded(one: str, other: str) -> bool:
    return turns(one) == turns(other) and not reordered(normalised(one), normalised(other))


def _written() -> list[Pair]:
    lines = map(json.loads, PAIRS.read_text(encoding="utf-8").splitlines())
    return [(line["a"], line["b"], line["same"]) for line in lines]


def _of_sets(folders: Sequence[Path]) -> Iterator[Pair]:
    for folder in folders:
        for a, b in combinations(read_set(folder).cases, 2):
            if a.index == b.index:
                yield a.question, b.question, a.rows == b.rows


def _arguments() -> argparse.Namespace:
    options = parser(__doc__)
    options.add_argument("--sets", type=Path, nargs="*", default=[])
    return options.parse_args()


if __name__ == "__main__":
    main()
