"""Whether the examples found for a question ask for the kind of query that answers it; no model is needed.

    python benchmarks/retrieval.py SET [SET …] [--k 3]

A SET is a benchmark folder whose cases have a "gold" query. For every case the k nearest seeds are compared with it:

- kind: share of seeds of the gold's kind (count, list, top, sorted, metric, distinct, group, …)
- any: share of cases with at least one such seed
- filters: share of seeds that filter where the gold filters, and do not where it does not

What a linker would have found in the question is taken from the gold's literals. Prints Markdown.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from examples_db.embed import SentenceEmbedder
from examples_db.mask import mask, values_of
from examples_db.patterns import PatternEmbedder, skeleton
from examples_db.seeding import SEEDS, read_seeds
from nlq.evaluation.cases import read_cases
from nlq.settings import load_settings
from nlq.types import Body

_MANY = {"terms", "date_histogram", "histogram", "range", "filters", "date_range"}
_AGGS = ("aggs", "aggregations")
_FEW = 50

Encode = Callable[[Sequence[str]], NDArray[np.float32]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--k", type=int, default=3)
    args = parser.parse_args()
    seeds = [(example.question, example.query) for example in read_seeds(SEEDS)]
    cases = [(case.question, case.gold) for folder in args.sets for case in read_cases(folder) if case.gold]
    embedder = SentenceEmbedder.load(load_settings().embedder)
    print(f"{len(cases)} questions, {len(seeds)} seeds, the {args.k} nearest\n")
    print("| vectors of | kind | any | filters |\n|---|---|---|---|")
    for name, near in nearness(seeds, cases, embedder).items():
        print(f"| {name} | " + " | ".join(f"{share:.1%}" for share in shares(near, seeds, cases, k=args.k)) + " |")


def nearness(
    seeds: Sequence[tuple[str, Body]], cases: Sequence[tuple[str, Body]], embedder: SentenceEmbedder
) -> dict[str, NDArray[np.float32]]:
    """Cosines of every case (rows) with every seed (columns), by what was embedded."""
    asked, known = [q for q, _ in cases], [q for q, _ in seeds]
    masked = [mask(q, values_of(q, body)) for q, body in cases], [mask(q, values_of(q, body)) for q, body in seeds]
    bare = [skeleton(q) for q in masked[0]], [skeleton(q) for q in masked[1]]
    both = PatternEmbedder(embedder)
    pairs: dict[str, tuple[Encode, Sequence[str], Sequence[str]]] = {
        "questions": (embedder.encode, asked, known),
        "patterns (values and numbers masked)": (embedder.encode, *masked),
        "skeletons": (embedder.encode, *bare),
        "patterns with their skeletons": (both.encode, *masked),
    }
    chance: NDArray[np.float32] = np.random.default_rng(0).random((len(cases), len(seeds)), dtype=np.float32)
    return {"nothing (random)": chance} | {name: encode(a) @ encode(b).T for name, (encode, a, b) in pairs.items()}


def shares(
    near: NDArray[np.float32], seeds: Sequence[tuple[str, Body]], cases: Sequence[tuple[str, Body]], *, k: int
) -> tuple[float, float, float]:
    kinds, filters = [kind(body) for _, body in seeds], [is_filtered(body) for _, body in seeds]
    of_kind, found, alike = [], [], []
    for row, (_, gold) in zip(near, cases, strict=True):
        top = np.argsort(-row)[:k]
        same = [kinds[i] == kind(gold) for i in top]
        of_kind.append(np.mean(same))
        found.append(any(same))
        alike.append(np.mean([filters[i] == is_filtered(gold) for i in top]))
    return float(np.mean(of_kind)), float(np.mean(found)), float(np.mean(alike))


def kind(body: Body) -> str:
    aggs = next((body[key] for key in _AGGS if body.get(key)), None)
    if aggs is None:
        if body.get("size") == 0:
            return "count"
        return "list" if not body.get("sort") else "top" if body.get("size", 10) < _FEW else "sorted"
    names = types_of(aggs)
    if names & _MANY:
        having = "bucket_selector" in names or "min_doc_count" in json.dumps(aggs)
        metric = names - _MANY - {"bucket_selector", "bucket_sort", "nested", "filter"}
        return "group" + ("+metric" if metric else "") + ("+having" if having else "")
    return "distinct" if "cardinality" in names else "metric"


def types_of(aggs: Body) -> set[str]:
    """The types of these aggregations and of those below."""
    found: set[str] = set()
    for agg in aggs.values():
        for key, spec in agg.items():
            found |= types_of(spec) if key in _AGGS else {key}
    return found


def is_filtered(body: Body) -> bool:
    query: Any = body.get("query") or {"match_all": {}}
    return "match_all" not in query


if __name__ == "__main__":
    main()
