"""Candidates out of a JSONL file, and a way to write one.

A line: {"prompt": a hash of the messages, "text", "logprob", and optionally "tokens", "complete", "seed"}.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nlq.errors import SamplerError
from nlq.ports import Sampler
from nlq.samplers.request import chat_messages, refuse_beams
from nlq.types import Body, Candidate, Prompt, SamplingParams

_Key = tuple[str, int | None]


def prompt_hash(prompt: Prompt) -> str:
    """16 hex digits that name the prompt's messages. Raises InputError as every sampler does for a bad prompt."""
    text = json.dumps(chat_messages(prompt), ensure_ascii=False)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


class ReplaySampler:
    """The first n candidates recorded for a prompt, in the order of the file; the same ones every time.

    Lines with a seed answer requests with that seed, lines without one any other. Nothing else in the parameters
    changes a text. Raises SamplerError where the file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._recorded = _read(path)

    @property
    def name(self) -> str:
        return f"replay {self._path.name}"

    def sample(self, prompt: Prompt, schema: Body | None, params: SamplingParams) -> Iterator[Candidate]:
        """See ``Sampler``. SamplerError where fewer than n are recorded."""
        refuse_beams(params, "The replay sampler")
        name = prompt_hash(prompt)
        recorded = self._recorded.get((name, params.seed)) or self._recorded.get((name, None), [])
        wanted = 1 if params.greedy else params.n
        if len(recorded) < wanted:
            raise SamplerError(
                f"{self._path} has {len(recorded)} of {wanted} candidates for this prompt and seed; record it again."
            )
        return iter(recorded[:1] * params.n if params.greedy else recorded[:wanted])

    def warm(self, prompt: Prompt) -> None:
        pass

    def ready(self) -> None:
        pass

    def close(self) -> None:
        pass


class RecordingSampler:
    """Passes on what ``inner`` yields and appends each candidate to ``path``. Closing it closes ``inner``."""

    def __init__(self, inner: Sampler, path: Path) -> None:
        self._inner = inner
        self._path = path
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        return self._inner.name

    def sample(self, prompt: Prompt, schema: Body | None, params: SamplingParams) -> Iterator[Candidate]:
        """See ``Sampler``. SamplerError where the file cannot be written."""
        where = {"prompt": prompt_hash(prompt), "seed": params.seed}
        return self._record(where, self._inner.sample(prompt, schema, params))

    def warm(self, prompt: Prompt) -> None:
        self._inner.warm(prompt)

    def ready(self) -> None:
        self._inner.ready()

    def close(self) -> None:
        self._inner.close()

    def _record(self, where: Body, candidates: Iterator[Candidate]) -> Iterator[Candidate]:
        for candidate in candidates:
            self._append(json.dumps(where | asdict(candidate), ensure_ascii=False) + "\n")
            yield candidate

    def _append(self, line: str) -> None:
        try:
            with self._lock, self._path.open("a", encoding="utf-8") as file:
                file.write(line)
        except OSError as exc:
            raise SamplerError(f"{self._path} cannot be written ({exc.strerror}); choose another file.") from exc


def _read(path: Path) -> dict[_Key, list[Candidate]]:
    recorded: dict[_Key, list[Candidate]] = {}
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    key, candidate = _parse(line, f"{path}, line {number}")
                    recorded.setdefault(key, []).append(candidate)
    except (OSError, UnicodeDecodeError) as exc:
        raise SamplerError(f"{path} cannot be read; NLQ_REPLAY_FILE must name a JSONL file of candidates.") from exc
    return recorded


def _parse(line: str, where: str) -> tuple[_Key, Candidate]:
    try:
        data: dict[str, Any] = json.loads(line)
        candidate = Candidate(
            text=str(data["text"]),
            logprob=float(data["logprob"]),
            tokens=int(data.get("tokens", 0)),
            complete=bool(data.get("complete", True)),
        )
        return (str(data["prompt"]), data.get("seed")), candidate
    except (ValueError, KeyError, TypeError) as exc:
        raise SamplerError(f"{where} is no recorded candidate; it needs prompt, text and logprob.") from exc
