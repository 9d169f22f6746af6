"""Faults of what the service depends on, and of the service: a clear error in time, nothing lost, and no restart of the
service needed. The service, Elasticsearch and the network are real; the model's server says what it is told to.

The tests share one service: that it still answers is a part of each."""

from __future__ import annotations

import asyncio
import resource
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from nlq.elastic import node
from nlq.elastic.engine import ElasticEngine
from tests.e2e.faults import ES_SECONDS, PATIENCE, ModelServer, Service, SlowWay
from tests.support import library

pytestmark = pytest.mark.engine

COUNT = '{"query":{"term":{"shelf":"Crime"}},"size":0}'
CLIENTS = 200
PLACES = 9
"""Questions that are taken at a time: one is sampled, eight wait."""


@dataclass(slots=True)
class World:
    """``es`` is asked past the slow way."""

    service: Service
    model: ModelServer
    way: SlowWay
    es: httpx.Client

    def load(self) -> None:
        """The index ``faults``, as it is at first."""
        self.es.delete("/faults", params={"ignore_unavailable": True})
        index = library()
        documents = [({**d}.pop("_id"), {k: v for k, v in d.items() if k != "_id"}) for d in index["documents"]]
        engine = ElasticEngine.connect(str(self.es.base_url))
        engine.load("faults", mappings=index["mappings"], documents=documents)
        engine.close()

    def mend(self) -> None:
        """All but Elasticsearch itself."""
        self.way.delay = 0
        self.model.text = COUNT
        self.model.start()
        self.load()

    @contextmanager
    def asking(self) -> Iterator[Callable[[], httpx.Response]]:
        """A question whose candidates are being sampled in the block; what is yielded gives the answer behind it."""
        answers: list[httpx.Response] = []
        thread = threading.Thread(target=lambda: answers.append(self.service.ask()))
        with self.model.held():
            thread.start()
            assert self.model.asked.wait(PATIENCE)
            yield lambda: (thread.join(PATIENCE), answers[0])[1]
        thread.join(PATIENCE)


