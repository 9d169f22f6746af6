"""What several tests need: the fixture index and the lines of a JSONL fixture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

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
