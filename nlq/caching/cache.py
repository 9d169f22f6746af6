"""What is kept of answers, under all that decided them."""

from __future__ import annotations

import hashlib
import threading
import time
import uuid
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial

from cachetools import TTLCache

from nlq.caching.again import Verify, again, slim
from nlq.caching.words import normalised, reordered, turns
from nlq.grounding import View
from nlq.options import AskOptions, Event
from nlq.timings import Clock
from nlq.trail import Trail
from nlq.types import Answer, IndexSchema, Question
from nlq.vote import is_empty

Encode = Callable[[Sequence[str]], Sequence[Sequence[float]]]
"""Texts become vectors of length 1."""


@dataclass(frozen=True, slots=True)
class _Scope:
    """All that decides an answer, but the words of its question and the examples: who asks with which settings, the
    index as it is mapped, the values and days that the question names."""

    asker: Hashable
    index: str
    mapped: str
    options: AskOptions
    values: tuple[tuple[str, tuple[str, ...]], ...]
    days: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class _Key:
    scope: _Scope
    words: str
    turns: tuple[str, ...] = field(compare=False)
    vector: Sequence[float] = field(default=(), compare=False, repr=False)


class AnswerCache:
    """The last ``size`` answers, for ``seconds`` each, in memory. Safe to use from several threads.

    With ``paraphrases`` above 0 a question also gets the answer to one whose vector has at least this cosine with its
    own, where both name the same values, those of a field in the same order, the same numbers and days, hold the same
    words that turn a meaning, and are not the same words in another order. Translators may share a cache where their
    models of one name, and what judges candidates, are the same.
    """

    def __init__(
        self, *, size: int = 256, seconds: float = 3600.0, paraphrases: float = 0.0, clock: Clock = time.monotonic
    ) -> None:
        self.paraphrases = paraphrases
        self._kept: TTLCache[_Key, Answer] = TTLCache(size, seconds, timer=clock)
        self._reworded: TTLCache[tuple[str, str], _Key] = TTLCache(size, seconds, timer=clock)
        self._lock = threading.Lock()

    def place(self, view: View, options: AskOptions, *, asker: Hashable, encode: Encode | None = None) -> Place:
        """Where the answer to the question of ``view`` is kept. ``asker`` equals that of whoever may be given the same
        answer; ``options`` go on from nothing. Without ``encode`` no paraphrase is found."""
        scope = _Scope(
            asker=asker,
            index=view.index.index,
            mapped=_digest(view.index),
            options=options,
            values=_by_field(view),
            days=tuple((str(p.start), str(p.end)) for p in view.periods),
        )
        key = _Key(scope, normalised(view.question), turns(view.question))
        return Place(self, key, encode if self.paraphrases else None)

    def forget(self, question: str, index: str) -> None:
        """Drop what is kept of this question on this index, whoever asked it, and however, and of the one whose answer
        it was given."""
        words = normalised(question)
        with self._lock:
            other = self._reworded.pop((words, index), None)
            for key in [k for k in self._kept if (k.words == words and k.scope.index == index) or k == other]:
                del self._kept[key]

    def given(self, words: str, key: _Key) -> None:
        """These words were given the answer kept under ``key``."""
        with self._lock:
            self._reworded[words, key.scope.index] = key

    def get(self, key: _Key) -> Answer | None:
        with self._lock:
            return self._kept.get(key)

    def near(self, key: _Key) -> _Key | None:
        """The key whose question is nearest among those near enough."""
        with self._lock:
            known = [k for k in self._kept if k.vector and k.turns == key.turns and k.scope == key.scope]
        alike = [k for k in known if not reordered(k.words, key.words)]
        cosines = {i: sum(map(float.__mul__, k.vector, key.vector)) for i, k in enumerate(alike)}
        best = max(cosines, key=cosines.__getitem__, default=None)
        return None if best is None or cosines[best] < self.paraphrases else alike[best]

    def put(self, key: _Key, answer: Answer) -> None:
        with self._lock:
            self._kept.pop(key, None)  # an equal key may hold an older vector
            self._kept[key] = answer

    def drop(self, key: _Key) -> None:
        with self._lock:
            self._kept.pop(key, None)


def _by_field(view: View) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The values that the question names, by field, in the question's order ("from Boston to Denver")."""
    question = view.question.casefold()
    fields: dict[str, list[str]] = {}
    for link in sorted(view.values, key=lambda v: question.find(v.text.casefold())):
        fields.setdefault(link.field, []).append(repr(link.value))
    return tuple(sorted((name, tuple(values)) for name, values in fields.items()))


class Place:
    """Where the answer to one question is kept. Made by ``AnswerCache.place``."""

    def __init__(self, cache: AnswerCache, key: _Key, encode: Encode | None) -> None:
        self._cache = cache
        self._key = key
        self._encode = encode

    def again(self, trail: Trail, question: Question) -> Answer | None:
        """The kept answer, its queries checked and run anew, told as the answer to ``question``; it has the votes and
        the confidence that it had.

        None where none is kept, or where its query does not run any more or finds nothing now: then it is dropped.
        Raises what verification and ``encode`` raise.
        """
        with trail.timings("cache"):
            known = self._run(partial(trail.verify, most_documents=0))
        if known is None:
            return None
        answer = replace(known, id=uuid.uuid4().hex, question=question, timings=trail.timings.done())
        trail.tell(Event("examples", answer.examples))
        trail.tell(Event("ballot", answer.ballot))
        trail.tell(Event("answer", answer))
        return answer

    def _run(self, verify: Verify) -> Answer | None:
        key = self._key if self._cache.get(self._key) else self._paraphrased()
        kept = self._cache.get(key) if key else None
        if key is None or kept is None:
            return None
        found = again(kept, verify, reworded=key != self._key)
        if found is None:
            self._cache.drop(key)
        elif key != self._key:
            self._cache.given(self._key.words, key)
        return found

    def keep(self, answer: Answer) -> None:
        """Keep the answer; not one that found nothing, since documents may come."""
        leader = answer.ballot.leader
        if leader and not is_empty(leader.chosen):
            self._cache.put(self._key, slim(answer))

    def _paraphrased(self) -> _Key | None:
        if self._encode is None:
            return None
        [vector] = self._encode([self._key.words])
        self._key = _Key(self._key.scope, self._key.words, self._key.turns, tuple(map(float, vector)))
        return self._cache.near(self._key)


@lru_cache(maxsize=64)
def _digest(index: IndexSchema) -> str:
    """Differs wherever fields, description, features or version do."""
    parts = [repr(f) for f in index.fields] + [index.about, index.version, *sorted(index.features)]
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
