"""What the service keeps of answers for some minutes, in memory: to go on from them, and to give them again."""

from __future__ import annotations

import hashlib
import threading
import time
from dataclasses import dataclass, replace

from cachetools import TTLCache
from starlette.exceptions import HTTPException

from nlq.conversation import together
from nlq.errors import InputError
from nlq.timings import Clock
from nlq.types import Answer, Example
from nlq.written import as_written

MOST_ANSWERS = 1000
ANSWER_SECONDS = 3600.0

MOST_REPLAYS = 100
REPLAY_SECONDS = 600.0


class Conversations:
    """The questions and queries of the last MOST_ANSWERS answers, for ANSWER_SECONDS, each for its own caller."""

    def __init__(self, *, most_chars: int, clock: Clock = time.monotonic) -> None:
        self._most_chars = most_chars
        self._kept: TTLCache[tuple[str, str], Example] = TTLCache(MOST_ANSWERS, ANSWER_SECONDS, timer=clock)
        self._lock = threading.Lock()

    def keep(self, caller: str, answer: Answer, previous: Example | None, *, max_results: int) -> None:
        """Keep an answer to a question that went on from ``previous``, without sizes of ``max_results``: the request
        chose them, not the question."""
        words = together(previous, answer.question.text)
        question = words if len(words) <= self._most_chars else answer.question.text
        query = as_written(answer.query, max_results=max_results)
        with self._lock:
            self._kept[caller, answer.id] = Example(question, query, answer.question.index)

    def get(self, caller: str, answer_id: str, *, index: str) -> Example:
        """What an answer of that index was to; InputError where it is not here."""
        with self._lock:
            found = self._kept.get((caller, answer_id))
        if found is None or found.index != index:
            raise InputError(
                "answer_id: no answer of this index is kept under it (any more); send `previous` with its question and "
                "query instead."
            )
        return found


@dataclass(frozen=True, slots=True)
class _Entry:
    """``answer`` is None as long as it is sought."""

    request: str
    answer: Answer | None = None


class Replays:
    """Answers by the ``Idempotency-Key`` they were asked with: the last MOST_REPLAYS, for REPLAY_SECONDS."""

    def __init__(self, *, clock: Clock = time.monotonic) -> None:
        self._kept: TTLCache[tuple[str, str], _Entry] = TTLCache(MOST_REPLAYS, REPLAY_SECONDS, timer=clock)
        self._lock = threading.Lock()

    def begin(self, caller: str, key: str, request: str) -> Answer | None:
        """The answer that ``request`` had under that key; None where the caller should seek it, and then ``end``.

        Raises InputError where the key came with another request, HTTPException (409) where that is being answered.
        """
        digest = hashlib.sha256(request.encode("utf-8", "surrogatepass")).hexdigest()
        with self._lock:
            entry = self._kept.get((caller, key))
            if entry is None:
                self._kept[caller, key] = _Entry(digest)
                return None
        if entry.request != digest:
            raise InputError("Idempotency-Key: came with another request before; send a new key with each question.")
        if entry.answer is None:
            raise HTTPException(409, "This request is being answered; ask again in a moment.", {"Retry-After": "1"})
        return entry.answer

    def end(self, caller: str, key: str, answer: Answer | None) -> None:
        """Keep the answer; without one the key is as new."""
        with self._lock:
            entry = self._kept.pop((caller, key), None)
            if entry and answer:
                self._kept[caller, key] = replace(entry, answer=answer)
