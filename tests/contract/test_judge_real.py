"""The judge beside the reference of a folder of benchmark sets, on what the real Elasticsearch answers."""

from __future__ import annotations

import importlib.util
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from nlq.elastic.answers import outcome_of
from nlq.elastic.engine import ElasticEngine
from nlq.evaluation.cases import Case, read_sets
from nlq.evaluation.judge import right
from nlq.types import Result

SETS = os.environ.get("NLQ_DEV_SETS", "")

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(not SETS, reason="NLQ_DEV_SETS names no folder with judge.py and benchmark sets"),
]


def _reference() -> Any:
    spec = importlib.util.spec_from_file_location("reference", Path(SETS) / "judge.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_gold_query_is_right_and_both_judges_agree_on_all_rows_of_its_index(engine_url: str) -> None:
    reference, engine = _reference(), ElasticEngine.connect(engine_url)
    wrong: list[str] = []
    with Elasticsearch(engine_url, request_timeout=60) as client:
        for cases in read_sets([path.parent for path in sorted(Path(SETS).glob("*/cases.jsonl"))]):
            names = cases.load(engine).names
            beside: defaultdict[str, list[Case]] = defaultdict(list)
            for case in cases.cases:
                beside[case.index].append(case)
            for case in cases.cases:
                found = client.search(index=names[case.index], body=reference.prepare(case.gold)).body
                result = outcome_of(found)
                assert isinstance(result, Result)
                wrong += [case.id] * (not right(result, case.rows, ordered=case.ordered))
                wrong += [
                    f"{case.id} on the rows of {other.id}"
                    for other in beside[case.index]
                    if right(result, other.rows, ordered=other.ordered)
                    != reference.right(found, {"rows": list(map(list, other.rows)), "ordered": other.ordered})
                ]
    engine.close()

    assert wrong == []
