"""Files of version 1 become files of this version."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from pathlib import Path

import pytest

from examples_db import schema
from examples_db.retrieve import Ranking
from examples_db.store import SqliteStore
from nlq.types import Example, Record, State
from tests.fakes.embedder import HashEmbedder

VERSION_1 = """
    CREATE TABLE example (
        id INTEGER PRIMARY KEY, question TEXT NOT NULL, query TEXT NOT NULL, "index" TEXT NOT NULL,
        fields TEXT NOT NULL, source TEXT NOT NULL, created TEXT NOT NULL, embedder TEXT, hash TEXT, vector BLOB,
        UNIQUE (question, "index", query)
    ) STRICT;
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
    INSERT INTO meta VALUES ('source:seed', 'version of the seeds');
    PRAGMA application_id = 0x6E6C7131;
    PRAGMA user_version = 1;
    PRAGMA journal_mode = WAL;
"""
EXAMPLES = (
    Example("orders above 50", {"query": {"range": {"total": {"gt": 50}}}}, "orders", ("total:double",), "hand", "3"),
    Example("orders above 70", {"query": {"range": {"total": {"gt": 70}}}}, "orders", ("total:double",), "seed", "4"),
    Example("who paid", {"query": {"match_all": {}}, "size": 0}, "orders", (), "import", "9"),
)
PATTERNS = ("orders above [number]", "orders above [number]", None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "examples.db"
    embedder = HashEmbedder()
    connection = sqlite3.connect(path)
    connection.executescript(VERSION_1)
    for example, pattern in zip(EXAMPLES, PATTERNS, strict=True):
        query = json.dumps(example.query, separators=(",", ":"))
        made = (None, None, None)
        if pattern:
            vector = embedder.encode([pattern])[0].tobytes()
            made = (embedder.id, hashlib.sha256(pattern.encode()).hexdigest(), vector)  # type: ignore[assignment]
        values = (int(example.id), example.question, query, example.index, json.dumps(example.fields), example.source)
        created = "2026-01-31T12:00:00+00:00"
        connection.execute("INSERT INTO example VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (*values, created, *made))
    connection.commit()
    connection.close()
    return path


def test_examples_of_version_1_are_kept(path: Path) -> None:
    store = SqliteStore.open(path, HashEmbedder())
    found = store.page()
    version = store.source_version("seed")
    store.close()

    assert tuple(record.example for record in found) == EXAMPLES
    assert found[0] == Record(
        EXAMPLES[0],
        found[0].etag,
        state=State.UNCHECKED,
        created="2026-01-31T12:00:00+00:00",
        updated="2026-01-31T12:00:00+00:00",
    )
    assert version == "version of the seeds"


def test_vectors_of_version_1_are_used(path: Path) -> None:
    embedder = HashEmbedder()
    store = SqliteStore.open(path, embedder, ranking=Ranking(floor=-1))
    found = store.nearest("orders above 7", 3)
    store.close()

    assert [e.question for e in found] == ["orders above 50", "who paid"]
    assert embedder.encoded == ["who paid", "orders above [number]"]


def test_what_is_added_afterwards_is_known_and_new(path: Path) -> None:
    store = SqliteStore.open(path, HashEmbedder())
    new = store.add([*EXAMPLES, Example("what is late", {}, "orders")])
    last = store.page()[-1]
    store.close()

    assert new == 1
    assert last.example.id == "10"


def test_a_migration_that_dies_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(connection: sqlite3.Connection) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(schema, "_move_from_1", die)
        with pytest.raises(KeyboardInterrupt):
            SqliteStore.open(path, HashEmbedder())
    connection = sqlite3.connect(path)
    before = connection.execute("PRAGMA user_version").fetchone()
    connection.close()
    store = SqliteStore.open(path, HashEmbedder())
    count = store.count()
    store.close()

    assert before == (1,)
    assert count == 3
