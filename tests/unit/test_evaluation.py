"""Benchmark sets: judged by rows, sampled once, scored from the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nlq.errors import InputError
from nlq.evaluation.cases import load_indices, read_cases
from nlq.evaluation.judge import right
from nlq.evaluation.run import read_samples, sample, score
from nlq.translator import Translator
from nlq.types import Result, SamplingParams
from tests.fakes.engine import FakeEngine
from tests.fakes.sampler import ScriptedSampler
from tests.fakes.store import FakeStore
from tests.support import library

COUNT = '{"query":{"term":{"shelf":"Crime"}},"size":0}'
ALL = '{"query":{"match_all":{}},"size":0}'


def _hits(*sources: dict[str, Any]) -> Result:
    return Result(tuple({"_id": str(i), "_source": s} for i, s in enumerate(sources)), len(sources))


def _buckets(*buckets: dict[str, Any]) -> Result:
    return Result((), 9, {"groups": {"buckets": list(buckets)}})


@pytest.mark.parametrize(
    ("result", "rows", "ordered"),
    [
        (_hits({"a": 1, "b": "x"}, {"a": 2, "b": "y"}), [["y"], ["x"]], False),
        (_hits({"a": 1, "b": "x"}, {"a": 2, "b": "y"}), [["x", 1], ["y", 2]], True),
        (_hits({"a": {"b": "x"}}, {"a": {"b": "x"}}), [["x"]], False),
        (_hits({"at": "2020-01-01T00:00:00.000Z", "on": True}), [["2020-01-01", 1]], False),
        (Result((), 7), [[7]], False),
        (Result((), 9, {"value": {"value": 2.00000001}}), [[2]], False),
        (Result((), 9, {"v": {"value": 1.5}, "w": {"value": 3.0}}), [[3, 1.5]], False),
        (_buckets({"key": "x", "doc_count": 2}, {"key": "y", "doc_count": 1}), [["x", 2], ["y", 1]], True),
        (_buckets({"key": "x", "doc_count": 2, "value": {"value": 4.5}}), [["x", 4.5]], False),
        (Result((), 9, {"groups": {"doc_count": 3, "value": {"value": 8.0}}}), [[8]], False),
    ],
)
def test_a_result_that_holds_the_rows_is_right(result: Result, rows: list[list[Any]], ordered: bool) -> None:
    assert right(result, rows, ordered=ordered)


@pytest.mark.parametrize(
    ("result", "rows", "ordered"),
    [
        (_hits({"b": "x"}, {"b": "y"}), [["y"], ["x"]], True),
        (_hits({"b": "x"}, {"b": "y"}), [["x"]], False),
        (_hits({"a": 1, "b": "x"}, {"a": 2, "b": "y"}), [["x", 2], ["y", 1]], False),
        (Result((), 7), [[8]], False),
        (Result((), 0), [], False),
        (_hits(), [["x"]], False),
    ],
)
def test_a_result_that_holds_other_rows_is_wrong(result: Result, rows: list[list[Any]], ordered: bool) -> None:
    assert not right(result, rows, ordered=ordered)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    index = library()
    (tmp_path / "indices").mkdir()
    spec = {"mappings": {"properties": index["mappings"]["properties"]}, "about": "Books"}
    (tmp_path / "indices" / "library.json").write_text(json.dumps(spec))
    (tmp_path / "indices" / "library.ndjson").write_text("".join(json.dumps(d) + "\n" for d in index["documents"]))
    cases = [
        {"id": "1", "index": "library", "question": "How many crime books?", "rows": [[2]], "group": "count"},
        {"id": "2", "index": "library", "question": "How many poems?", "rows": [[1]], "group": "count"},
    ]
    (tmp_path / "cases.jsonl").write_text("".join(json.dumps(c) + "\n" for c in cases))
    return tmp_path


def test_candidates_are_sampled_once_and_scored_as_often_as_wanted(folder: Path, tmp_path: Path) -> None:
    engine = FakeEngine()
    cases = read_cases(folder)
    load_indices(folder, engine, cases)
    sampler = ScriptedSampler([COUNT, COUNT, ALL])
    translator = Translator(engine, sampler, FakeStore(), params=SamplingParams(n=3))
    file = tmp_path / "samples.jsonl"
    for _ in range(2):
        sample(cases, translator, file, n=3)
    crime, poems = score(cases, translator, file)

    assert len(sampler.requests) == 2
    assert set(read_samples(file)) == {"1", "2"}
    assert crime.candidates == (True, True, False)
    assert crime.chosen == {"vote": True, "first": True}
    assert poems.chosen == {"vote": False, "first": False}


def test_indices_that_are_there_are_left_as_they_are(folder: Path) -> None:
    engine = FakeEngine()
    cases = read_cases(folder)

    assert load_indices(folder, engine, cases) == ["library"]
    assert load_indices(folder, engine, cases) == []


def test_a_folder_without_cases_is_no_set(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cases\.jsonl"):
        read_cases(tmp_path)
