from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from examples_db.seeding import SEEDS, read_seeds
from examples_db.store import SqliteStore, seed
from nlq.elastic.fields import flatten
from nlq.errors import StoreError
from nlq.types import Example, State
from tests.fakes.embedder import HashEmbedder

MAPPING = {
    "about": "Orders",
    "mappings": {
        "properties": {
            "total": {"type": "double"},
            "customer": {"properties": {"name": {"type": "text", "fields": {"keyword": {"type": "keyword"}}}}},
            "items": {"type": "nested", "properties": {"sku": {"type": "keyword"}}},
        }
    },
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore.open(tmp_path / "examples.db", HashEmbedder())
    yield store
    store.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "seeds" / "indices").mkdir(parents=True)
    (tmp_path / "seeds" / "indices" / "orders.json").write_text(json.dumps(MAPPING))
    return write(tmp_path / "seeds", "who paid", "orders above 50")


def write(folder: Path, *questions: str) -> Path:
    lines = (json.dumps({"index": "orders", "question": q, "query": {"query": {"match_all": {}}}}) for q in questions)
    (folder / "examples.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def questions(store: SqliteStore) -> list[str]:
    return [e.question for e in store.all()]


def test_seeds_carry_their_source_and_the_fields_of_their_index(store: SqliteStore, folder: Path) -> None:
    seed(store, folder)

    assert [e.source for e in store.all()] == ["seed", "seed"]
    assert store.all()[0].fields == (
        "total:double",
        "customer.name:text",
        "customer.name.keyword:keyword",
        "items:nested",
        "items.sku:keyword",
    )


def test_seeds_are_brought_in_once(store: SqliteStore, folder: Path) -> None:
    assert [seed(store, folder), seed(store, folder)] == [True, False]
    assert questions(store) == ["who paid", "orders above 50"]


def test_changed_seeds_replace_the_old_ones_and_leave_a_users_examples(store: SqliteStore, folder: Path) -> None:
    store.add([Example("mine", {}, "orders")])
    seed(store, folder)

    seed(store, write(folder, "orders above 50", "orders below 7"))

    assert questions(store) == ["mine", "orders above 50", "orders below 7"]


def test_seeds_that_did_not_change_keep_their_vectors(tmp_path: Path, folder: Path) -> None:
    embedder = HashEmbedder()
    store = SqliteStore.open(tmp_path / "kept.db", embedder)
    seed(store, folder)
    store.nearest("x", 1)
    embedder.encoded.clear()

    seed(store, write(folder, "orders above 50", "which ones are late"))
    store.nearest("x", 1)
    store.close()

    assert embedder.encoded == ["which ones are late", "x"]


def test_a_changed_mapping_changes_the_fields_of_the_seeds(store: SqliteStore, folder: Path) -> None:
    seed(store, folder)
    (folder / "indices" / "orders.json").write_text('{"mappings": {"properties": {"paid": {"type": "date"}}}}')

    assert seed(store, folder)
    assert {e.fields for e in store.all()} == {("paid:date",)}


def test_an_example_that_a_user_added_first_stays_the_users(store: SqliteStore, folder: Path) -> None:
    store.add([Example("who paid", {"query": {"match_all": {}}}, "orders", ("mine:keyword",))])

    seed(store, folder)
    seed(store, write(folder, "orders above 50"))

    assert questions(store) == ["who paid", "orders above 50"]
    assert store.all()[0].fields == ("mine:keyword",)


def test_seeds_are_unchecked(store: SqliteStore, folder: Path) -> None:
    seed(store, folder)

    assert {record.state for record in store.page()} == {State.UNCHECKED}


def test_a_seed_that_did_not_change_keeps_what_was_found_out_about_it(store: SqliteStore, folder: Path) -> None:
    seed(store, folder)
    ids = [e.id for e in store.all()]
    store.mark(ids[1], State.VERIFIED, engine="9.4.3")
    store.used(ids)

    seed(store, write(folder, "orders above 50", "new"))
    kept = store.get(ids[1])

    assert (kept.state, kept.uses) == (State.VERIFIED, 1)


def test_seeds_that_a_user_removed_or_edited_do_not_come_back(store: SqliteStore, folder: Path) -> None:
    seed(store, write(folder, "one", "two", "three"))
    one, two, _ = store.page()
    store.remove(one.example.id)
    store.edit(two.example.id, replace(two.example, question="my two"), etag=two.etag)

    seed(store, write(folder, "one", "two", "three", "four"))
    seed(store, write(folder, "one", "two", "four"))

    assert questions(store) == ["my two", "four"]


def test_what_a_user_removed_can_be_added_by_hand(store: SqliteStore, folder: Path) -> None:
    seed(store, folder)
    one = store.all()[0]
    store.remove(one.id)

    assert store.add([replace(one, source="hand")]) == 1


@pytest.mark.parametrize("content", [None, "{bad"], ids=["missing", "bad"])
def test_seeds_that_cannot_be_used_are_a_clear_error(store: SqliteStore, folder: Path, content: str | None) -> None:
    (folder / "examples.jsonl").unlink() if content is None else (folder / "examples.jsonl").write_text(content)

    with pytest.raises(StoreError, match="install nlq again"):
        seed(store, folder)
    assert store.all() == ()


def test_a_seed_of_an_index_without_mapping_is_a_clear_error(store: SqliteStore, folder: Path) -> None:
    (folder / "indices" / "orders.json").unlink()

    with pytest.raises(StoreError, match="install nlq again"):
        seed(store, folder)


def test_the_shipped_seeds_name_the_fields_that_an_engine_would() -> None:
    wrong = []
    for example in read_seeds(SEEDS):
        mapping = json.loads((SEEDS / "indices" / f"{example.index}.json").read_text())["mappings"]
        if example.fields != tuple(f"{f.name}:{f.kind}" for f in flatten(mapping)):
            wrong.append(example.question)

    assert wrong == []
