"""Candidates on disk: one JSON line a case, written once and read as often as wanted.

A line: {"id", "seconds", "candidates": [{"text", "logprob", "tokens", …}]}, and where they are known "greedy" (a
candidate apart from the others), "greedy_seconds", "joules", "prompt_tokens", "flops", "values" and "shots".
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from nlq.errors import InputError
from nlq.types import Candidate

_FIELDS = frozenset(f.name for f in fields(Candidate))
_NUMBERS = ("seconds", "greedy_seconds", "joules", "prompt_tokens", "flops")


@dataclass(frozen=True, slots=True)
class Sampled:
    """What was sampled for one case. ``seconds`` are of the whole translation, that of ``greedy`` left out; ``joules``
    of the machine meanwhile. ``prompt_tokens`` and ``flops`` count each different prompt once. NaN: not known.
    ``values`` and ``shots`` say what the prompts showed."""

    id: str
    candidates: tuple[Candidate, ...]
    seconds: float = math.nan
    greedy: Candidate | None = None
    greedy_seconds: float = math.nan
    joules: float = math.nan
    prompt_tokens: float = math.nan
    flops: float = math.nan
    values: tuple[str, ...] = ()
    shots: tuple[str, ...] = ()

    def line(self) -> str:
        """One line of JSON; what is not known is left out."""
        data = {key: value for key, value in asdict(self).items() if key == "candidates" or not _unknown(value)}
        return json.dumps(data, ensure_ascii=False) + "\n"


def append(path: Path, sampled: Sampled) -> None:
    """Add a line to ``path``, on disk when this returns. A line that an interruption tore before is cut off."""
    with path.open("ab+") as file:
        _cut_torn_line(file)
        file.write(sampled.line().encode())
        file.flush()


def read_samples(paths: Iterable[Path]) -> dict[str, Sampled]:
    """What is recorded in these files, by case id; of two lines with one id the later one counts.

    A file that is not there holds nothing, and a torn last line is none. InputError for any other line that is none.
    """
    return {sampled.id: sampled for path in paths for sampled in _read(path)}


def _read(path: Path) -> Iterable[Sampled]:
    if not path.exists():
        return
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    for number, line in enumerate(lines, start=1):
        if line.strip() and (number < len(lines) or line.endswith("\n")):
            yield _parsed(line, f"{path}, line {number}")


def _parsed(line: str, where: str) -> Sampled:
    try:
        data = json.loads(line)
        numbers = {key: float(data[key]) for key in _NUMBERS if data.get(key) is not None}
        return Sampled(
            id=str(data["id"]),
            candidates=tuple(_candidate(c) for c in data["candidates"]),
            greedy=_candidate(data["greedy"]) if data.get("greedy") else None,
            values=tuple(data.get("values", ())),
            shots=tuple(data.get("shots", ())),
            **numbers,
        )
    except (ValueError, KeyError, TypeError) as exc:
        raise InputError(f"{where} holds no samples: it needs id and candidates, each with text and logprob.") from exc


def _candidate(data: Mapping[str, Any]) -> Candidate:
    """Of other versions' fields, those that a candidate has today."""
    return Candidate(**{key: value for key, value in data.items() if key in _FIELDS})


def _unknown(value: object) -> bool:
    return value is None or value == () or (isinstance(value, float) and math.isnan(value))


def _cut_torn_line(file: Any) -> None:
    size = file.seek(0, 2)
    back = min(size, 1 << 20)
    file.seek(size - back)
    tail = file.read(back)
    if tail and not tail.endswith(b"\n"):
        file.truncate(size - back + tail.rfind(b"\n") + 1 if b"\n" in tail else size - back)
