"""The example store on a real Elasticsearch: what holds for every store, and what holds where processes share one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from elasticsearch import Elasticsearch

from examples_db.elastic_store import ElasticStore
from examples_db.embed import Embedder
from examples_db.seeding import SEEDS, read_seeds
from examples_db.store import SqliteStore
from examples_db.transfer import export_jsonl, import_jsonl
from nlq.bootstrap import open_store
from nlq.elastic.client import client_of
from nlq.elastic.engine import ElasticEngine
from nlq.errors import ConflictError, StoreError, UnknownIndexError
from nlq.settings import load_settings
from nlq.types import Body, Example, ExampleFilter, Record, State
from tests.contract import test_example_store as contract
from tests.contract.test_example_store import ANY, SOME, above, plain, questions
from tests.fakes.embedder import HashEmbedder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

pytestmark = pytest.mark.engine

globals().update({name: test for name, test in vars(contract).items() if name.startswith("test_")})

INDEX, OTHER_INDEX = "zz-examples", "zz-examples-other"

Opening = Callable[..., ElasticStore]


@pytest.fixture(scope="module")
def client(engine_url: str) -> Iterator[Elasticsearch]:
    client, _ = client_of(engine_url, timeout=60)
    for name in (INDEX, OTHER_INDEX):
        client.indices.delete(index=name, ignore_unavailable=True)
    yield client
    for name in (INDEX, OTHER_INDEX):
        client.indices.delete(index=name, ignore_unavailable=True)
    client.close()


@pytest.fixture
def opened(engine_url: str, client: Elasticsearch) -> Iterator[Opening]:
    """Opens stores on one index, empty at first, as so many processes would."""
    stores: list[ElasticStore] = []

    def one(embedder: Embedder | None = None, *, index: str = INDEX, **options: Any) -> ElasticStore:
        own, url = client_of(engine_url, timeout=60)
        embedder = embedder or HashEmbedder()
        stores.append(ElasticStore.open(own, url=url, index=index, embedder=embedder, ranking=ANY, **options))
        return stores[-1]

    one()
    client.indices.refresh(index=INDEX)
    client.delete_by_query(index=INDEX, query={"match_all": {}}, refresh=True)  # faster than a new index
    yield one
    for store in stores:
        store.close()


@pytest.fixture
def store(opened: Opening) -> ElasticStore:
    return opened()


@pytest.fixture
def other_index(client: Elasticsearch) -> Iterator[str]:
    yield OTHER_INDEX
    client.indices.delete(index=OTHER_INDEX, ignore_unavailable=True)


class Interrupted(HashEmbedder):
    """Does ``then`` before it encodes the second batch of examples."""

    def __init__(self, then: Callable[[], object]) -> None:
        super().__init__()
        self.then = then
        self._batches = 0

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self._batches += 1
        if self._batches == 2:
            self.then()
        return super().encode(texts)


def many(n: int) -> list[Example]:
    return [above(f"question {i}x", "orders", i) for i in range(n)]


def fail() -> None:
    raise StoreError("The embedder failed.")


def test_what_one_process_wrote_another_knows(opened: Opening) -> None:
    here, there = opened(), opened()
    here.add(SOME)
    one, two = here.page(limit=2)

    there.edit(one.example.id, replace(SOME[0], question="edited"), etag=one.etag)
    there.remove(two.example.id)
    there.used([one.example.id])

    assert here.get(one.example.id).example.question == "edited"
    assert here.get(one.example.id).uses == 1
    with pytest.raises(ConflictError):
        here.remove(one.example.id, etag=one.etag)


def test_of_processes_that_add_the_same_each_example_is_added_once(opened: Opening) -> None:
    stores = [opened() for _ in range(4)]

    with ThreadPoolExecutor(4) as pool:
        added = list(pool.map(lambda store: store.add(many(20)), stores))

    assert sum(added) == 20
    assert {store.add(many(20)) for store in stores} == {0}


def test_no_use_is_lost_among_processes(opened: Opening) -> None:
    stores = [opened() for _ in range(4)]
    stores[0].add(SOME)
    ids = [e.id for e in stores[0].all()]

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda store: [store.used(ids, won=ids[:1]) for _ in range(5)], stores))

    assert [(r.uses, r.wins) for r in stores[0].page()] == [(20, 20), (20, 0), (20, 0), (20, 0)]


def test_a_mark_and_an_edit_at_the_same_time_both_hold(opened: Opening) -> None:
    here, there = opened(), opened()
    here.add(SOME[:1])
    before = here.page()[0]

    def edit() -> Record:
        return here.edit(before.example.id, replace(SOME[0], question="edited"), etag=before.etag)

    with ThreadPoolExecutor(2) as pool:
        edited = pool.submit(edit)
        for _ in range(5):
            there.mark(before.example.id, State.VERIFIED, engine="9.4.3")

    assert edited.result().example.question == "edited"
    assert here.get(before.example.id).etag == edited.result().etag


def test_pages_go_on_behind_an_example_that_was_removed(store: ElasticStore) -> None:
    store.add(SOME)
    second = store.all()[1].id
    store.remove(second)

    assert [r.example.question for r in store.page(after=second)] == [e.question for e in SOME[2:]]


def test_where_a_part_cannot_be_added_none_is(opened: Opening) -> None:
    store = opened(Interrupted(fail))
    with pytest.raises(StoreError, match="embedder failed"):
        store.add(many(250))

    assert store.count() == 0
    assert store.add(many(250)) == 250


def test_what_could_not_be_taken_back_is_told_and_completed_by_adding_again(
    opened: Opening, client: Elasticsearch
) -> None:
    def block(on: bool) -> None:
        client.indices.put_settings(index=INDEX, settings={"blocks.write": on})

    store = opened(Interrupted(lambda: block(True)))
    try:
        with pytest.raises(StoreError, match="may have been kept: add them again"):
            store.add(many(250))
    finally:
        block(False)

    assert store.add(many(250)) == 50
    assert plain(*sorted(store.all(), key=lambda e: int(e.question[9:-1]))) == tuple(many(250))


def test_records_keep_what_was_known_of_them(store: ElasticStore, tmp_path: Path) -> None:
    sqlite = SqliteStore.open(tmp_path / "examples.db", HashEmbedder())
    sqlite.add(SOME, tags=["t"], author="ann")
    sqlite.used([sqlite.all()[0].id], won=[sqlite.all()[0].id])
    sqlite.mark(sqlite.all()[1].id, State.STALE, engine="9.4.3", reason="no such field")
    file = tmp_path / "examples.jsonl"
    export_jsonl(sqlite, file)

    added = import_jsonl(store, file), import_jsonl(store, file)

    def known(record: Record) -> Record:
        return replace(record, example=plain(record.example)[0], etag="")

    assert added == (4, 0)
    assert [known(r) for r in store.page()] == [known(r) for r in sqlite.page()]
    sqlite.close()


def test_both_real_stores_rank_alike(store: ElasticStore, tmp_path: Path) -> None:
    seeds = read_seeds(SEEDS)
    sqlite = SqliteStore.open(tmp_path / "examples.db", HashEmbedder(), ranking=ANY)
    for each in (store, sqlite):
        each.replace_source("seed", seeds, version="1")
    asked = [(e.question, e.index, e.fields) for e in seeds[::25]]

    def nearest(each: ElasticStore | SqliteStore) -> list[tuple[Example, ...]]:
        return [plain(*each.nearest(text, 3, exclude_index=index, fields=fields)) for text, index, fields in asked]

    assert nearest(store) == nearest(sqlite)
    sqlite.close()


def test_what_was_edited_or_removed_of_a_source_does_not_come_back(store: ElasticStore) -> None:
    source = [replace(e, source="seed") for e in SOME]
    store.replace_source("seed", source[:3], version="1")
    edited, removed, _ = store.page()
    store.edit(edited.example.id, replace(source[0], question="mine"), etag=edited.etag)
    store.remove(removed.example.id)

    store.replace_source("seed", [*source[:2], source[3]], version="2")

    assert questions(store) == ["mine", SOME[3].question]
    assert store.source_version("seed") == "2"


def test_fields_of_a_source_are_brought_up_to_date(store: ElasticStore) -> None:
    store.replace_source("seed", [replace(SOME[0], source="seed")], version="1")
    store.used([store.all()[0].id])

    store.replace_source("seed", [replace(SOME[0], source="seed", fields=("b:long",))], version="2")

    (record,) = store.page()
    assert (record.example.fields, record.uses) == (("b:long",), 1)
    assert store.nearest(SOME[0].question, 1) == (record.example,)


def test_an_embedder_finds_only_its_own_vectors(opened: Opening) -> None:
    told: list[tuple[int, int]] = []
    before = opened()
    before.add(SOME)
    after = opened(HashEmbedder(64, name="other"), on_progress=lambda done, of: told.append((done, of)))

    lacking = after.nearest("orders", 4)
    after.warm()

    assert lacking == ()
    assert told == [(4, 4)]
    assert len(after.nearest("orders", 4)) == len(before.nearest("orders", 4)) == 4
    assert after.embed() == 0


def test_the_embedder_of_before_serves_until_the_new_one_has_embedded_all(opened: Opening) -> None:
    old, new = HashEmbedder(), HashEmbedder(64, name="other")
    opened(old).add(SOME)
    old.encoded.clear()
    store = opened(new, earlier={old.id: old}.get)

    before, asked_old = store.nearest("orders above 60", 2), old.encoded.copy()
    store.warm()
    after, asked_both = store.nearest("orders above 60", 2), old.encoded.copy()

    assert plain(*before)[0] == plain(*after)[0] == SOME[1]
    assert asked_both == asked_old != []


def test_an_example_edited_by_a_process_with_another_embedder_waits_for_its_vector(opened: Opening) -> None:
    here, there = opened(), opened(HashEmbedder(64, name="other"))
    here.add(SOME[:1])
    there.warm()
    record = here.page()[0]

    there.edit(record.example.id, replace(SOME[0], question="number of all invoices"), etag=record.etag)
    there.page()  # so that it is seen

    assert here.nearest(SOME[0].question, 1) == ()
    assert here.embed() == 1
    assert here.nearest("number of all invoices", 1)[0].question == "number of all invoices"


def test_the_index_is_neither_offered_nor_can_it_be_asked(store: ElasticStore, engine_url: str) -> None:
    engine = ElasticEngine.connect(engine_url, timeout=60)
    store.add(SOME)

    names = {info.name for info in engine.indexes()}
    with pytest.raises(UnknownIndexError):
        engine.schema(INDEX)
    with pytest.raises(UnknownIndexError):
        engine.mapping(INDEX)
    engine.close()

    assert INDEX not in names


def test_the_settings_choose_the_store(engine_url: str, other_index: str) -> None:
    settings = load_settings(examples_store="elastic", examples_index=other_index, es_url=engine_url, es_timeout=60)

    with closing(open_store(settings, embedder=HashEmbedder())) as opened:
        assert isinstance(opened, ElasticStore)
        assert opened.count(ExampleFilter(source="seed")) == len(read_seeds(SEEDS))


STRANGE: list[tuple[Body, str]] = [
    ({}, "was not made by nlq"),
    ({"_meta": {"description": "orders"}}, "was not made by nlq"),
    ({"_meta": {"nlq-examples": 2}}, "newer nlq: update nlq"),
    ({"_meta": {"nlq-examples": 0}}, "older nlq: export them with that one"),
]


@pytest.mark.parametrize("strange", STRANGE, ids=[told for _, told in STRANGE])
def test_an_index_of_another_kind_is_refused(
    opened: Opening, client: Elasticsearch, other_index: str, strange: tuple[Body, str]
) -> None:
    mappings, told = strange
    client.indices.create(index=other_index, mappings=mappings)

    with pytest.raises(StoreError, match=f"{told}.*NLQ_EXAMPLES_INDEX"):
        opened(index=other_index)


def test_an_index_that_was_deleted_is_told_and_not_made_by_a_write(
    opened: Opening, client: Elasticsearch, other_index: str
) -> None:
    store = opened(index=other_index)
    store.add(SOME)
    id_ = store.all()[0].id
    client.indices.delete(index=other_index)

    for call in (
        lambda: store.nearest("orders", 1),
        lambda: store.add(SOME),
        lambda: store.used([id_]),
        lambda: store.mark(id_, State.STALE, engine="9.4.3"),
        lambda: store.replace_source("seed", [], version="1"),
    ):
        with pytest.raises(StoreError, match="is gone: start nlq again"):
            call()
    assert not client.indices.exists(index=other_index)
