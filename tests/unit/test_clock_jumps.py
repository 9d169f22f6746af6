"""The clock of the machine is set, back or forth, while the service runs: dates follow it, durations do not."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import examples_db.rows
from examples_db.store import SqliteStore
from nlq.access.callers import Action, CredentialsError, Grant
from nlq.access.keys import KeyStore
from nlq.errors import ConflictError
from nlq.types import Example
from tests.asking import ask, translator_of
from tests.fakes.embedder import HashEmbedder
from tests.support import listings

ROOT = Path(__file__).parents[2]
LAST_MONTH = '{"query":{"range":{"bought":{"gte":"now-1M/M","lt":"now/M"}}},"_source":["title"]}'
BEFORE, AFTER = datetime(2020, 2, 10, tzinfo=UTC), datetime(2020, 8, 31, tzinfo=UTC)


class Clock:
    """Shows ``now``."""

    def __init__(self, now: datetime = BEFORE) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def test_relative_dates_follow_the_clock_both_ways() -> None:
    clock = Clock()
    translator = translator_of(LAST_MONTH, now=clock)
    found = []
    for clock.now in (BEFORE, AFTER, BEFORE):
        answer = ask(translator, "books bought last month")
        found.append([hit["_id"] for hit in answer.result.hits])

        assert all(seconds >= 0 for seconds in answer.timings.values())

    assert found == [["3"], ["2"], ["3"]]
    assert listings(translator.engine) == 1  # type: ignore[arg-type]  # the values kept for minutes are kept still


def test_a_key_lives_by_the_date_that_the_clock_shows(tmp_path: Path) -> None:
    clock = Clock()
    keys = KeyStore(tmp_path / "keys.db", now=clock)
    secret, _ = keys.add("team", Grant(("*",), frozenset({Action.ASK})), lifetime=timedelta(days=30))

    clock.now = BEFORE - timedelta(days=3650)
    assert keys.caller(secret).name == "team"
    clock.now = AFTER
    with pytest.raises(CredentialsError, match="expired"):
        keys.caller(secret)
    clock.now = BEFORE
    assert keys.caller(secret).name == "team"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore.open(tmp_path / "examples.db", HashEmbedder())
    yield store
    store.close()


def test_examples_keep_their_order_and_edits_are_noticed_when_the_clock_goes_back(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = (Example(f"question {n}", {"size": n}, "shop") for n in range(3))
    store.add([first])
    monkeypatch.setattr(examples_db.rows, "now", lambda: "1990-01-01T00:00:00.000000+00:00")
    store.add([second])
    [seen, _] = store.page()
    edited = store.edit(seen.example.id, third, etag=seen.etag)
    again = store.edit(seen.example.id, first, etag=edited.etag)

    assert [record.example.question for record in store.page()] == ["question 0", "question 1"]
    assert len({seen.etag, edited.etag, again.etag}) == 3
    with pytest.raises(ConflictError):
        store.edit(seen.example.id, third, etag=edited.etag)


def test_nothing_measures_seconds_with_a_clock_that_can_be_set() -> None:
    asked = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for package in ("nlq", "api", "examples_db")
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {"time.time", "datetime.utcnow", "time.clock"}
    ]

    assert asked == []
