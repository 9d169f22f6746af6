"""What several tests need: the fixture index, the lines of a JSONL fixture, an application over real HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI

from nlq.elastic.fields import flatten
from nlq.types import Body, IndexSchema
from tests.fakes.engine import FakeEngine

FIXTURES = Path(__file__).parent / "fixtures"


def lines(name: str) -> list[Any]:
    """The values of a JSONL fixture."""
    return [json.loads(line) for line in (FIXTURES / name).read_text(encoding="utf-8").splitlines()]


def library() -> Body:
    """The fixture index: {"mappings", "documents"}."""
    body: Body = json.loads((FIXTURES / "library_index.json").read_text(encoding="utf-8"))
    return body


def library_engine() -> FakeEngine:
    """A fake engine that holds the fixture index as ``library``."""
    engine = FakeEngine()
    index = library()
    documents = (({**d}.pop("_id"), {k: v for k, v in d.items() if k != "_id"}) for d in index["documents"])
    engine.load("library", mappings=index["mappings"], documents=documents)
    return engine


def library_schema() -> IndexSchema:
    return library_engine().schema("library")


def listings(engine: FakeEngine) -> int:
    """How often all values of an index were asked for: by terms that no question narrows, where no query ran."""
    aggs = [body["aggs"] for bodies in engine.bodies for body in bodies if "aggs" in body and "query" not in body]
    return sum(any("include" not in agg["terms"] for agg in each.values() if "terms" in agg) for each in aggs)


class _Server(uvicorn.Server):
    """Says when it listens, so that nobody has to poll."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = threading.Event()

    async def startup(self, sockets: list[Any] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """The URL of ``app`` on a free port, served until the end of the block."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, ws="none", log_level="error", timeout_graceful_shutdown=5)
    server = _Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert server.listening.wait(60)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def index_schema(name: str) -> IndexSchema:
    """A fixture index as an engine with the modules of the tests' node tells it; "full" as one that has all."""
    from tests.mappings import index

    modules = frozenset({"aggregations", "analysis-common", "lang-painless", "parent-join"})
    features = frozenset[str]() if name == "full" else modules
    return IndexSchema(name, flatten(index(name)["mappings"]), features=features, version="9.4.3")
