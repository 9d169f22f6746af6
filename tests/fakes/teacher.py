"""A server that speaks the OpenAI protocol with recorded answers, and parts for seeding without a model."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from nlq.json_schema import minified
from nlq.seeding.backtranslate import literals
from nlq.types import Body, Candidate, Prompt, SamplingParams, State
from tests.fakes.engine import FakeEngine
from tests.fakes.store import FakeStore

MAPPINGS: Body = {
    "properties": {
        "title": {"type": "text", "fields": {"keyword": {"type": "keyword"}}},
        "city": {"type": "keyword"},
        "stars": {"type": "integer"},
        "price": {"type": "double"},
        "open": {"type": "boolean"},
        "built": {"type": "date"},
        "phone": {"type": "keyword"},
    }
}
CITIES = ("Oslo", "Lima", "Kyoto", "Porto")
WORDS = ("harbour", "garden", "station", "castle", "river", "palace", "bridge", "market")


def hotels_engine(documents: int = 40) -> FakeEngine:
    """A fake engine that holds an index ``hotels`` large enough to draw from."""
    engine, rng = FakeEngine(), random.Random(3)
    rows = []
    for number in range(documents):
        name = f"{rng.choice(WORDS)} {rng.choice(WORDS)} {rng.choice(WORDS)}"
        row: Body = {"title": name, "city": rng.choice(CITIES), "stars": rng.randint(1, 5), "open": rng.random() < 0.5}
        row |= {"price": round(rng.uniform(40, 400), 2), "built": f"{rng.randint(1990, 2020)}-0{rng.randint(1, 9)}-11"}
        rows.append((str(number), row | ({"phone": f"555-{number:04}"} if number % 3 else {})))
    engine.load("hotels", mappings=MAPPINGS, documents=rows)
    return engine


class KeptStore(FakeStore):
    """Tells with which author and state each question was added."""

    @property
    def states(self) -> dict[str, tuple[str, State]]:
        return {r.example.question: (r.author, r.state) for r in self.page(limit=10_000) if r.author}


class WordySampler:
    """Puts a query into words that hold all its values, and answers these words with the query again; every
    ``forgets``-th question, and those it does not know, with a count of everything."""

    name = "wordy"

    def __init__(self, *, forgets: int = 0) -> None:
        self.forgets = forgets
        self.asked: list[str] = []
        self._queries: dict[str, str] = {}
        self._lock = threading.Lock()

    def sample(self, prompt: Prompt, schema: Body | None, params: SamplingParams) -> Iterator[Candidate]:
        last = prompt.tail[-1].content
        if schema is None:
            query = next(line for line in last.splitlines() if line.startswith("Query: ")).removeprefix("Query: ")
            return iter([Candidate(self._words(query), -0.1)] * params.n)
        question = last.rsplit("Question: ", 1)[1]
        self.asked.append(question)
        forgotten = self.forgets and len(set(self.asked)) % self.forgets == 0
        everything = '{"query":{"match_all":{}},"size":0}'
        text = everything if forgotten else self._queries.get(question, everything)
        return iter([Candidate(text, -0.1)] * params.n)

    def learn(self, question: str, query: Body) -> None:
        self._queries[question] = minified(query)

    def warm(self, prompt: Prompt) -> None: ...

    def ready(self) -> None: ...

    def close(self) -> None: ...

    def _words(self, query: str) -> str:
        said = [
            " ".join(v) if isinstance(v, tuple) else f"{v:g}" if isinstance(v, float) else str(v)
            for v in literals(json.loads(query))
        ]
        with self._lock:
            text = f"{random.Random(query).choice(WORDS)} {random.Random(query).random()!s:.6} ".replace(".", "")
            text += f"places with {' and '.join(said) or 'anything'}"
            self._queries[" ".join(text.split())] = query
        return text


def completion(text: str, *, tokens: tuple[int, int] | None = (900, 300)) -> Body:
    """The body of an answer that says ``text``."""
    usage = {"usage": {"prompt_tokens": tokens[0], "completion_tokens": tokens[1]}} if tokens else {}
    return {"choices": [{"index": 0, "message": {"content": text}, "finish_reason": "stop"}], **usage}


def spelled(text: str | Body) -> str:
    """A text of a fixture, where a long one is spelled {"times": number, "of": text}."""
    return text if isinstance(text, str) else text["of"] * int(text["times"])


class TeacherServer:
    """Plays recorded answers in order, the last one again and again; ``requests`` keeps what was sent.

    An answer: {"status": 200, "headers": {}, "json" or "raw": body}, and how it misbehaves: "dies" (the connection
    closes before a byte), "breaks" (after half of the body), "drips" (every byte is a chunk of its own).
    """

    def __init__(self, answers: Sequence[Body]) -> None:
        self.answers = list(answers)
        self.requests: list[Body] = []
        self.keys: list[str | None] = []
        self.lock = threading.Lock()

    def next(self) -> Body:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    @contextmanager
    def served(self) -> Iterator[str]:
        """The base URL, served until the end of the block."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        teacher = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with teacher.lock:
                    teacher.requests.append({"path": self.path, **body})
                    teacher.keys.append(self.headers.get("Authorization"))
                    answer = teacher.next()
                if answer.get("dies"):
                    self.close_connection = True
                    return
                self._answer(answer)

            def _answer(self, answer: Body) -> None:
                content = spelled(answer["raw"]).encode() if "raw" in answer else json.dumps(answer["json"]).encode()
                self.send_response(answer.get("status", 200))
                for name, value in answer.get("headers", {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                try:
                    if answer.get("drips"):
                        for at in range(len(content)):
                            self.wfile.write(content[at : at + 1])
                            self.wfile.flush()
                    else:
                        self.wfile.write(content[: len(content) // 2] if answer.get("breaks") else content)
                except OSError:
                    pass  # the client has gone
                self.close_connection = bool(answer.get("breaks"))

            def log_message(self, *arguments: Any) -> None:
                pass

        return Handler
