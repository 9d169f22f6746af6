"""Spans of requests and of the stages of questions."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from api.app import create_app
from api.traces import Tracing, open_tracing
from nlq.errors import ConfigError
from nlq.settings import Settings
from nlq.timings import Timings
from tests.fakes.translator import FakeTranslator


def spans_of(use: Callable[[FastAPI, TestClient], object]) -> list[ReadableSpan]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    app = create_app(FakeTranslator(), Settings(_env_file=None), tracing=Tracing(provider))
    with TestClient(app) as client:
        use(app, client)
        return list(exporter.get_finished_spans())


def test_a_request_is_a_span_named_by_its_route() -> None:
    [span] = spans_of(lambda _, client: client.get("/movies/mapping"))

    assert span.name == "GET /{index}/mapping"
    assert span.attributes is not None
    assert span.attributes["http.response.status_code"] == 200


def test_a_stage_is_a_span_below_its_request() -> None:
    def use(app: FastAPI, client: TestClient) -> None:
        @app.get("/a/stage/of/it")
        def staged() -> None:
            with Timings(lambda: 0.0)("verify"):
                pass

        client.get("/a/stage/of/it")

    stage, request = spans_of(use)

    assert stage.name == "nlq.verify"
    assert stage.parent is not None and request.context is not None
    assert stage.parent.span_id == request.context.span_id


def test_a_trace_that_the_caller_began_goes_on() -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    [span] = spans_of(lambda _, client: client.get("/indexes", headers=headers))

    assert span.context is not None
    assert f"{span.context.trace_id:032x}" == trace


def test_no_span_holds_the_text_of_a_question() -> None:
    spans = spans_of(
        lambda _, client: [
            client.get("/", params={"q": "who earns most"}),
            client.post("/movies/nlq", json={"question": "who earns most"}),
            client.post("/movies/nlq", json={"wrong": "who earns most"}),
        ]
    )

    assert len(spans) == 3
    assert "earns" not in "".join(span.to_json() for span in spans)


def test_a_stage_that_fails_names_the_kind_of_error_alone() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with pytest.raises(ValueError, match="private"), Tracing(provider).stage("sample"):
        raise ValueError("private")
    [span] = exporter.get_finished_spans()

    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes == {"error.type": "ValueError"}
    assert "private" not in span.to_json()


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_asking_whether_all_is_well_is_no_trace(path: str) -> None:
    assert spans_of(lambda _, client: client.get(path)) == []


def test_spans_are_sent_where_the_standard_variable_says(monkeypatch: pytest.MonkeyPatch) -> None:
    received: list[tuple[str, bytes]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Collector) as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{collector.server_port}")
        thread = threading.Thread(target=collector.handle_request)
        thread.start()
        tracing = open_tracing()
        with tracing.stage("verify"):
            pass
        tracing.close()
        thread.join()
    [(path, spans)] = received

    assert path == "/v1/traces"
    assert b"nlq.verify" in spans


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)

    with pytest.raises(ConfigError, match="the extra otel"):
        open_tracing()
