from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from nlq.errors import InputError, OverloadedError, SamplerError
from nlq.samplers.openai import OpenAISampler
from nlq.types import Body, Candidate, Message, Prompt, SamplingParams
from nlq.wanted import while_wanted

PROMPT = Prompt((Message("system", "s"),), (), (Message("user", "q"),))
KEY = "sk-very-secret"

Handler = Callable[[httpx.Request], httpx.Response]


class Server:
    """Answers from a list, the last one again and again, and keeps what it was sent and how long it was waited for."""

    def __init__(self, *answers: httpx.Response | httpx.TransportError) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.waits: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        if isinstance(answer, httpx.TransportError):
            raise answer
        return answer

    def sampler(self) -> OpenAISampler:
        return OpenAISampler(
            "http://model.test/v1", "m", KEY, transport=httpx.MockTransport(self), sleep=self.waits.append
        )

    def bodies(self) -> list[Body]:
        return [json.loads(r.content) for r in self.requests]


def choices(*texts: str, finish: str = "stop") -> httpx.Response:
    tokens = {"content": [{"token": "x", "logprob": -0.5}, {"token": "y", "logprob": -1.5}]}
    found = [
        {"index": i, "message": {"content": t}, "logprobs": tokens, "finish_reason": finish}
        for i, t in enumerate(texts)
    ]
    return httpx.Response(200, json={"choices": found, "usage": {"completion_tokens": 7}})


def draw(server: Server, schema: Body | None = None, **params: Any) -> list[Candidate]:
    return list(server.sampler().sample(PROMPT, schema, SamplingParams(**params)))


def test_one_request_asks_for_all_candidates() -> None:
    server = Server(choices("a", "b"))
    found = draw(server, n=2)

    assert found == [Candidate("a", -1.0, 2), Candidate("b", -1.0, 2)]
    assert server.bodies()[0]["n"] == 2
    assert str(server.requests[0].url) == "http://model.test/v1/chat/completions"


def test_a_server_that_ignores_n_is_asked_again_with_other_seeds() -> None:
    server = Server(choices("a"), choices("b"), choices("c"))
    found = draw(server, n=3)

    assert [c.text for c in found] == ["a", "b", "c"]
    assert [b["n"] for b in server.bodies()] == [3, 2, 1]
    assert len({b["seed"] for b in server.bodies()}) == 3


def test_a_server_that_refuses_so_many_is_asked_for_half_and_not_refused_twice() -> None:
    server = Server(httpx.Response(400, json={"error": "n"}), choices("a", "b"))
    sampler = server.sampler()
    found = list(sampler.sample(PROMPT, None, SamplingParams(n=4)))

    assert len(found) == 4
    assert [b["n"] for b in server.bodies()] == [4, 2, 2]


def test_more_choices_than_asked_for_are_left_out() -> None:
    assert len(draw(Server(choices("a", "b", "c")), n=2)) == 2


def test_greedy_is_asked_once() -> None:
    server = Server(choices("a"))

    assert [c.text for c in draw(server, n=3, temperature=0)] == ["a", "a", "a"]
    assert len(server.requests) == 1


def test_settings_that_openai_does_not_know_are_sent_only_where_they_matter() -> None:
    server = Server(choices("a"))
    draw(server)
    draw(server, top_k=5, min_p=0.1, repetition_penalty=1.2)
    plain, full = server.bodies()

    assert not {"top_k", "min_p", "repetition_penalty", "response_format"} & set(plain)
    assert (full["top_k"], full["min_p"], full["repetition_penalty"]) == (5, 0.1, 1.2)


def test_a_schema_goes_as_a_strict_response_format() -> None:
    server = Server(choices("{}"))
    draw(server, {"type": "object"})

    assert server.bodies()[0]["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "search_body", "strict": True, "schema": {"type": "object"}},
    }


def test_closing_the_iterator_sends_no_further_request() -> None:
    server = Server(choices("a"))
    candidates = server.sampler().sample(PROMPT, None, SamplingParams(n=5))
    next(candidates)
    assert isinstance(candidates, Iterator)
    candidates.close()  # type: ignore[attr-defined]

    assert len(server.requests) == 1


