"""Benchmark sets: chosen, split, and loaded beside what is there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nlq.errors import InputError, UnknownIndexError
from nlq.evaluation.cases import read_set, read_sets
from nlq.evaluation.renamed import Renamed
from nlq.evaluation.warm import add_cases
from nlq.types import Result
from tests.fakes.benchmark import CASES, write_set
from tests.fakes.engine import FakeEngine
from tests.fakes.store import FakeStore
from tests.support import library_engine


def _many(tmp_path: Path, *, indices: int) -> Path:
    return write_set(
        tmp_path / "many", tuple({**CASES[0], "id": str(i), "index": f"i{i % indices}"} for i in range(60))
    )


def test_a_folder_without_cases_is_no_set(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cases\.jsonl"):
        read_set(tmp_path)


def test_a_line_that_is_no_case_is_named(tmp_path: Path) -> None:
    write_set(tmp_path / "books")
    (tmp_path / "books" / "cases.jsonl").write_text('{"id": "1"}\n')

    with pytest.raises(InputError, match="no case"):
        read_set(tmp_path / "books")


def test_two_sets_of_one_name_are_refused(tmp_path: Path) -> None:
    folders = [write_set(tmp_path / part / "books") for part in "ab"]

    with pytest.raises(InputError, match="books"):
        read_sets(folders)


def test_halves_of_a_set_with_many_indices_share_none(tmp_path: Path) -> None:
    whole = read_set(_many(tmp_path, indices=20))
    first, second = ({c.index for c in whole.choose(half=half).cases} for half in ("a", "b"))

    assert first
    assert second
    assert first.isdisjoint(second)


def test_a_set_with_few_indices_is_split_by_case(tmp_path: Path) -> None:
    whole = read_set(_many(tmp_path, indices=2))
    first, second = (whole.choose(half=half).cases for half in ("a", "b"))

    assert len(first) + len(second) == 60
    assert {c.index for c in first} == {c.index for c in second} == {"i0", "i1"}


def test_more_cases_of_a_random_sample_hold_the_fewer(tmp_path: Path) -> None:
    whole = read_set(_many(tmp_path, indices=2))
    few, more = (whole.choose(most=most, seed=3).cases for most in (5, 20))

    assert more[:5] == few
    assert few != whole.choose(most=5, seed=4).cases


def test_the_users_index_of_the_same_name_is_neither_read_nor_changed(tmp_path: Path) -> None:
    engine = FakeEngine()
    engine.load("library", mappings={"properties": {"x": {"type": "keyword"}}}, documents=[])
    shown = read_set(write_set(tmp_path / "books")).load(engine)

    assert [i.documents for i in shown.indexes()] == [4]
    assert engine.mapping("library")["properties"] == {"x": {"type": "keyword"}}


def test_a_set_is_loaded_once_and_again_when_its_documents_change(tmp_path: Path) -> None:
    engine, folder = FakeEngine(), write_set(tmp_path / "books")
    for _ in range(2):
        read_set(folder).load(engine)
    assert len(engine.indexes()) == 1
    with (folder / "indices" / "library.ndjson").open("a") as documents:
        documents.write(json.dumps({"_id": "5", "shelf": "Crime"}) + "\n")
    shown = read_set(folder).load(engine)

    assert len(engine.indexes()) == 2
    assert [i.documents for i in shown.indexes()] == [5]


def test_a_missing_file_of_an_index_is_named(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "books")
    (folder / "indices" / "library.ndjson").unlink()

    with pytest.raises(InputError, match=r"indices/library\.ndjson"):
        read_set(folder).load(FakeEngine())


def test_a_renamed_index_goes_by_its_shown_name_in_schemas_queries_and_answers() -> None:
    shown = Renamed(library_engine(), {"books": "library"})
    [found] = shown.search("books", [{"query": {"term": {"shelf": "Crime"}}}], timeout=1)

    assert isinstance(found, Result)
    assert {hit["_index"] for hit in found.hits} == {"books"}
    assert shown.schema("books").index == "books"
    assert [i.name for i in shown.indexes()] == ["books"]


@pytest.mark.parametrize("name", ["library", "*", "books,library"])
def test_a_renamed_engine_knows_no_other_names(name: str) -> None:
    with pytest.raises(UnknownIndexError):
        Renamed(library_engine(), {"books": "library"}).schema(name)


def test_names_below_index_are_translated_and_values_are_not() -> None:
    engine = _Echo()
    body = {"query": {"bool": {"filter": [{"term": {"_index": "books"}}, {"term": {"title": "books"}}]}}}
    [found] = Renamed(engine, {"books": "library"}).search("books", [body], timeout=1)

    assert engine.asked == [
        {"query": {"bool": {"filter": [{"term": {"_index": "library"}}, {"term": {"title": "books"}}]}}}
    ]
    assert isinstance(found, Result)
    assert found.hits == ({"_index": "books", "_id": "1", "_source": {"kept": "library"}},)
    assert found.aggregations == {"groups": {"buckets": [{"key": "books", "doc_count": 1}]}}


class _Echo(FakeEngine):
    """Answers everything with one document and one group, as they would come from ``library``."""

    def search(self, index: str, bodies: object, *, timeout: float) -> tuple[Result]:
        del timeout
        assert index == "library"
        self.asked = bodies
        hit = {"_index": "library", "_id": "1", "_source": {"kept": "library"}}
        return (Result((hit,), 1, {"groups": {"buckets": [{"key": "library", "doc_count": 1}]}}),)


def test_cases_with_a_gold_query_become_examples_under_the_sets_own_names(tmp_path: Path) -> None:
    sets, store = [read_set(write_set(tmp_path / "books"))], FakeStore()

    assert add_cases(sets, FakeEngine(), store) == 1
    assert add_cases(sets, FakeEngine(), store) == 0
    [example] = store.all()
    assert (example.question, example.index, example.source) == ("How many crime books?", "library", "benchmark")
    assert "shelf:keyword" in example.fields
    assert store.nearest("How many crime books?", 3, exclude_index="library") == ()
