"""A translator on the fixture index that says what it is told to, and questions to it."""

from __future__ import annotations

from typing import Any

from nlq.translator import AskOptions, Translator
from nlq.types import Answer, Body, Example, Prompt, Question, SamplingParams
from tests.fakes.sampler import ScriptedSampler
from tests.fakes.store import FakeStore
from tests.support import library_engine

COUNT = '{"query":{"term":{"shelf":"Crime"}},"size":0}'
TITLES = '{"query":{"term":{"shelf":"Crime"}},"_source":["title"]}'
EXAMPLE = Example("orders above 50", {"query": {"match_all": {}}}, "shop", ("total:double",))


def translator_of(*texts: str, **changes: Any) -> Translator:
    parts: dict[str, Any] = {
        "engine": library_engine(),
        "sampler": ScriptedSampler(texts),
        "examples": FakeStore([EXAMPLE]),
        "params": SamplingParams(n=4),
        "clock": iter(range(1000)).__next__,
    }
    return Translator(**{**parts, **changes})


def ask(translator: Translator, text: str = "How many crime books?", **options: Any) -> Answer:
    return translator.translate(Question(text, "library"), AskOptions(**options))


def requests_of(translator: Translator) -> list[tuple[Prompt, Body | None, SamplingParams]]:
    return translator.sampler.requests  # type: ignore[attr-defined,no-any-return]  # it is scripted
