"""Reading nlq's own examples: ``examples.jsonl``, and ``indices/INDEX.json`` with the mapping each index would have."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from examples_db import jsonl
from nlq.errors import InputError, StoreError
from nlq.types import Example

SEEDS = Path(__file__).resolve().parent / "seeds"
SOURCE = "seed"


class Seeded(Protocol):
    """A store that knows which version of a source's examples it holds."""

    def source_version(self, source: str) -> str | None: ...

    def replace_source(self, source: str, examples: Iterable[Example], *, version: str) -> None: ...


def seeds_version(folder: Path) -> str:
    """Differs whenever a file of the seeds does. Raises StoreError where they cannot be read."""
    digest = hashlib.sha256()
    try:
        for path in (folder / "examples.jsonl", *sorted((folder / "indices").glob("*.json"))):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    except OSError as exc:
        raise _unusable(folder, exc) from exc
    return digest.hexdigest()


def read_seeds(folder: Path) -> list[Example]:
    """The seeds, each with the fields of its index. Raises StoreError where a file is missing or wrong."""
    try:
        examples = jsonl.read(io.BytesIO((folder / "examples.jsonl").read_bytes()), source=SOURCE)
        fields = {index: _fields_of(folder, index) for index in {example.index for example in examples}}
    except (OSError, InputError, ValueError, KeyError) as exc:
        raise _unusable(folder, exc) from exc
    return [replace(e, fields=e.fields or fields[e.index], source=SOURCE) for e in examples]


def _fields_of(folder: Path, index: str) -> tuple[str, ...]:
    described = json.loads((folder / "indices" / f"{index}.json").read_text(encoding="utf-8"))
    return tuple(_named(described["mappings"]["properties"], prefix=""))


def _named(properties: Mapping[str, Any], *, prefix: str) -> Iterator[str]:
    """ "name:kind" of every field: objects dotted, nested objects themselves too, multi-fields beside their parent."""
    for key, definition in properties.items():
        name, kind = prefix + key, definition.get("type", "object")
        if kind != "object":
            yield f"{name}:{kind}"
        yield from _named(definition.get("properties", {}), prefix=f"{name}.")
        yield from _named(definition.get("fields", {}), prefix=f"{name}.")


def _unusable(folder: Path, why: Exception) -> StoreError:
    return StoreError(f"The seed examples in {folder} cannot be used ({why}): install nlq again.")
