"""Examples are checked before they are kept, and again whenever they are verified."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from nlq.curation import APPROVED, TOGETHER, Curator, nearest
from nlq.errors import ConflictError, InputError, UnknownExampleError, UnknownIndexError
from nlq.types import Body, Example, ExampleFilter, Failure, Outcome, Result, State
from nlq.written import as_written
from tests.fakes.engine import VERSION, FakeEngine
from tests.fakes.store import FakeStore
from tests.support import library_engine, lines

CRIME: Body = {"query": {"term": {"shelf": "Crime"}}}
NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)


class SlowEngine(FakeEngine):
    """Runs out of time whenever it is sent a query for ``slow`` together with others, or alone too."""

    def __init__(self, slow: str, *, alone: bool) -> None:
        super().__init__()
        self._slow, self._alone = slow, alone

    def search(self, index: str, bodies: Sequence[Body], *, timeout: float) -> Sequence[Result | Failure]:
        if any(self._slow in json.dumps(body) for body in bodies) and (self._alone or len(bodies) > 1):
            return [Failure(Outcome.TIMED_OUT, "The search took longer than 5 s.")] * len(bodies)
        return super().search(index, bodies, timeout=timeout)


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def curator(store: FakeStore) -> Curator:
    return Curator(library_engine(), store, now=lambda: NOW)


def of(query: Any = None, *, question: str = "crime novels", index: str = "library", **more: Any) -> Example:
    return Example(question, CRIME if query is None else query, index, **more)


def shelf(name: str) -> Body:
    return {"query": {"term": {"shelf": name}}}


def test_what_passes_is_kept_verified_on_the_engines_version(curator: Curator) -> None:
    record, new = curator.keep(of(), tags=["books"], author="ann")

    assert new
    assert (record.state, record.engine, record.tags, record.author) == (State.VERIFIED, VERSION, ("books",), "ann")
    assert record.example.query == CRIME


def test_what_is_kept_is_canonical_and_knows_the_fields_of_its_index(curator: Curator) -> None:
    record, _ = curator.keep(of({"track_total_hits": True, "query": {"bool": {"filter": [CRIME["query"]]}}}))

    assert record.example.query == CRIME
    assert "shelf:keyword" in record.example.fields


def test_what_is_known_already_is_marked_and_not_kept_twice(curator: Curator, store: FakeStore) -> None:
    store.add([of(source="self")], state=State.UNCONFIRMED)

    record, new = curator.keep(of())

    assert not new
    assert (store.count(), record.state, record.example.source) == (1, State.VERIFIED, "self")


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ({"query": {"term": {"shelv": "Crime"}}}, "shelv"),
        ({"query": {"script": {"script": "while(true){}"}}}, "script"),
        ({"query": {"match_all": {}}, "from": 9_990, "size": 100}, "10000"),
        ({"query": {"term": {"shelf": "\ud800"}}}, "surrogates"),
    ],
    ids=["schema", "policy", "window", "surrogate"],
)
def test_a_query_that_fails_a_check_is_refused_with_the_reason(
    curator: Curator, store: FakeStore, query: Body, why: str
) -> None:
    with pytest.raises(InputError, match=r"^The query cannot be kept: .*" + why):
        curator.keep(of(query))

    assert store.count() == 0


def test_a_query_of_any_depth_is_refused_and_crashes_nothing(curator: Curator) -> None:
    deep: Body = {}
    for _ in range(900):
        deep = {"aggs": {"a": deep}}

    for keep in (curator.keep, curator.approve):
        with pytest.raises(InputError, match="nests deeper"):
            keep(of(deep))


def test_what_the_engine_rejects_is_refused_in_its_words(curator: Curator) -> None:
    with pytest.raises(InputError, match="Elasticsearch rejects it: "):
        curator.keep(of({"query": {"match_all": {}}, "collapse": {"field": "shelf"}}))


def test_an_example_of_an_index_that_is_not_here_is_kept_unchecked(curator: Curator) -> None:
    record, _ = curator.keep(of(index="elsewhere", fields=("shelf:keyword",)))

    assert (record.state, record.engine, record.example.fields) == (State.UNCHECKED, "", ("shelf:keyword",))


def test_without_an_engine_the_policy_still_holds(store: FakeStore) -> None:
    curator = Curator(None, store)

    assert curator.keep(of())[0].state is State.UNCHECKED
    with pytest.raises(InputError, match="script"):
        curator.keep(of({"query": {"script": {"script": "1"}}}))


def test_a_strict_check_needs_the_index(curator: Curator, store: FakeStore) -> None:
    with pytest.raises(UnknownIndexError):
        curator.approve(of(index="elsewhere"))

    assert store.count() == 0


def test_a_question_is_kept_on_one_line_and_not_empty(curator: Curator) -> None:
    record, _ = curator.keep(of(question=" crime\n\x1bnovels "))

    assert record.example.question == "crime novels"
    with pytest.raises(InputError, match="question is empty"):
        curator.keep(of(question=" \n"))


def test_an_approved_answer_is_kept_as_a_person_would_write_it(curator: Curator) -> None:
    ran = {
        **CRIME,
        "size": 1000,
        "track_total_hits": True,
        "aggs": {"groups": {"terms": {"field": "shelf", "size": 1000}}},
    }

    record, _ = curator.approve(of(ran))

    assert record.example.query == {**CRIME, "aggs": {"groups": {"terms": {"field": "shelf"}}}}
    assert (record.example.source, record.state) == (APPROVED, State.VERIFIED)


@pytest.mark.parametrize("case", lines("as_written.jsonl"), ids=lambda case: case["name"])
def test_a_body_that_ran_becomes_what_was_written(case: dict[str, Any]) -> None:
    assert as_written(case["ran"], max_results=1000) == case["written"]


def test_an_edit_is_checked_and_needs_the_etag_that_was_read(curator: Curator) -> None:
    before, _ = curator.keep(of())
    after = curator.edit(before.example.id, of(shelf("Travel"), question="travel books"), tags=["t"], etag=before.etag)

    assert (after.example.question, after.tags, after.state) == ("travel books", ("t",), State.VERIFIED)
    assert after.etag != before.etag
    with pytest.raises(ConflictError):
        curator.edit(before.example.id, of(), etag=before.etag)
    with pytest.raises(InputError, match="shelv"):
        curator.edit(before.example.id, of({"query": {"term": {"shelv": "Crime"}}}), etag=after.etag)


def test_an_edit_of_an_index_that_is_not_here_keeps_its_fields(curator: Curator) -> None:
    before, _ = curator.keep(of(index="elsewhere", fields=("shelf:keyword",)))
    after = curator.edit(before.example.id, of(shelf("Travel"), index="elsewhere"), etag=before.etag)

    assert after.example.fields == ("shelf:keyword",)


def test_verifying_marks_what_no_longer_fits_and_leaves_what_cannot_be_checked(
    curator: Curator, store: FakeStore
) -> None:
    store.add([of(), of(shelf("Travel"), index="elsewhere"), of({"query": {"term": {"shelv": "Crime"}}})])

    seen = [(record.example.query, finding.state) for record, finding in curator.recheck()]

    assert [state for _, state in seen] == [State.VERIFIED, State.STALE, State.UNCHECKED]
    fine, away, stale = store.page()
    assert (fine.state, fine.engine) == (State.VERIFIED, VERSION)
    assert (away.state, away.checked) == (State.UNCHECKED, "")
    assert (stale.state, stale.engine) == (State.STALE, VERSION)
    assert "shelv" in stale.reason


def test_verifying_looks_at_those_that_are_meant(curator: Curator, store: FakeStore) -> None:
    store.add([of()], tags=["a"])
    store.add([of(shelf("Travel"))], tags=["b"])

    assert [record.tags for record, _ in curator.recheck(ExampleFilter(tag="b"))] == [("b",)]


@pytest.mark.parametrize(
    ("source", "before", "after"),
    [
        ("self", State.UNCONFIRMED, State.UNCONFIRMED),
        ("self", State.VERIFIED, State.VERIFIED),
        ("self", State.STALE, State.UNCONFIRMED),
        ("hand", State.STALE, State.VERIFIED),
        ("hand", State.UNCHECKED, State.VERIFIED),
    ],
)
def test_passing_confirms_nothing_that_only_a_machine_wrote(
    curator: Curator, store: FakeStore, *, source: str, before: State, after: State
) -> None:
    store.add([of(source=source)], state=before)

    list(curator.recheck())

    [record] = store.page()
    assert record.state is after


def test_many_are_verified_a_page_and_a_few_queries_at_a_time(curator: Curator, store: FakeStore) -> None:
    store.add([of({"query": {"range": {"pages": {"gt": i}}}}, question=f"above {i}") for i in range(230)])

    assert (
        sum(finding.state is State.VERIFIED for _, finding in curator.recheck(ExampleFilter(state=State.UNCHECKED)))
        == 230
    )
    assert store.count(ExampleFilter(state=State.VERIFIED)) == 230
    assert isinstance(curator.engine, FakeEngine)
    assert max(map(len, curator.engine.bodies)) == TOGETHER


def test_one_slow_query_does_not_leave_its_neighbours_unchecked(store: FakeStore) -> None:
    engine = SlowEngine("Travel", alone=True)
    index = library_engine()
    engine.load("library", mappings=dict(index.mapping("library")), documents=[])
    store.add([of(), of(shelf("Travel")), of(shelf("Poetry"))])

    states = [finding.state for _, finding in Curator(engine, store).recheck()]

    assert states == [State.VERIFIED, State.UNCHECKED, State.VERIFIED]


def test_what_is_removed_while_it_is_verified_is_passed_over(
    curator: Curator, store: FakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add([of()])

    def gone(*_: Any, **__: Any) -> None:
        raise UnknownExampleError("There is no such example.")

    monkeypatch.setattr(store, "mark", gone)

    assert len(list(curator.recheck())) == 1


def test_what_is_edited_while_it_is_verified_is_not_marked(
    curator: Curator, store: FakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add([of({"query": {"term": {"shelv": "Crime"}}})])
    check = Curator.check

    def edited_meanwhile(*args: Any) -> Any:
        before = store.page()[0]
        store.edit(before.example.id, of(), etag=before.etag)
        return check(*args)

    monkeypatch.setattr(Curator, "check", edited_meanwhile)
    found = [finding.state for _, finding in curator.recheck()]

    assert found == [State.STALE]
    assert store.page()[0].state is State.UNCHECKED


def test_the_nearest_have_scores_where_the_store_tells_them(store: FakeStore) -> None:
    class Plain:
        """The part of the port that gives no scores."""

        nearest = staticmethod(store.nearest)

    store.add([of(), of(index="elsewhere")])
    plain: Any = Plain()

    assert [(s, e.index) for s, e in nearest(store, "'crime' novels", 5, exclude_index="elsewhere")] == [
        (1.0, "library")
    ]
    assert [(s, e.index) for s, e in nearest(plain, "'crime' novels", 5, exclude_index="elsewhere")] == [
        (None, "library")
    ]
