"""Records, request ids and measurements of requests."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.logs import checked_id, configure
from nlq.errors import SamplerError
from nlq.settings import Settings
from nlq.timings import Timings
from tests.fakes.translator import FakeTranslator

SECRET = "who earns more than the boss"


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What the service writes; the logging of the tests is put back afterwards."""
    root, nlq = logging.getLogger(), logging.getLogger("nlq")
    kept = root.handlers[:], root.level, nlq.level
    root.handlers[:] = []
    stream = io.StringIO()
    configure("info", stream=stream)
    yield stream
    root.handlers[:], root.level, nlq.level = kept


def service(**settings: Any) -> TestClient:
    app = create_app(FakeTranslator(), Settings(_env_file=None, **settings))
    return TestClient(app, raise_server_exceptions=False)


def records(written: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


def test_a_request_leaves_one_record_with_its_id_route_status_and_seconds(written: io.StringIO) -> None:
    with service() as client:
        client.get("/movies/mapping", headers={"X-Request-ID": "abc-1"})
    [record] = records(written)

    assert record.pop("seconds") >= 0
    assert record.pop("time")
    assert record == {
        "level": "INFO",
        "logger": "nlq.requests",
        "event": "request",
        "request_id": "abc-1",
        "method": "GET",
        "route": "/{index}/mapping",
        "status": 200,
    }


def test_a_question_leaves_a_record_of_what_it_cost_and_how_its_candidates_ended(written: io.StringIO) -> None:
    with service() as client:
        client.post("/movies/nlq", json={"question": "the hobbit"})
    [record] = [r for r in records(written) if r["event"] == "question"]

    assert (record["end"], record["index"], record["samples"], record["total"]) == ("answered", "movies", 5, 42)
    assert record["outcomes"] == {"executed": 4, "invalid": 1}
    assert record["seconds"] == {"sampling": 1.5}


def test_the_record_of_a_question_has_the_id_of_its_request(written: io.StringIO) -> None:
    with service() as client:
        client.post("/movies/nlq", json={"question": "the hobbit"}, headers={"X-Request-ID": "abc-3"})

    assert {(r["event"], r["request_id"]) for r in records(written)} == {("question", "abc-3"), ("request", "abc-3")}


def test_a_question_is_counted_in_the_stage_it_is_in(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    app = create_app(FakeTranslator(), Settings(_env_file=None))
    with TestClient(app) as client:

        def translate(*_: object, **__: object) -> None:
            with Timings(lambda: 0.0)("sample"):
                seen.append(client.get("/metrics").text)
            raise SamplerError("The model server does not answer.")

        monkeypatch.setattr("tests.fakes.translator.FakeTranslator.translate", translate)
        client.post("/movies/nlq", json={"question": "the hobbit"})
        after = client.get("/metrics").text

    assert 'nlq_stage_in_flight{stage="sample"} 1.0' in seen[0]
    assert 'nlq_stage_in_flight{stage="sample"} 0.0' in after


@pytest.mark.parametrize("body", [{"question": SECRET}, {"question": f"hopeless {SECRET}"}, {"wrong": SECRET}])
def test_no_record_holds_the_text_of_a_question(written: io.StringIO, body: dict[str, str]) -> None:
    with service() as client:
        client.post("/movies/nlq", json=body)
        client.get("/", params={"q": SECRET})
        client.get(f"/{SECRET}/x/y")

    assert len(records(written)) >= 3
    assert SECRET not in written.getvalue()
    assert "boss" not in written.getvalue()


def test_a_question_is_recorded_where_that_is_allowed(written: io.StringIO) -> None:
    with service(log_questions=True) as client:
        client.post("/movies/nlq", json={"question": SECRET})
    [record] = [r for r in records(written) if r["event"] == "question"]

    assert record["question"] == SECRET
    assert json.loads(record["query"])["query"] == {"match": {"title": "hobbit"}}


def test_requests_of_machines_that_ask_whether_all_is_well_leave_no_record(written: io.StringIO) -> None:
    with service() as client:
        for path in ("/healthz", "/readyz", "/metrics"):
            client.get(path)

    assert written.getvalue() == ""


def test_an_error_that_nobody_foresaw_is_recorded_with_its_request(
    written: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.fakes.translator.FakeEngine.mapping", lambda *_: 1 / 0)
    with service() as client:
        response = client.get("/movies/mapping", headers={"X-Request-ID": "abc-2"})
    request, error = records(written)

    assert (request["level"], request["status"]) == ("ERROR", 500)
    assert (error["request_id"], request["request_id"]) == ("abc-2", "abc-2")
    assert response.json()["id"] in error["event"]
    assert "ZeroDivisionError" in error["traceback"]


def test_an_id_that_was_sent_comes_back() -> None:
    with service() as client:
        assert client.get("/healthz", headers={"X-Request-ID": "a.b:c_d-1"}).headers["X-Request-ID"] == "a.b:c_d-1"


@pytest.mark.parametrize("sent", ["", "-", "a b", "x" * 65, 'a"b', "a\nb", "ünï", "{a}"])
def test_an_id_that_cannot_stand_in_a_record_is_replaced(sent: str) -> None:
    made = checked_id(sent)

    assert made != sent
    assert len(made) == 32
    assert checked_id("") != made


def test_requests_are_measured_by_the_templates_of_their_paths() -> None:
    with service() as client:
        client.get("/movies/mapping")
        client.get("/articles/mapping")
        client.get("/a/b/c/d")
        client.request("BREW", "/movies/mapping")
        client.get("/_static/app.js")
        text = client.get("/metrics").text

    assert 'nlq_http_seconds_count{method="GET",route="/{index}/mapping",status="200"} 2.0' in text
    assert 'nlq_http_seconds_count{method="GET",route="unmatched",status="404"} 1.0' in text
    assert 'nlq_http_seconds_count{method="other",route="/{index}/mapping",status="405"} 1.0' in text
    assert 'nlq_http_seconds_count{method="GET",route="/_static",status="200"} 1.0' in text
    assert "nlq_http_in_flight 1.0" in text


def test_answers_are_measured_by_what_they_cost_and_how_sure_they_are() -> None:
    with service() as client:
        client.post("/movies/nlq", json={"question": "the hobbit"})
        client.post("/movies/nlq", json={"question": "nothing of it"})
        text = client.get("/metrics").text

    assert 'nlq_candidates_total{origin="sampled",outcome="invalid"} 2.0' in text
    assert "nlq_samples_sum 10.0" in text
    assert "nlq_groups_sum 4.0" in text
    assert "nlq_confidence_count 2.0" in text
    assert "nlq_empty_answers_total 1.0" in text
    assert 'nlq_stage_seconds_sum{stage="sampling"} 3.0' in text
