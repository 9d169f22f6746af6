"""What holds for every example store, hand-made or real. Stores are opened without a floor of similarity."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from examples_db.embed import SentenceEmbedder
from examples_db.retrieve import Ranking
from examples_db.store import SqliteStore
from nlq.errors import ConflictError, InputError, StoreError, UnknownExampleError
from nlq.ports import ExampleStore
from nlq.types import Example, ExampleFilter, LinkedValue, Record, State
from tests.fakes.embedder import HashEmbedder
from tests.fakes.store import FakeStore

ANY = Ranking(floor=-1)
NAME = "sentence-transformers/all-MiniLM-L6-v2"


@pytest.fixture(scope="module")
def sentences() -> SentenceEmbedder:
    return SentenceEmbedder.load(NAME)


@pytest.fixture(params=["fake", "sqlite", "sqlite with sentences"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ExampleStore]:
    if request.param == "fake":
        yield FakeStore(ranking=ANY)
        return
    embedder = HashEmbedder() if request.param == "sqlite" else request.getfixturevalue("sentences")
    opened = SqliteStore.open(tmp_path / "examples.db", embedder, ranking=ANY)
    yield opened
    opened.close()


def count(question: str, index: str) -> Example:
    return Example(question, {"query": {"match_all": {}}, "size": 0}, index, ("a:keyword",))


def above(question: str, index: str, number: int) -> Example:
    return Example(question, {"query": {"range": {"total": {"gt": number}}}}, index, ("total:double",))


SOME = (
    count("How many orders are there?", "orders"),
    above("orders above 50", "orders", 50),
    count("How many tickets are open?", "tickets"),
    Example("who wrote 'Emma'", {"query": {"term": {"title": "Emma"}}, "_source": ["author"]}, "books"),
)


def plain(*examples: Example) -> tuple[Example, ...]:
    """Without the ids that a store gives."""
    return tuple(replace(example, id="") for example in examples)


def records(store: ExampleStore, where: ExampleFilter | None = None) -> tuple[Record, ...]:
    return tuple(store.page(where, limit=1000))


def questions(store: ExampleStore, where: ExampleFilter | None = None) -> list[str]:
    return [record.example.question for record in records(store, where)]


def test_a_new_store_holds_nothing(store: ExampleStore) -> None:
    assert store.all() == ()
    assert store.count() == 0
    assert store.page() == ()
    assert store.nearest("anything", 3) == ()


def test_all_gives_back_what_was_added_in_order(store: ExampleStore) -> None:
    store.add(SOME[:2])
    store.add(SOME[2:])

    assert plain(*store.all()) == SOME
    assert store.count() == 4


def test_add_counts_only_what_is_new(store: ExampleStore) -> None:
    other_index = count("How many orders are there?", "shop")

    assert store.add(SOME) == 4
    assert store.add([*SOME, other_index, other_index]) == 1
    assert len(store.all()) == 5


def test_where_one_is_no_example_none_is_added(store: ExampleStore) -> None:
    with pytest.raises(InputError):
        store.add([SOME[0], replace(SOME[1], question=" ")])

    assert store.all() == ()


def test_an_equal_question_is_nearest(store: ExampleStore) -> None:
    store.add(SOME)
    store.warm()

    assert plain(*(store.nearest(e.question, 1)[0] for e in SOME)) == SOME


def test_numbers_and_quoted_values_do_not_matter(store: ExampleStore) -> None:
    store.add(SOME)

    assert plain(*store.nearest("orders above 7,000", 1)) == (SOME[1],)
    assert plain(*store.nearest('who wrote "Moby Dick"', 1)) == (SOME[3],)


def test_linked_values_do_not_matter(store: ExampleStore) -> None:
    store.add([*SOME, Example("films by Tim Burton", {"query": {"term": {"director": "Tim Burton"}}}, "films")])

    found = store.nearest("films by Jane Campion", 1, values=[LinkedValue("Jane Campion", "director", "Jane Campion")])

    assert found[0].index == "films"


@pytest.mark.parametrize(("k", "expected"), [(-1, 0), (0, 0), (1, 1), (3, 3), (4, 4), (100, 4)])
def test_at_most_k_are_found(store: ExampleStore, k: int, expected: int) -> None:
    store.add(SOME)

    assert len(store.nearest("How many orders?", k)) == expected


def test_an_index_can_be_left_out(store: ExampleStore) -> None:
    store.add(SOME)

    found = store.nearest("How many orders are there?", 10, exclude_index="orders")

    assert {e.index for e in found} == {"tickets", "books"}


@pytest.mark.parametrize(
    ("asked", "left"),
    [
        ("orders-1", {"orders-2", "shop", "?rders-[1]"}),
        ("orders-*", {"shop", "?rders-[1]"}),
        ("shop,orders-2", {"orders-1", "?rders-[1]"}),
        ("?rders-[1]", {"orders-1", "orders-2", "shop", "ord*,sales"}),
        ("*,", set()),
        ("sales", {"orders-1", "orders-2", "shop", "?rders-[1]"}),
    ],
)
def test_all_indices_of_a_pattern_or_list_are_left_out_and_patterns_that_cover_one(
    store: ExampleStore, asked: str, left: set[str]
) -> None:
    indices = ["orders-1", "orders-2", "shop", "ord*,sales", "?rders-[1]"]
    store.add(above(f"orders {word} above 50", index, 50) for word, index in zip("abcde", indices, strict=True))

    assert {e.index for e in store.nearest("orders above 60", 10, exclude_index=asked)} == left


def test_of_equal_patterns_with_equal_queries_the_oldest_is_found(store: ExampleStore) -> None:
    store.add([above("orders above 50", "orders", 50), above("orders above 70", "orders", 70), SOME[0]])

    found = store.nearest("orders above 60", 3)

    assert [e.question for e in found] == ["orders above 50", "How many orders are there?"]


def test_equal_patterns_with_different_queries_are_both_found(store: ExampleStore) -> None:
    below = Example("orders above 50", {"query": {"range": {"price": {"gt": 50}}}}, "sales")
    store.add([above("orders above 50", "orders", 50), below])

    assert len(store.nearest("orders above 60", 3)) == 2


def test_of_equal_patterns_the_one_of_a_similar_index_is_first(store: ExampleStore) -> None:
    places = Example("orders above 50", {"query": {"range": {"price": {"gt": 50}}}}, "sales", ("p:geo_point",))
    store.add([places, SOME[1]])

    assert store.nearest("orders above 60", 1, fields=["amount:long"])[0].index == "orders"
    assert store.nearest("orders above 60", 1, fields=["place:geo_point"])[0].index == "sales"


@pytest.mark.parametrize(
    "question", ["", "   ", "\x00\x07", "half \ud800", "كم عدد الطلبات؟", "有多少订单", "o" * 100_000, '"; DROP TABLE']
)
def test_any_question_finds_something(store: ExampleStore, question: str) -> None:
    store.add(SOME)

    assert len(store.nearest(question, 2)) == 2


@pytest.mark.parametrize(("state", "found"), [("unchecked", 1), ("verified", 1), ("stale", 0), ("unconfirmed", 0)])
def test_what_is_stale_or_unconfirmed_is_not_found(store: ExampleStore, state: str, found: int) -> None:
    store.add(SOME[:1], state=State(state))

    assert len(store.nearest(SOME[0].question, 1)) == found


def test_what_was_marked_stale_is_found_again_when_it_is_right(store: ExampleStore) -> None:
    store.add(SOME[:1])
    id_ = store.all()[0].id
    store.warm()

    store.mark(id_, State.STALE, engine="9.4.3", reason="no such field")
    gone = store.nearest(SOME[0].question, 1)
    store.mark(id_, State.VERIFIED, engine="9.4.3")

    assert gone == ()
    assert store.nearest(SOME[0].question, 1)[0].id == id_


def test_a_record_holds_what_was_given_and_when(store: ExampleStore) -> None:
    store.add(SOME[:1], tags=["counts", "short", "counts"], author="ann", state=State.UNCONFIRMED)

    (record,) = store.page()

    assert plain(record.example) == SOME[:1]
    assert (record.tags, record.author, record.state) == (("counts", "short"), "ann", State.UNCONFIRMED)
    assert (record.engine, record.checked, record.reason, record.uses, record.wins) == ("", "", "", 0, 0)
    assert record.created.endswith("+00:00")
    assert record.updated == record.created
    assert record.etag
    assert record.example.id
    assert store.get(record.example.id) == record


def test_examples_have_the_ids_of_their_records(store: ExampleStore) -> None:
    store.add(SOME)
    ids = [record.example.id for record in records(store)]

    assert len(set(ids)) == 4
    assert [e.id for e in store.all()] == ids
    assert store.nearest(SOME[2].question, 1)[0].id == ids[2]


FILTERS = [
    (ExampleFilter(), [0, 1, 2, 3]),
    (ExampleFilter(index="orders"), [0, 1]),
    (ExampleFilter(source="hand"), [0, 1, 2]),
    (ExampleFilter(source="teacher"), [3]),
    (ExampleFilter(state=State.STALE), [1]),
    (ExampleFilter(tag="äü, b"), [2]),
    (ExampleFilter(tag="b"), []),
    (ExampleFilter(text="HOW MANY"), [0, 2]),
    (ExampleFilter(text="%"), []),
    (ExampleFilter(index="orders", text="how"), [0]),
    (ExampleFilter(index="or"), []),
]


@pytest.mark.parametrize(("where", "expected"), FILTERS, ids=str)
def test_records_are_filtered(store: ExampleStore, where: ExampleFilter, expected: list[int]) -> None:
    store.add(SOME[:2])
    store.add(SOME[2:3], tags=["äü, b", "c"])
    store.add([replace(SOME[3], source="teacher")])
    store.mark(store.all()[1].id, State.STALE, engine="9.4.3")

    assert questions(store, where) == [SOME[i].question for i in expected]
    assert store.count(where) == len(expected)


def test_pages_follow_each_other_without_gap(store: ExampleStore) -> None:
    store.add(count(f"question {n}", "orders" if n % 2 else "tickets") for n in range(25))
    where = ExampleFilter(index="orders")

    first = store.page(where, limit=5)
    second = store.page(where, after=first[-1].example.id, limit=5)
    third = store.page(where, after=second[-1].example.id, limit=5)

    assert [len(first), len(second), len(third)] == [5, 5, 2]
    assert [r.example.question for r in (*first, *second, *third)] == [f"question {n}" for n in range(1, 25, 2)]
    assert store.page(where, after=third[-1].example.id) == ()


@pytest.mark.parametrize(
    "example_id", ["", "0", "-1", "no such id", "1; DROP TABLE example", "٣", "9" * 400, "a/b?c#d"]
)
def test_an_unknown_id_is_told(store: ExampleStore, example_id: str) -> None:
    store.add(SOME)
    before = records(store)

    with pytest.raises(UnknownExampleError):
        store.get(example_id)
    with pytest.raises(UnknownExampleError):
        store.edit(example_id, SOME[0], etag="x")
    with pytest.raises(UnknownExampleError):
        store.remove(example_id)
    with pytest.raises(UnknownExampleError):
        store.mark(example_id, State.STALE, engine="9.4.3")
    store.used([example_id], won=[example_id])

    assert records(store) == before


def test_an_edit_replaces_the_example_and_nothing_else(store: ExampleStore) -> None:
    store.add(SOME[:2], tags=["t"], author="ann")
    before = records(store)[0]
    store.mark(before.example.id, State.VERIFIED, engine="9.4.3", reason="r")
    store.used([before.example.id], won=[before.example.id])
    new = Example("orders of today", {"query": {"term": {"day": "today"}}}, "sales", ("day:keyword",))

    edited = store.edit(before.example.id, new, etag=before.etag)

    assert edited.example == replace(new, id=before.example.id)
    assert (edited.state, edited.engine, edited.checked, edited.reason) == (State.UNCHECKED, "", "", "")
    assert (edited.tags, edited.author, edited.uses, edited.wins) == (("t",), "ann", 1, 1)
    assert edited.created == before.created
    assert edited.etag != before.etag
    assert store.get(before.example.id) == edited
    assert questions(store) == ["orders of today", SOME[1].question]


def test_an_edited_example_is_found_by_its_new_question_only(store: ExampleStore) -> None:
    store.add(SOME)
    store.warm()
    before = records(store)[0]

    store.edit(before.example.id, replace(SOME[0], question="number of all invoices"), etag=before.etag)
    found = store.nearest("number of all invoices", 1)[0]

    assert found.question == "number of all invoices"
    assert SOME[0].question not in {e.question for e in store.nearest(SOME[0].question, 10)}


def test_tags_are_replaced_where_they_are_given(store: ExampleStore) -> None:
    store.add(SOME[:1], tags=["old"])
    before = records(store)[0]

    edited = store.edit(before.example.id, before.example, tags=["new", "two"], etag=before.etag)
    cleared = store.edit(before.example.id, before.example, tags=[], etag=edited.etag)

    assert (edited.tags, cleared.tags) == (("new", "two"), ())
    assert len({before.etag, edited.etag, cleared.etag}) == 3


def test_an_edit_on_an_old_etag_is_refused(store: ExampleStore) -> None:
    store.add(SOME[:1])
    before = records(store)[0]
    edited = store.edit(before.example.id, replace(SOME[0], question="first"), etag=before.etag)

    with pytest.raises(ConflictError):
        store.edit(before.example.id, replace(SOME[0], question="second"), etag=before.etag)
    with pytest.raises(ConflictError):
        store.remove(before.example.id, etag=before.etag)

    assert records(store) == (edited,)


def test_an_edit_into_another_example_is_refused(store: ExampleStore) -> None:
    store.add(SOME[:2])
    before = records(store)

    with pytest.raises(ConflictError):
        store.edit(before[0].example.id, SOME[1], etag=before[0].etag)

    assert records(store) == before


def test_an_edit_into_no_example_is_refused(store: ExampleStore) -> None:
    store.add(SOME[:1])
    before = records(store)

    with pytest.raises(InputError):
        store.edit(before[0].example.id, replace(SOME[0], index=""), etag=before[0].etag)

    assert records(store) == before


def test_of_edits_at_the_same_time_one_wins(store: ExampleStore) -> None:
    store.add(SOME[:1])
    before = records(store)[0]

    def edit(n: int) -> bool:
        try:
            store.edit(before.example.id, replace(SOME[0], question=f"edit {n}"), etag=before.etag)
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        won = list(pool.map(edit, range(4)))

    assert sum(won) == 1
    assert questions(store) == [f"edit {won.index(True)}"]


def test_what_was_removed_is_gone(store: ExampleStore) -> None:
    store.add(SOME)
    store.warm()
    first, second, *_ = records(store)

    store.remove(first.example.id)
    store.remove(second.example.id, etag=second.etag)

    assert questions(store) == [e.question for e in SOME[2:]]
    assert {e.index for e in store.nearest(SOME[0].question, 10)} == {"tickets", "books"}
    with pytest.raises(UnknownExampleError):
        store.get(first.example.id)


def test_what_was_removed_can_be_added_again_under_another_id(store: ExampleStore) -> None:
    store.add(SOME[:1])
    first = store.all()[0].id
    store.remove(first)

    assert store.add(SOME[:1]) == 1
    assert store.all()[0].id != first
    assert store.nearest(SOME[0].question, 1)[0].id == store.all()[0].id


def test_a_mark_tells_the_engine_the_time_and_the_reason_and_keeps_the_etag(store: ExampleStore) -> None:
    store.add(SOME[:1])
    before = records(store)[0]

    store.mark(before.example.id, State.STALE, engine="9.4.3", reason="no field 'total'")
    marked = store.get(before.example.id)

    assert (marked.state, marked.engine, marked.reason) == (State.STALE, "9.4.3", "no field 'total'")
    assert marked.checked.endswith("+00:00")
    assert (marked.etag, marked.updated, marked.example) == (before.etag, before.updated, before.example)


def test_what_was_found_of_an_old_text_marks_no_edited_example(store: ExampleStore) -> None:
    store.add(SOME[:1])
    before = records(store)[0]
    edited = store.edit(before.example.id, replace(SOME[0], question="edited"), etag=before.etag)

    with pytest.raises(ConflictError):
        store.mark(before.example.id, State.STALE, engine="9.4.3", etag=before.etag)
    untouched = store.get(before.example.id)
    store.mark(before.example.id, State.VERIFIED, engine="9.4.3", etag=edited.etag)

    assert untouched == edited
    assert store.get(before.example.id).state is State.VERIFIED


def test_uses_and_wins_are_counted_and_change_nothing_else(store: ExampleStore) -> None:
    store.add(SOME[:2])
    one, other = records(store)

    store.used([one.example.id, other.example.id], won=[other.example.id])
    store.used([one.example.id, "unknown"])

    assert records(store) == (replace(one, uses=2), replace(other, uses=1, wins=1))


def test_no_use_is_lost_among_threads(store: ExampleStore) -> None:
    store.add(SOME[:1])
    id_ = store.all()[0].id

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: store.used([id_], won=[id_]), range(20)))

    assert (store.get(id_).uses, store.get(id_).wins) == (20, 20)


def test_a_closed_store_refuses(store: ExampleStore) -> None:
    store.add(SOME)
    id_ = store.all()[0].id
    store.close()

    for call in (
        lambda: store.nearest("orders", 1),
        lambda: store.add(SOME),
        store.all,
        store.count,
        store.page,
        lambda: store.get(id_),
        lambda: store.remove(id_),
        lambda: store.used([id_]),
    ):
        with pytest.raises(StoreError, match="is closed"):
            call()
