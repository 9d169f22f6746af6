"""Alive and ready: what /healthz and /readyz say, how often they ask and how long they wait."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.health import Readiness
from nlq.errors import EngineError, SamplerError
from nlq.settings import Settings
from tests.fakes.translator import FakeTranslator


@pytest.fixture
def translator() -> FakeTranslator:
    return FakeTranslator()


@pytest.fixture
def client(translator: FakeTranslator) -> Iterator[TestClient]:
    with TestClient(create_app(translator, Settings(_env_file=None))) as client:
        yield client


def test_a_ready_service_names_its_parts(client: TestClient) -> None:
    response = client.get("/readyz")

    assert response.status_code == 200
    assert response.json() == {
        "status": "ok",
        "parts": {
            "engine": {"status": "ok", "detail": "Elasticsearch 9.4.3"},
            "model": {"status": "ok", "detail": "fake model"},
            "examples": {"status": "ok", "detail": "1 examples"},
        },
    }


def test_one_part_that_is_down_makes_the_service_503_and_is_named(
    client: TestClient, translator: FakeTranslator
) -> None:
    translator.sampler.down = SamplerError("The model server does not answer.")
    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["parts"]["model"] == {"status": "down", "detail": "The model server does not answer."}
    assert response.json()["parts"]["engine"]["status"] == "ok"


def test_a_service_whose_parts_are_down_is_alive(client: TestClient, translator: FakeTranslator) -> None:
    translator.engine.down = EngineError("Elasticsearch does not answer.")
    translator.sampler.down = SamplerError("The model server does not answer.")
    response = client.get("/healthz")

    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_a_service_is_not_ready_before_its_model_is_warm(translator: FakeTranslator) -> None:
    warmed = threading.Event()
    with TestClient(create_app(translator, Settings(_env_file=None), warmed=warmed)) as client:
        before = client.get("/readyz")
        warmed.set()
        after = client.get("/readyz")

    assert before.status_code == 503
    assert before.json()["parts"]["model"] == {"status": "down", "detail": "It is warming up."}
    assert after.status_code == 200


def test_what_the_parts_said_is_given_again_for_a_second() -> None:
    asked: list[float] = []
    now = [0.0]

    def engine() -> str:
        asked.append(now[0])
        return "well"

    async def scenario() -> None:
        readiness = Readiness({"engine": engine}, kept=1, clock=lambda: now[0])
        for moment in (0.0, 0.5, 0.99, 1.0, 1.5, 2.5):
            now[0] = moment
            await readiness.report()

    asyncio.run(scenario())

    assert asked == [0.0, 1.0, 2.5]


def test_many_at_once_share_one_question() -> None:
    asked: list[int] = []

    async def scenario() -> None:
        readiness = Readiness({"engine": lambda: str(asked.append(1))})
        await asyncio.gather(*(readiness.report() for _ in range(20)))

    asyncio.run(scenario())

    assert asked == [1]


def test_a_part_that_does_not_answer_in_time_is_down_and_not_asked_twice() -> None:
    gate = threading.Event()
    asked: list[int] = []

    def model() -> str:
        asked.append(1)
        gate.wait(60)
        return "well"

    async def scenario() -> tuple[str, str, str]:
        readiness = Readiness({"model": model, "engine": lambda: "well"}, kept=0, longest=0.01)
        first = await readiness.report()
        second = await readiness.report()
        gate.set()
        while (third := await readiness.report())["model"]["status"] == "down":
            pass
        return first["engine"]["status"], second["model"]["detail"], third["model"]["detail"]

    engine, late, at_last = asyncio.run(scenario())

    assert engine == "ok"
    assert late == "It did not answer within 0.01 seconds."
    assert at_last == "well"
    assert len(asked) == 1
