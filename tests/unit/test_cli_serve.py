"""``nlq serve``: warming beside the service, ending with what runs."""

from __future__ import annotations

import signal
import sys
import threading
from typing import Any

import httpx
import pytest

from api.graceful import Server
from nlq.cli.serve import http_server, warming
from nlq.errors import ConfigError, SamplerError
from nlq.settings import Settings
from tests.fakes.translator import FakeTranslator

ANY_PORT: dict[str, Any] = {"port": 0, "_env_file": None}


class Warm:
    """A translator that can be warmed after ``failures`` attempts."""

    def __init__(self, failures: int = 0) -> None:
        self.attempts = 0
        self._failures = failures

    def warm(self) -> None:
        self.attempts += 1
        if self.attempts <= self._failures:
            raise SamplerError("The model server does not answer.")


def test_a_warm_up_that_fails_is_tried_again() -> None:
    translator, warmed = Warm(failures=2), threading.Event()
    with warming(translator, warmed, again=0):
        assert warmed.wait(60)

    assert translator.attempts == 3


def test_the_end_of_the_service_ends_the_attempts_to_warm_up() -> None:
    translator, warmed = Warm(failures=1), threading.Event()
    with warming(translator, warmed, again=3600):
        pass

    assert translator.attempts <= 1
    assert not warmed.is_set()


def test_a_server_that_is_told_to_end_finishes_a_streamed_answer() -> None:
    translator = FakeTranslator()
    translator.gate.clear()
    server = http_server(translator, Settings(**ANY_PORT))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.01)
    url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    ask = {"question": "the hobbit"}
    with httpx.stream("POST", f"{url}/movies/nlq", json=ask, headers={"Accept": "text/event-stream"}) as answer:
        lines = answer.iter_lines()
        first = next(lines)
        server.should_exit = True
        while server.servers[0].is_serving():
            thread.join(0.01)
        translator.gate.set()
        rest = list(lines)
    thread.join()

    assert first == "event: schema"
    assert "event: answer" in rest
    assert translator.ended == ["answer"]


def test_the_second_signal_ends_the_process_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    monkeypatch.setattr("os._exit", ended.append)
    server = http_server(FakeTranslator(), Settings(**ANY_PORT))
    assert isinstance(server, Server)
    server.handle_exit(signal.SIGTERM, None)
    once = list(ended)
    server.handle_exit(signal.SIGTERM, None)

    assert server.should_exit
    assert (once, ended) == ([], [143])


def test_traces_without_their_extra_are_refused_before_anything_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)

    with pytest.raises(ConfigError, match="otel"):
        http_server(FakeTranslator(), Settings(otel=True, **ANY_PORT))
