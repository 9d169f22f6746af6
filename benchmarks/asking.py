"""A translator whose model costs nothing, to measure all that is around it."""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

from nlq.ports import Engine
from nlq.translator import AskOptions, Event, Translator
from nlq.types import Answer, Body, IndexSchema, Question, SamplingParams
from tests.fakes.sampler import ScriptedSampler

GENRES = ("Drama", "Comedy", "Crime", "Horror", "Western")
MAPPINGS: Body = {
    "properties": {
        "title": {"type": "text", "fields": {"keyword": {"type": "keyword"}}},
        "genre": {"type": "keyword"},
        "year": {"type": "integer"},
        "rating": {"type": "float"},
    }
}
SETTINGS: Body = {"number_of_shards": 1, "number_of_replicas": 0}
BODIES = (
    '{"query":{"term":{"genre":"Comedy"}},"size":0}',
    '{"query":{"term":{"genre":"Comedy"}},"_source":["title"],"size":10}',
    '{"query":{"bool":{"filter":[{"term":{"genre":"Comedy"}},{"range":{"year":{"gte":1990}}}]}},"size":0}',
    '{"query":{"match_all":{}},"size":0}',
)


def films(count: int) -> Iterator[tuple[str, Body]]:
    for i in range(count):
        film = {"title": f"The film {i}", "genre": GENRES[i % 5], "year": 1930 + i % 95, "rating": (i * 7 % 100) / 10}
        yield str(i), film


class TimedEngine:
    """``engine``, whose seconds in this thread are counted since ``start``."""

    def __init__(self, engine: Engine) -> None:
        self._engine: Any = engine
        self._mine = threading.local()

    def start(self) -> None:
        self._mine.spent = 0.0

    def spent(self) -> float:
        return float(self._mine.spent)

    def schema(self, index: str) -> IndexSchema:
        return cast(IndexSchema, self._timed(lambda: self._engine.schema(index)))

    def search(self, index: str, bodies: Sequence[Body], *, timeout: float) -> Any:
        return self._timed(lambda: self._engine.search(index, bodies, timeout=timeout))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def _timed(self, work: Callable[[], Any]) -> Any:
        began = time.perf_counter()
        try:
            return work()
        finally:
            self._mine.spent = getattr(self._mine, "spent", 0.0) + time.perf_counter() - began


class TimedTranslator:
    """``translator`` with "engine" among the timings of its answers: the part of the other stages spent there."""

    def __init__(self, translator: Translator) -> None:
        self.engine = TimedEngine(translator.engine)
        self._translator = replace(translator, engine=cast(Engine, self.engine))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._translator, name)

    def translate(
        self, question: Question, options: AskOptions, *, on_event: Callable[[Event], None] | None = None
    ) -> Answer:
        self.engine.start()
        answer = self._translator.translate(question, options, on_event=on_event)
        return replace(answer, timings={**answer.timings, "engine": self.engine.spent()})


@contextmanager
def translator_for(engine: Engine, args: argparse.Namespace) -> Iterator[Translator]:
    """On ``engine``, with the examples and the embedder of the settings; with ``--tiny`` in memory and without any."""
    sampler = ScriptedSampler(BODIES)
    if args.tiny:
        from tests.fakes.store import FakeStore

        yield Translator(engine=engine, sampler=sampler, examples=FakeStore(), params=SamplingParams(n=4))
        return
    from nlq.bootstrap import open_translator
    from nlq.settings import load_settings

    where = {"es_url": args.es_url} if args.es_url else {}
    with open_translator(load_settings(**where), sampler=sampler) as opened:
        opened.warm()
        yield replace(opened, engine=engine, cache=None)
