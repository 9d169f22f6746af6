"""What the llama.cpp sampler does without a model: failures and how events become candidates."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from nlq.errors import InputError, SamplerError
from nlq.samplers.llama import LlamaSampler
from nlq.types import Candidate, Message, Prompt, SamplingParams
from nlq.wanted import while_wanted

PROMPT = Prompt((), (), (Message("user", "q"),))


class Recorded:
    """llama.cpp's side of a request: calls back with events and stops where the callback says so."""

    def __init__(self, *events: dict[str, Any]) -> None:
        self.events = events
        self.requests: list[dict[str, Any]] = []
        self.prompt = 10

    def handle_chat_completions(self, request: str, callback: Callable[[str], bool]) -> None:
        self.requests.append(json.loads(request))
        if self.requests[-1]["max_tokens"] == 1:
            callback(
                json.dumps(event(0, "x", finish="length") | {"timings": {"cache_n": 9, "prompt_n": self.prompt - 9}})
            )
            return
        for item in self.events:
            if callback(json.dumps(item)):
                return


def event(index: int, text: str = "", *, logprob: float | None = None, finish: str | None = None) -> dict[str, Any]:
    choice: dict[str, Any] = {"index": index, "delta": {"content": text or None}, "finish_reason": finish}
    if logprob is not None:
        choice["logprobs"] = {"content": [{"token": text, "logprob": logprob}]}
    return {"choices": [choice], "timings": {"predicted_n": 3}}


def sampler(server: Recorded) -> LlamaSampler:
    return LlamaSampler(server, path=Path("test.gguf"), key="k", n_ctx=900, slots=2)


def test_interleaved_samples_are_put_together_and_come_as_they_end() -> None:
    server = Recorded(
        event(0, "a", logprob=-1.0),
        event(1, "x", logprob=-4.0),
        event(1, finish="length"),
        event(0, "b", logprob=-2.0),
        event(0, finish="stop"),
    )
    found = list(sampler(server).sample(PROMPT, None, SamplingParams(n=2)))

    assert found == [Candidate("x", -4.0, 3, complete=False), Candidate("ab", -1.5, 2)]


def test_more_samples_than_slots_are_drawn_in_rounds_with_other_seeds() -> None:
    server = Recorded(event(0, "a", finish="stop"), event(1, "b", finish="stop"))
    found = list(sampler(server).sample(PROMPT, None, SamplingParams(n=4)))
    _, first, second = server.requests

    assert len(found) == 4
    assert (first["n"], second["n"]) == (2, 2)
    assert first["seed"] != second["seed"]


def test_no_more_samples_run_together_than_the_context_has_room_for() -> None:
    server = Recorded(event(0, "a", finish="stop"))
    server.prompt = 200
    list(sampler(server).sample(PROMPT, None, SamplingParams(n=3, max_tokens=400)))

    assert [r["n"] for r in server.requests] == [1, 1, 1, 1]


def test_closing_the_iterator_stops_the_request() -> None:
    server = Recorded(event(0, "a", finish="stop"), event(1, "b", finish="stop"))
    model = sampler(server)
    candidates = model.sample(PROMPT, None, SamplingParams(n=20))
    next(candidates)
    candidates.close()  # type: ignore[attr-defined]

    assert len(server.requests) == 2
    assert next(model.sample(PROMPT, None, SamplingParams(n=2))).text == "a"


class Busy(Recorded):
    """Is silent until it is told to go on, or its caller is gone."""

    def __init__(self) -> None:
        super().__init__()
        self.began = threading.Event()
        self.left: list[bool] = []

    def handle_chat_completions(self, request: str, callback: Callable[[str], bool]) -> None:
        self.requests.append(json.loads(request))
        self.began.set()
        pause = threading.Event()
        for _ in range(3000):
            if callback(json.dumps(event(0))):
                self.left.append(True)
                return
            pause.wait(0.01)


def test_nobody_who_left_waits_for_the_model_or_holds_it() -> None:
    server = Busy()
    one = sampler(server)
    left = threading.Event()

    class Left(Exception):
        pass

    def check() -> None:
        if left.is_set():
            raise Left

    def asks(prompt: Prompt) -> str:
        with while_wanted(check):
            try:
                list(one.sample(prompt, None, SamplingParams(n=1)))
            except Left:
                return "left"
        return "answered"

    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(asks, PROMPT)]
        assert server.began.wait(30)
        runs.append(pool.submit(asks, PROMPT))
        left.set()
        assert [run.result(30) for run in runs] == ["left", "left"]

    assert server.left == [True] * len(server.requests)


def test_the_prompt_is_computed_before_its_samples_and_without_the_grammar() -> None:
    server = Recorded(event(0, "{}", finish="stop"))
    list(sampler(server).sample(PROMPT, {"type": "object"}, SamplingParams(repetition_penalty=1.1)))
    prefill, draw = server.requests

    assert "grammar" not in prefill
    assert draw["grammar"].startswith("%llguidance")


def test_greedy_decodes_once() -> None:
    server = Recorded(event(0, "a", finish="stop"))
    found = list(sampler(server).sample(PROMPT, None, SamplingParams(n=3, temperature=0)))

    assert [c.text for c in found] == ["a", "a", "a"]
    assert [r["n"] for r in server.requests] == [1, 1]


def test_a_prompt_above_the_context_is_the_callers_mistake() -> None:
    error = {"type": "exceed_context_size_error", "n_prompt_tokens": 90, "n_ctx": 64, "message": "m"}

    with pytest.raises(InputError, match="90 tokens"):
        list(sampler(Recorded({"error": error})).sample(PROMPT, None, SamplingParams()))


def test_an_error_in_the_answer_is_a_sampler_error_with_its_words() -> None:
    with pytest.raises(SamplerError, match="no slot"):
        list(sampler(Recorded({"error": {"message": "no slot"}})).sample(PROMPT, None, SamplingParams()))


def test_samples_that_never_end_are_an_error() -> None:
    with pytest.raises(SamplerError, match="0 of 1"):
        list(sampler(Recorded(event(0, "a"))).sample(PROMPT, None, SamplingParams()))


def test_a_closed_sampler_refuses_to_sample() -> None:
    closed = sampler(Recorded())
    closed.close()
    closed.close()

    with pytest.raises(SamplerError, match="closed"):
        closed.sample(PROMPT, None, SamplingParams())
    with pytest.raises(SamplerError, match="closed"):
        closed.ready()


def test_a_missing_model_is_an_error_that_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(SamplerError, match="nlq models fetch"):
        LlamaSampler.load(tmp_path / "none.gguf")


def test_a_file_that_is_no_model_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "text.gguf"
    path.write_text("no model")

    with pytest.raises(SamplerError, match="cannot load"):
        LlamaSampler.load(path)


def test_the_length_of_a_prompt_counts_what_was_in_the_cache_and_what_was_not() -> None:
    assert sampler(Recorded()).prompt_tokens(PROMPT) == 10
    assert sampler(Recorded()).name == "llama.cpp test"
