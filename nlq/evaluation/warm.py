"""The cases of benchmark sets as few-shot examples for each other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from nlq.curation import Curator
from nlq.evaluation.cases import Case, CaseSet
from nlq.ports import Embedder, Engine, ExampleStore
from nlq.types import Example, State

SOURCE = "benchmark"


def add_cases(sets: Sequence[CaseSet], engine: Engine, store: ExampleStore, *, embedder: Embedder | None = None) -> int:
    """Put every case with a gold query into ``store`` as an example, spelled as the model writes; how many were new.

    A question never sees the examples of its own index: the store leaves them out as it does anyhow. Queries that do
    not pass the checks of any example stay out.
    """
    return sum(_add(s, s.load(engine), store, embedder) for s in sets)


def _add(cases: CaseSet, engine: Engine, store: ExampleStore, embedder: Embedder | None) -> int:
    curator = Curator(engine, store, embedder)
    golden = sorted((c for c in cases.cases if c.gold), key=lambda c: c.index)
    kept: list[Example] = []
    for index, members in groupby(golden, key=lambda c: c.index):
        examples = [_example(case) for case in members]
        kept += [f.example for f in curator.check(examples, engine.schema(index)) if f.state is State.VERIFIED]
    return store.add(kept, state=State.VERIFIED)


def _example(case: Case) -> Example:
    return Example(case.question, case.gold, case.index, source=SOURCE)