def test_a_choice_without_log_probabilities_counts_the_tokens_of_the_usage() -> None:
    answer = httpx.Response(
        200,
        json={"choices": [{"message": {"content": "a"}, "finish_reason": "length"}], "usage": {"completion_tokens": 7}},
    )

    assert draw(Server(answer)) == [Candidate("a", 0.0, 7, complete=False)]


def test_a_busy_server_is_asked_again_after_the_time_it_names() -> None:
    server = Server(httpx.Response(429, headers={"Retry-After": "3"}), httpx.Response(503), choices("a"))

    assert len(draw(server)) == 1
    assert server.waits == [3.0, 2.0]


def test_a_server_that_stays_busy_is_overloaded_and_says_for_how_long() -> None:
    server = Server(httpx.Response(429, headers={"Retry-After": "7"}))
    with pytest.raises(OverloadedError) as caught:
        draw(server)

    assert caught.value.retry_after == 7.0
    assert len(server.requests) == 3


def test_a_wait_of_minutes_is_not_waited_for() -> None:
    server = Server(httpx.Response(429, headers={"Retry-After": "600"}))
    with pytest.raises(OverloadedError):
        draw(server)

    assert server.waits == []


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (httpx.Response(500, json={"error": {"message": "cuda\n died"}}), SamplerError, "cuda died"),
        (httpx.Response(500, text="<html>"), SamplerError, "Internal Server Error"),
        (httpx.Response(401, json={"error": {"message": f"wrong key {KEY}"}}), SamplerError, "NLQ_OPENAI_KEY"),
        (httpx.Response(404, json={"error": "no model"}), SamplerError, "NLQ_MODEL"),
        (httpx.Response(307, headers={"Location": "/x"}), SamplerError, "307"),
        (httpx.Response(400, json={"error": {"message": "exceeds the context size"}}), InputError, "context"),
        (httpx.Response(400, json={"error": {"message": "bad"}}), SamplerError, "bad"),
        (httpx.Response(200, text="hello"), SamplerError, "/v1"),
        (httpx.Response(200, json=[1]), SamplerError, "no choices"),
        (httpx.Response(200, json={"choices": []}), SamplerError, "no choices"),
        (httpx.ConnectError("refused"), SamplerError, "NLQ_OPENAI_URL"),
        (httpx.ReadTimeout("slow"), SamplerError, "NLQ_OPENAI_TIMEOUT"),
    ],
)
def test_every_failure_is_one_sentence_without_the_key(
    answer: httpx.Response | httpx.TransportError, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words) as caught:
        draw(Server(answer))

    assert KEY not in str(caught.value)


def test_ready_asks_for_the_models_with_the_key() -> None:
    server = Server(httpx.Response(200, json={"data": []}))
    server.sampler().ready()

    assert str(server.requests[0].url) == "http://model.test/v1/models"
    assert server.requests[0].headers["Authorization"] == f"Bearer {KEY}"


def test_a_closed_sampler_refuses_to_sample() -> None:
    sampler = Server(choices("a")).sampler()
    sampler.close()

    with pytest.raises(SamplerError, match="closed"):
        list(sampler.sample(PROMPT, None, SamplingParams()))


def test_a_request_whose_caller_left_is_hung_up_so_that_the_server_can_stop() -> None:
    class GoneError(Exception):
        pass

    def gone() -> None:
        if asked.is_set():
            raise GoneError

    with socket.create_server(("127.0.0.1", 0)) as listening:
        asked, hung_up = threading.Event(), threading.Event()

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                while connection.recv(65536):
                    asked.set()
                hung_up.set()

        server = threading.Thread(target=serve)
        server.start()
        sampler = OpenAISampler(f"http://127.0.0.1:{listening.getsockname()[1]}/v1", "m")
        with pytest.raises(GoneError), while_wanted(gone):
            list(sampler.sample(PROMPT, None, SamplingParams()))

        assert hung_up.wait(10)
        server.join()
