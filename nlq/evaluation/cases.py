"""Benchmark sets: a folder with indices/INDEX.json, indices/INDEX.ndjson and cases.jsonl."""

from __future__ import annotations

import hashlib
import json
import random
import re
import zlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from nlq.errors import InputError
from nlq.evaluation.renamed import Renamed
from nlq.ports import Engine
from nlq.types import Body

Half = Literal["a", "b"]

_INDICES_TO_SPLIT = 20
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Case:
    """A question with the rows that answer it, found without Elasticsearch, and a query that gives them ({}: none).

    ``half`` is where the case falls when its set is split in two: by its index where the set has twenty or more, so
    that both halves share none, else by its id.
    """

    id: str
    index: str
    question: str
    rows: tuple[tuple[Any, ...], ...]
    ordered: bool
    group: str
    gold: Body = field(default_factory=dict)
    half: Half = "a"


@dataclass(frozen=True, slots=True)
class CaseSet:
    """The cases of one folder, by the folder's name."""

    name: str
    folder: Path
    cases: tuple[Case, ...]

    @property
    def prefix(self) -> str:
        """What the names of this set's indices start with in the engine."""
        return "nlq-eval-" + re.sub(r"[^a-z0-9._-]+", "-", self.name.lower())

    def choose(self, *, every: int = 1, half: Half | None = None, most: int | None = None, seed: int = 1) -> CaseSet:
        """Every so many-th case of a half, then ``most`` of these at random.

        More cases at the same seed hold the fewer ones.
        """
        chosen = [c for c in self.cases[::every] if half in (None, c.half)]
        if most is not None:
            random.Random(seed).shuffle(chosen)
            chosen = chosen[:most]
        return replace(self, cases=tuple(chosen))

    def among(self, ids: Collection[str]) -> CaseSet:
        return replace(self, cases=tuple(c for c in self.cases if c.id in ids))

    def load(self, engine: Engine) -> Renamed:
        """The engine as it would be if it held this set's indices, by their own names, and nothing else.

        Loads those that the cases need and the engine lacks under names of this set and their content, so that a
        changed set is loaded anew and no index of a user is touched.
        """
        names = {index: self._loaded_name(index) for index in sorted({c.index for c in self.cases})}
        present = {i.name for i in engine.indexes()}
        for index, loaded in names.items():
            if loaded not in present:
                spec = json.loads(self._part(index, "json").read_text(encoding="utf-8"))
                mappings = {**spec["mappings"], "_meta": {"about": spec.get("about", "")}}
                documents = _documents(self._part(index, "ndjson"))
                engine.load(loaded, mappings=mappings, documents=documents, settings=spec.get("settings"))
        return Renamed(engine, names)

    def _loaded_name(self, index: str) -> str:
        content = hashlib.blake2b(digest_size=4)
        for kind in ("json", "ndjson"):
            content.update(self._part(index, kind).read_bytes())
        return f"{self.prefix}-{index}"[:_LONGEST_NAME] + f"-{content.hexdigest()}"

    def _part(self, index: str, kind: str) -> Path:
        path = self.folder / "indices" / f"{index}.{kind}"
        if not path.is_file():
            raise InputError(f"The set {self.folder} lacks indices/{index}.{kind}, which its cases need.")
        return path


def read_set(folder: Path) -> CaseSet:
    """The set in ``folder``; InputError where there is none."""
    return CaseSet(folder.resolve().name, folder, read_cases(folder))


def read_sets(folders: Sequence[Path]) -> tuple[CaseSet, ...]:
    """The sets in ``folders``; InputError where one is none, or two have one name."""
    sets = tuple(read_set(folder) for folder in folders)
    names = [s.name for s in sets]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"Two sets are named {twice[0]}: rename the folder of one.")
    return sets


def read_cases(folder: Path) -> tuple[Case, ...]:
    """The cases of a set; InputError where the folder is none."""
    path = folder / "cases.jsonl"
    if not path.is_file():
        raise InputError(f"{folder} is no benchmark set: it has no cases.jsonl.")
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        by_index = len({c["index"] for c in lines}) >= _INDICES_TO_SPLIT
        return tuple(_case(c, split_by=c["index"] if by_index else c["id"]) for c in lines)
    except (ValueError, KeyError, TypeError) as exc:
        raise InputError(f"{path} holds a line that is no case: it needs id, index, question and rows.") from exc


def _case(c: Body, *, split_by: str) -> Case:
    return Case(
        id=c["id"],
        index=c["index"],
        question=c["question"],
        rows=tuple(tuple(row) for row in c["rows"]),
        ordered=c.get("ordered", False),
        group=c.get("group", ""),
        gold=c.get("gold") or {},
        half="b" if zlib.crc32(split_by.encode()) & 1 else "a",
    )


def _documents(path: Path) -> Iterator[tuple[str, Body]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            document = json.loads(line)
            yield str(document.pop("_id")), document
