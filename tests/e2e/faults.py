"""What the tests of faults break: a service of its own process, with a model server and a way to Elasticsearch that
fail on demand."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from nlq.types import Body

ROOT = Path(__file__).parents[2]
START_SECONDS = 180.0
ES_SECONDS = 4
"""What the service waits for Elasticsearch."""

PATIENCE = 60.0
"""Seconds after which a request counts as hanging, on a machine that does other things too."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class ModelServer:
    """An OpenAI-compatible server whose model always writes ``text``.

    It answers while ``flowing`` is set; ``asked`` is set when a question came; ``prompts`` keeps their messages.
    """

    def __init__(self) -> None:
        self.text = ""
        self.prompts: list[str] = []
        self.flowing = threading.Event()
        self.flowing.set()
        self.asked = threading.Event()
        self._port = free_port()
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

    def start(self) -> None:
        """Listen; nothing happens where it does."""
        if self._server:
            return
        model = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._send({"data": [{"id": "model"}]})

            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                model.prompts.append("\n".join(message["content"] for message in request["messages"]))
                model.asked.set()
                model.flowing.wait(PATIENCE)
                if model._server is None:
                    self.connection.shutdown(socket.SHUT_RDWR)  # as a process that is killed
                    return
                choice = {"message": {"content": model.text}, "finish_reason": "stop"}
                self._send({"choices": [choice] * request["n"]})

            def _send(self, answer: Body) -> None:
                content = json.dumps(answer).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                with suppress(BrokenPipeError, ConnectionResetError):
                    self.wfile.write(content)

            def log_message(self, *args: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

        self._server = Server(("127.0.0.1", self._port), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def die(self) -> None:
        """Nothing listens any more; what was being answered is cut off."""
        server, self._server = self._server, None
        if server:
            server.shutdown()
            server.server_close()
        self.flowing.set()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Questions that come in the block wait until its end."""
        self.asked.clear()
        self.flowing.clear()
        try:
            yield
        finally:
            self.flowing.set()


class SlowWay:
    """Passes bytes on to ``port`` of this machine; those that come back wait for ``delay`` seconds."""

    def __init__(self, port: int) -> None:
        self.delay = 0.0
        self._over = threading.Event()
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    @contextmanager
    def open(self) -> Iterator[None]:
        threading.Thread(target=self._accept, daemon=True).start()
        try:
            yield
        finally:
            self._over.set()
            self._listener.close()

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                near.close()
                continue
            for source, sink, slow in ((near, far, False), (far, near, True)):
                threading.Thread(target=self._pass, args=(source, sink), kwargs={"slow": slow}, daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, *, slow: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if slow and self.delay:
                    self._over.wait(self.delay)
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)  # ends the other direction too
        source.close()


class Service:
    """``nlq serve`` as a process of its own, its data in ``folder``."""

    def __init__(self, folder: Path, *, es_url: str, model_url: str) -> None:
        self._port = free_port()
        self._environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("NLQ_")},
            "NLQ_HOME": str(folder / "home"),
            "NLQ_EXAMPLES_DB": str(folder / "examples.db"),
            "NLQ_ES_URL": es_url,
            "NLQ_ES_TIMEOUT": str(ES_SECONDS),
            "NLQ_SAMPLER": "openai",
            "NLQ_OPENAI_URL": model_url,
            "NLQ_MODEL": "model",
            "NLQ_N": "2",
            "NLQ_NEIGHBOURS": "0",
            "NLQ_CACHE_SIZE": "0",
        }
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self._port}", timeout=PATIENCE)
        self._running: tuple[subprocess.Popen[bytes], threading.Thread]

    @property
    def pid(self) -> int:
        return self._running[0].pid

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.e2e.faults_service", "serve", "--port", str(self._port)]
        # Its log goes into a pipe: a process that may write no files must not fail for that.
        process = subprocess.Popen(command, env=self._environ, cwd=ROOT, stderr=subprocess.PIPE)
        log: list[bytes] = []
        reader = threading.Thread(target=log.extend, args=(process.stderr,))
        reader.start()
        self._running = (process, reader)
        pause = threading.Event()
        for _ in range(int(START_SECONDS / 0.25)):
            assert process.poll() is None, b"".join(log).decode()
            with suppress(httpx.TransportError):
                if self.client.get("/readyz").status_code == 200:
                    return
            pause.wait(0.25)
        raise AssertionError(f"The service does not get ready: {b''.join(log).decode()[-2000:]}")

    def end(self, *, kill: bool = False) -> None:
        process, reader = self._running
        (process.kill if kill else process.terminate)()
        process.wait(PATIENCE)
        reader.join(PATIENCE)
        assert process.stderr
        process.stderr.close()

    def ask(self, question: str = "How many crime books are there?", *, index: str = "faults") -> httpx.Response:
        return self.client.post(f"/{index}/nlq", json={"question": question, "n": 2})

    def keep(self, question: str) -> httpx.Response:
        """Keep an example of an index that is nowhere, whose query therefore need not run."""
        query = {"query": {"term": {"shelf": question}}}
        return self.client.post("/examples", json={"question": question, "query": query, "index": "nowhere"})
