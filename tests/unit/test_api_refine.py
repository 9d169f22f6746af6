"""What the service remembers of answers: to go on from them, and to give them again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.exceptions import HTTPException

from api import answers
from api.answers import Conversations, Replays
from api.app import create_app
from nlq.errors import InputError
from nlq.settings import Settings
from nlq.translator import Translator
from nlq.types import SamplingParams
from tests.asking import ask, translator_of
from tests.fakes.sampler import ScriptedSampler
from tests.fakes.store import FakeStore
from tests.fakes.translator import FakeTranslator
from tests.support import library_engine

CRIME = '{"query":{"term":{"shelf":"Crime"}}}'
PREVIOUS = {"question": "books on crime", "query": json.loads(CRIME)}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sampler() -> ScriptedSampler:
    return ScriptedSampler([CRIME])


@pytest.fixture
def client(sampler: ScriptedSampler) -> Iterator[TestClient]:
    translator = Translator(library_engine(), sampler, FakeStore(), params=SamplingParams(n=1))
    with TestClient(create_app(translator, Settings(_env_file=None)), raise_server_exceptions=False) as client:
        yield client


def ask_key(client: TestClient, question: str, key: str, **headers: str) -> Any:
    return client.post("/library/nlq", json={"question": question}, headers={"Idempotency-Key": key, **headers})


@pytest.mark.parametrize("by", ["id", "value"])
def test_a_follow_up_shows_the_model_what_it_goes_on_from(
    client: TestClient, sampler: ScriptedSampler, by: str
) -> None:
    first = client.post("/library/nlq", json={"question": "books on crime"}).json()
    context = {"answer_id": first["id"]} if by == "id" else {"previous": PREVIOUS}
    response = client.post("/library/nlq/refine", json={"question": "only the long ones", **context})
    before, query, _ = sampler.requests[-1][0].tail

    assert response.status_code == 200
    assert response.json()["question"] == "only the long ones"
    assert before.content.endswith("Question: books on crime")
    assert json.loads(query.content) == PREVIOUS["query"]


def test_a_conversation_remembers_its_first_question(client: TestClient, sampler: ScriptedSampler) -> None:
    answer = client.post("/library/nlq", json={"question": "books on crime"}).json()
    for question in ("only the long ones", "and cheap"):
        asked = {"question": question, "answer_id": answer["id"]}
        answer = client.post("/library/nlq/refine", json=asked).json()

    assert sampler.requests[-1][0].tail[0].content.endswith("Question: books on crime; only the long ones")


@pytest.mark.parametrize(
    ("context", "said"),
    [
        ({}, "Send answer_id or previous, one of the two"),
        ({"answer_id": "x", "previous": PREVIOUS}, "Send answer_id or previous, one of the two"),
        ({"answer_id": "x"}, "answer_id: no answer of this index is kept under it (any more)"),
        ({"previous": {"question": "x"}}, "previous: is missing"),
        ({"previous": {"question": " ", "query": {}}}, "The question is empty"),
        ({"previous": {"question": "x", "query": {"query": {"term": {"no": 1}}}}}, "cannot be gone on from"),
    ],
    ids=["none", "both", "unknown", "half", "no words", "wrong query"],
)
def test_a_follow_up_to_nothing_is_told_what_to_send(client: TestClient, context: dict[str, Any], said: str) -> None:
    response = client.post("/library/nlq/refine", json={"question": "only the long ones", **context})

    assert response.status_code == 422
    assert said in response.json()["detail"]


def test_an_answer_of_another_index_is_no_context(client: TestClient) -> None:
    first = client.post("/library/nlq", json={"question": "books on crime"}).json()
    response = client.post("/lib*/nlq/refine", json={"question": "long ones", "answer_id": first["id"]})

    assert response.status_code == 422


def test_conversations_are_for_their_caller_and_for_an_hour(clock: Clock) -> None:
    answer = ask(translator_of(CRIME))
    kept = Conversations(most_chars=2000, clock=clock)
    kept.keep("me", answer, None, max_results=7)

    assert kept.get("me", answer.id, index="library").query == answer.query
    with pytest.raises(InputError):
        kept.get("you", answer.id, index="library")
    clock.now = answers.ANSWER_SECONDS + 1
    with pytest.raises(InputError):
        kept.get("me", answer.id, index="library")


def test_a_conversation_that_grows_too_long_forgets_its_beginning() -> None:
    answer = ask(translator_of(CRIME), "only the long ones")
    kept = Conversations(most_chars=30)
    kept.keep("me", answer, kept_before(), max_results=7)

    assert kept.get("me", answer.id, index="library").question == "only the long ones"


def test_a_limit_of_the_request_is_no_part_of_what_was_asked() -> None:
    answer = ask(translator_of(CRIME), "books on crime", max_results=3)
    kept = Conversations(most_chars=2000)
    kept.keep("me", answer, None, max_results=3)

    assert answer.query["size"] == 3
    assert "size" not in kept.get("me", answer.id, index="library").query


def kept_before() -> Any:
    kept = Conversations(most_chars=30)
    answer = ask(translator_of(CRIME), "books on crime, all of them")
    kept.keep("me", answer, None, max_results=7)
    return kept.get("me", answer.id, index="library")


def test_the_same_request_with_the_same_key_gets_the_same_answer(client: TestClient, sampler: ScriptedSampler) -> None:
    first, second = (ask_key(client, "books on crime", "k1") for _ in range(2))

    assert first.json() == second.json()
    assert len(sampler.requests) == 1
    assert ask_key(client, "books on crime", "k2").json()["id"] != first.json()["id"]
    assert client.post("/library/nlq", json={"question": "books on crime"}).json()["id"] != first.json()["id"]


def test_the_same_answer_is_streamed_as_its_last_event(client: TestClient) -> None:
    first = ask_key(client, "books on crime", "k1").json()
    again = ask_key(client, "books on crime", "k1", Accept="text/event-stream")

    assert again.headers["content-type"].startswith("text/event-stream")
    assert json.loads(again.text.removeprefix("event: answer\ndata: ")) == first


def test_a_key_that_came_with_another_request_is_refused(client: TestClient) -> None:
    ask_key(client, "books on crime", "k1")
    response = ask_key(client, "books on travel", "k1")

    assert response.status_code == 422
    assert response.json()["detail"] == (
        "Idempotency-Key: came with another request before; send a new key with each question."
    )


@pytest.mark.parametrize("question", [" ", "hopeless"], ids=["refused", "failed"])
def test_a_key_of_a_request_without_an_answer_is_as_new(question: str) -> None:
    translator = FakeTranslator()
    with TestClient(create_app(translator, Settings(_env_file=None)), raise_server_exceptions=False) as client:
        first = client.post("/movies/nlq", json={"question": question}, headers={"Idempotency-Key": "k1"})
        second = client.post("/movies/nlq", json={"question": "the hobbit"}, headers={"Idempotency-Key": "k1"})

    assert first.status_code == 422
    assert second.status_code == 200


def test_a_request_that_is_being_answered_is_not_sought_twice() -> None:
    replays = Replays()
    replays.begin("me", "k1", "a question")

    with pytest.raises(HTTPException) as refused:
        replays.begin("me", "k1", "a question")

    assert (refused.value.status_code, refused.value.headers) == (409, {"Retry-After": "1"})


def test_keys_are_for_their_caller_and_for_some_minutes(clock: Clock) -> None:
    answer = ask(translator_of(CRIME))
    replays = Replays(clock=clock)
    replays.begin("me", "k1", "a question")
    replays.end("me", "k1", answer)

    assert replays.begin("you", "k1", "another question") is None
    assert replays.begin("me", "k1", "a question") is answer
    clock.now = answers.REPLAY_SECONDS + 1
    assert replays.begin("me", "k1", "another question") is None


def test_the_oldest_keys_are_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "MOST_REPLAYS", 2)
    answer, replays = ask(translator_of(CRIME)), Replays()
    for key in ("k1", "k2", "k3"):
        replays.begin("me", key, "a question")
        replays.end("me", key, answer)

    assert replays.begin("me", "k3", "a question") is answer
    assert replays.begin("me", "k1", "a question") is None
