"""What an answer says beside its result: who speaks for it, what else it could be, how sure it is, what it cost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.schemas import answer_out
from nlq.settings import Settings
from nlq.types import Answer, Ballot, Candidate, Group, Outcome, Question, Result, Verdict
from tests.asking import COUNT, TITLES, translator_of
from tests.fakes.translator import FakeTranslator


@pytest.fixture
def translator() -> FakeTranslator:
    return FakeTranslator()


@pytest.fixture
def client(translator: FakeTranslator) -> Iterator[TestClient]:
    with TestClient(create_app(translator, Settings(_env_file=None))) as client:
        yield client


def test_explain_sends_every_candidate_with_its_verdict_and_group(client: TestClient) -> None:
    answer = client.post("/movies/nlq", json={"question": "the hobbit", "explain": True}).json()

    assert [(c["outcome"], c["group"]) for c in answer["candidates"]] == [
        ("executed", 0),
        ("executed", 0),
        ("invalid", None),
        ("executed", 1),
        ("executed", 0),
    ]
    assert answer["candidates"][2]["reason"] == "'titel' is no field of this index."
    assert answer["candidates"][0]["logprob"] == -0.2


def test_explain_tells_where_a_candidate_comes_from_and_what_speaks_for_it(client: TestClient) -> None:
    answer = client.post("/movies/nlq", json={"question": "the hobbit", "explain": True}).json()
    candidate = answer["candidates"][3]

    assert {key: candidate[key] for key in ("origin", "edit", "draw", "score")} == {
        "origin": "sampled", "edit": "", "draw": "t=0.8", "score": 0.25,
    }  # fmt: skip
    assert candidate["signals"] == [{"name": "empty", "value": 1.0, "note": "it finds nothing"}]


def test_an_alternative_says_what_it_means_and_how_sure_it_is(client: TestClient) -> None:
    [other] = client.post("/movies/nlq", json={"question": "the hobbit"}).json()["alternatives"]

    assert set(other) == {"query", "readback", "repairs", "votes", "confidence", "response"}
    assert "the hobbit" in other["readback"]
    assert other["confidence"] == 0.25


def test_an_alternative_without_a_score_is_as_sure_as_its_share_of_the_votes() -> None:
    with TestClient(create_app(translator_of(COUNT, TITLES), Settings(_env_file=None))) as client:
        answer = client.post("/library/nlq", json={"question": "crime books?", "n": 4}).json()

    assert [(a["votes"], a["confidence"]) for a in answer["alternatives"]] == [(2, 0.5)]


def test_an_alternative_shows_a_few_hits_and_buckets() -> None:
    buckets = [{"key": n, "doc_count": 1, "inner": {"buckets": [{"key": m} for m in range(20)]}} for n in range(20)]
    hits = tuple({"_id": str(n)} for n in range(20))
    query = {"query": {"match_all": {}}}
    verdicts = [
        Verdict(Candidate("", 0.0), Outcome.EXECUTED, query, Result(hits, 20, {"groups": {"buckets": buckets}}))
        for _ in range(2)
    ]
    ballot = Ballot(tuple(Group((verdict,)) for verdict in verdicts), 2, 0.5, 1.0)
    found = verdicts[0].result
    assert found
    answer = Answer("a", Question("x", "movies"), query, found, "", ballot, verdicts, (), (), {})
    out = answer_out(answer, explain=False)
    shown = out["alternatives"][0]["response"]

    assert len(shown["hits"]) == 5
    assert len(shown["aggregations"]["groups"]["buckets"]) == 10
    assert len(shown["aggregations"]["groups"]["buckets"][0]["inner"]["buckets"]) == 10
    assert len(out["response"]["aggregations"]["groups"]["buckets"]) == 20


@pytest.mark.parametrize(("below", "unsure"), [(0.6, False), (0.61, True)])
def test_an_answer_of_little_confidence_says_that_it_is_unsure(
    translator: FakeTranslator, below: float, unsure: bool
) -> None:
    with TestClient(create_app(translator, Settings(_env_file=None, unsure_below=below))) as client:
        assert client.post("/movies/nlq", json={"question": "the hobbit"}).json()["unsure"] is unsure


def test_an_answer_says_what_it_cost(client: TestClient) -> None:
    answer = client.post("/movies/nlq", json={"question": "the hobbit"}).json()

    assert (answer["samples"], answer["tokens"]) == (5, 90)
