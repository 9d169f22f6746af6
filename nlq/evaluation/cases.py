"""Benchmark sets: a folder with indices/INDEX.json, indices/INDEX.ndjson and cases.jsonl."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nlq.errors import InputError
from nlq.ports import Engine
from nlq.types import Body


@dataclass(frozen=True, slots=True)
class Case:
    """A question with the rows that answer it, found without Elasticsearch, and a query that gives them ({}: none)."""

    id: str
    index: str
    question: str
    rows: tuple[tuple[Any, ...], ...]
    ordered: bool
    group: str
    gold: Body = field(default_factory=dict)


def read_cases(folder: Path) -> tuple[Case, ...]:
    """The cases of a set; InputError where the folder is none."""
    path = folder / "cases.jsonl"
    if not path.is_file():
        raise InputError(f"{folder} is no benchmark set: it has no cases.jsonl.")
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return tuple(
        Case(
            id=c["id"],
            index=c["index"],
            question=c["question"],
            rows=tuple(tuple(row) for row in c["rows"]),
            ordered=c.get("ordered", False),
            group=c.get("group", ""),
            gold=c.get("gold", {}),
        )
        for c in lines
    )


def load_indices(folder: Path, engine: Engine, cases: Sequence[Case]) -> list[str]:
    """Load the indices that ``cases`` need and the engine lacks; their names. Existing indices are left as they are."""
    present = {i.name for i in engine.indexes()}
    missing = sorted({c.index for c in cases} - present)
    for name in missing:
        spec = json.loads((folder / "indices" / f"{name}.json").read_text(encoding="utf-8"))
        mappings = {**spec["mappings"], "_meta": {"about": spec.get("about", "")}}
        documents = _documents(folder / "indices" / f"{name}.ndjson")
        engine.load(name, mappings=mappings, documents=documents, settings=spec.get("settings"))
    return missing


def _documents(path: Path) -> Iterator[tuple[str, Body]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            document = json.loads(line)
            yield str(document.pop("_id")), document
