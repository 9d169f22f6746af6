"""Trees below llama.cpp itself, with a tiny random model: the texts are those that it would draw alone."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from nlq.errors import InputError, SamplerError
from nlq.samplers.llama import LlamaSampler
from nlq.samplers.llama_next import Behind, Gone
from nlq.types import Body, Message, Prompt, SamplingParams
from tests.fixtures.tiny_model import build_tiny_model, write_gguf

ASKED = Prompt((Message("system", "You write queries."),), (), (Message("user", "How many books?"),))
WORD: Body = {"type": "string", "maxLength": 6}
BODY: Body = {
    "type": "object",
    "properties": {"sort": {"enum": ["year", "title"]}, "title": WORD},
    "required": ["sort", "title"],
    "additionalProperties": False,
}
NO_TREE = 1 + 1e-9
"""The smallest repetition penalty changes no text, and keeps llama.cpp's own way of drawing."""


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlamaSampler]:
    folder = tmp_path_factory.mktemp("tiny-tree")
    path = write_gguf(build_tiny_model(folder / "hf", padding=0), folder / "tiny.gguf")
    sampler = LlamaSampler.load(path, threads=1, n_ctx=512, slots=2)
    yield sampler
    sampler.close()


@pytest.fixture
def requests(llama: LlamaSampler, monkeypatch: pytest.MonkeyPatch) -> list[Body]:
    """What is asked about next tokens."""
    asked: list[Body] = []
    complete = llama._complete

    def watched(request: Body, *, gone: threading.Event) -> Iterator[Body]:
        asked.append(request)
        return complete(request, gone=gone)

    monkeypatch.setattr(llama, "_complete", watched)
    return asked


def texts(sampler: LlamaSampler, schema: Body, **params: Any) -> list[str]:
    return [c.text for c in sampler.sample(ASKED, schema, SamplingParams(**{"max_tokens": 40, **params}))]


def test_the_likeliest_text_is_that_of_the_server(llama: LlamaSampler) -> None:
    ours = texts(llama, WORD, temperature=0)

    assert ours == texts(llama, WORD, temperature=0, repetition_penalty=NO_TREE)


def test_every_text_keeps_the_schema_in_characters_of_every_length(llama: LlamaSampler) -> None:
    for text in texts(llama, BODY, n=12, temperature=1.5, top_p=1.0):
        jsonschema.validate(json.loads(text), BODY)


def test_what_was_asked_once_is_not_asked_again(llama: LlamaSampler, requests: list[Body]) -> None:
    first = texts(llama, {"enum": ["yes", "no"]}, n=4)
    known = len(requests)
    again = texts(llama, {"enum": ["yes", "no"]}, n=4)

    assert first == again
    assert 0 < known == len(requests)


def test_samples_that_would_scatter_are_drawn_by_the_server(llama: LlamaSampler, requests: list[Body]) -> None:
    drawn = texts(llama, {"type": "string", "maxLength": 30}, n=6, temperature=2.0, top_p=1.0, max_tokens=60)

    assert len(drawn) == 6
    assert len(requests) < 30


def test_a_prompt_above_the_context_is_the_callers_mistake(llama: LlamaSampler) -> None:
    long = Prompt((), (), (Message("user", "word " * 900),))

    with pytest.raises(InputError, match="more than the context"):
        list(llama.sample(long, BODY, SamplingParams()))


def test_a_text_ends_where_the_context_does(llama: LlamaSampler) -> None:
    long = Prompt((), (), (Message("user", "the old man and the sea " * 80),))
    room = 512 - llama.prompt_tokens(long)
    (candidate,) = llama.sample(long, {"type": "string", "minLength": 600}, SamplingParams(max_tokens=400))

    assert not candidate.complete
    assert candidate.tokens <= room


def test_who_left_is_asked_nothing_more_for(llama: LlamaSampler) -> None:
    gone = threading.Event()
    gone.set()
    model = Behind([5, 6, 7], llama._texts, lambda request: iter(()), gone=gone)

    with pytest.raises(Gone):
        model.next([], 5)


def test_a_sampler_that_was_closed_meanwhile_says_so(tmp_path: Path) -> None:
    path = write_gguf(build_tiny_model(tmp_path / "hf", padding=0), tmp_path / "tiny.gguf")
    sampler = LlamaSampler.load(path, threads=1, n_ctx=512, slots=2)
    texts(sampler, {"enum": ["yes", "no"]}, n=2)
    candidates = sampler.sample(ASKED, BODY, SamplingParams(n=2))
    sampler.close()

    with pytest.raises(SamplerError, match="closed"):
        next(candidates)


def test_closing_the_iterator_leaves_the_sampler_usable(llama: LlamaSampler) -> None:
    candidates = llama.sample(ASKED, BODY, SamplingParams(n=8, max_tokens=40))
    next(candidates)
    candidates.close()  # type: ignore[attr-defined]

    assert len(texts(llama, BODY, n=2)) == 2