@pytest.fixture(scope="module")
def shared(engine_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with ExitStack() as parts:
        model, way = ModelServer(), SlowWay(urlsplit(engine_url).port or 0)
        parts.callback(model.die)
        parts.enter_context(way.open())
        es = parts.enter_context(httpx.Client(base_url=engine_url, timeout=PATIENCE))
        service = Service(tmp_path_factory.mktemp("service"), es_url=way.url, model_url=model.url)
        parts.enter_context(service.client)
        world = World(service, model, way, es)
        world.mend()
        parts.callback(es.delete, "/faults")
        parts.callback(service.end)
        service.start()
        yield world


@pytest.fixture
def world(shared: World) -> Iterator[World]:
    """In which nothing is broken before the test. What it broke is mended after it: then the service works again."""
    shared.load()
    works(shared)
    running = shared.service.pid
    yield shared
    shared.mend()
    works(shared)
    assert shared.service.pid == running


def works(world: World) -> None:
    answer = world.service.ask()
    assert answer.status_code == 200, answer.text
    assert answer.json()["response"]["total"] == 2


def told(response: httpx.Response, status: int) -> str:
    """The problem's detail: one sentence or two, and nothing of the inside."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    detail: str = response.json()["detail"]
    assert "Traceback" not in detail
    assert len(detail) < 400
    return detail


def test_a_slow_elasticsearch_is_not_waited_for(world: World) -> None:
    world.way.delay = 3 * ES_SECONDS
    said = told(world.service.ask(), 503)

    assert "took too long" in said
    assert "NLQ_ES_TIMEOUT" in said


def test_an_elasticsearch_that_gets_slow_while_candidates_are_sampled_is_not_waited_for(world: World) -> None:
    with world.asking() as answer:
        world.way.delay = 3 * ES_SECONDS
    said = told(answer(), 422)

    assert f"took longer than {ES_SECONDS} s" in said


def test_a_mapping_that_changes_between_two_questions_is_seen_by_the_second(world: World) -> None:
    world.es.put("/faults/_mapping", json={"properties": {"mood": {"type": "keyword"}}}).raise_for_status()
    world.es.post("/faults/_doc", json={"mood": "calm"}, params={"refresh": True}).raise_for_status()
    world.model.text = '{"query":{"term":{"mood":"calm"}}}'
    answer = world.service.ask("calm books").json()

    assert answer["response"]["total"] == 1
    assert "mood keyword" in world.model.prompts[-1]


def test_a_deleted_index_is_not_found_and_a_new_one_of_its_name_is(world: World) -> None:
    world.es.delete("/faults").raise_for_status()
    said = told(world.service.ask(), 404)
    world.load()

    assert "'faults'" in said
    works(world)


def test_an_index_that_is_deleted_while_candidates_are_sampled_is_not_found(world: World) -> None:
    with world.asking() as answer:
        world.es.delete("/faults").raise_for_status()
    said = told(answer(), 404)

    assert "'faults'" in said


def test_a_dead_model_server_is_named(world: World) -> None:
    world.model.die()
    said = told(world.service.ask(), 503)

    assert "NLQ_OPENAI_URL" in said
    assert world.service.client.get("/healthz").status_code == 200


def test_a_model_server_that_dies_while_it_answers_is_named(world: World) -> None:
    with world.asking() as answer:
        world.model.die()
    said = told(answer(), 503)

    assert "NLQ_OPENAI_URL" in said


def test_of_200_clients_at_once_each_gets_an_answer_or_is_told_when_to_come_again(world: World) -> None:
    async def everybody() -> list[httpx.Response]:
        limits = httpx.Limits(max_connections=CLIENTS)
        async with httpx.AsyncClient(base_url=world.service.client.base_url, timeout=PATIENCE, limits=limits) as http:
            asked = {"question": "How many crime books are there?", "n": 2}
            return await asyncio.gather(*(http.post("/faults/nlq", json=asked) for _ in range(CLIENTS)))

    answers = asyncio.run(everybody())
    given = [answer for answer in answers if answer.status_code == 200]
    refused = [answer for answer in answers if answer.status_code != 200]

    assert len(given) >= PLACES
    assert all(answer.json()["response"]["total"] == 2 for answer in given)
    assert refused
    for answer in refused:
        assert "ask again" in told(answer, 429)
        assert int(answer.headers["Retry-After"]) >= 1


def test_where_nothing_more_can_be_written_examples_are_refused_and_questions_answered(world: World) -> None:
    """A file size of 0 stands for a full disk: SQLite meets both as a write that fails."""
    kept = world.service.keep("before the disk was full").json()
    limits = resource.prlimit(world.service.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(world.service.pid, resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        said = told(world.service.keep("while the disk was full"), 503)
        works(world)
        still = world.service.client.get(f"/examples/{kept['id']}")
    finally:
        resource.prlimit(world.service.pid, resource.RLIMIT_FSIZE, limits)

    assert "free space" in said
    assert still.status_code == 200
    assert world.service.keep("while the disk was full").status_code == 201
    assert _questions(world) == ["before the disk was full", "while the disk was full"]


def test_a_killed_service_starts_again_with_every_example_that_it_said_it_kept(shared: World) -> None:
    before = _questions(shared)
    acknowledged: list[str] = []
    enough = threading.Event()

    def keep_on() -> None:
        for number in count():
            question = f"killed {number}"
            try:
                response = shared.service.keep(question)
            except httpx.TransportError:
                return
            assert response.status_code == 201
            acknowledged.append(question)
            if number == 5:
                enough.set()

    keeping = threading.Thread(target=keep_on)
    keeping.start()
    assert enough.wait(PATIENCE)
    shared.service.end(kill=True)
    keeping.join(PATIENCE)
    shared.service.start()
    after = _questions(shared)

    works(shared)
    assert after[: len(before) + len(acknowledged)] == before + acknowledged
    assert len(after) <= len(before) + len(acknowledged) + 1  # one may be kept without having been said so


def test_elasticsearch_may_stop_while_a_question_is_answered_and_come_back(world: World, home: Path) -> None:
    port = world.es.base_url.port or 0
    try:
        with world.asking() as answer:
            node.stop(home / "tests")
        during, gone = told(answer(), 503), told(world.service.ask(), 503)
        alive = world.service.client.get("/healthz")
        examples = world.service.client.get("/examples")
    finally:
        node.start(home / "tests", port=port)

    assert "does not answer" in during
    assert "does not answer" in gone
    assert (alive.status_code, examples.status_code) == (200, 200)


def _questions(world: World) -> list[str]:
    """Of the examples that were kept here, in their order."""
    found: list[str] = []
    asked: dict[str, Any] = {"index": "nowhere", "limit": 200}
    while True:
        page = world.service.client.get("/examples", params=asked).json()
        found += [example["question"] for example in page["examples"]]
        if page["next"] is None:
            return found
        asked["after"] = page["next"]
