"""POST /{index}/nlq: the answer, its events, and everything a caller can get wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from nlq.settings import Settings
from nlq.translator import Translator
from nlq.types import Result, SamplingParams
from nlq.vote import RULES, STOPS
from tests.fakes import translator as fake
from tests.fakes.sampler import ScriptedSampler
from tests.fakes.store import FakeStore
from tests.fakes.translator import FakeTranslator
from tests.support import library_engine, lines

WRONG = lines("api_wrong_requests.jsonl")
SSE = {"Accept": "text/event-stream"}
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def translator() -> FakeTranslator:
    return FakeTranslator()


@pytest.fixture
def client(translator: FakeTranslator) -> Iterator[TestClient]:
    with TestClient(create_app(translator, Settings(_env_file=None)), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def library() -> Iterator[TestClient]:
    """The whole way over the fixture index; the model writes a shelf in the wrong case, then one that is right."""
    texts = ['{"query":{"term":{"shelf":"crime"}}}', '{"query":{"term":{"shelf":"Travel"}}}']
    translator = Translator(library_engine(), ScriptedSampler(texts), FakeStore(), params=SamplingParams(n=4))
    with TestClient(create_app(translator, Settings(_env_file=None)), raise_server_exceptions=False) as client:
        yield client


def events(text: str) -> list[tuple[str, Any]]:
    """Name and data of every event in an event stream."""
    blocks = (block.split("\n") for block in text.strip().split("\n\n"))
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in blocks]


def problem(response: Any) -> dict[str, Any]:
    assert response.headers["content-type"] == "application/problem+json"
    document = response.json()
    assert document["status"] == response.status_code
    assert {"type", "title", "detail"} <= document.keys()
    return document


def test_an_answer_has_every_promised_name(client: TestClient) -> None:
    answer = client.post("/movies/nlq", json={"question": "the hobbit"}).json()

    assert set(answer) == {
        "id", "question", "index", "query", "repairs", "response", "chart", "readback", "votes", "confidence",
        "unsure", "alternatives", "samples", "tokens", "cached", "answered_as", "next", "timings",
    }  # fmt: skip
    assert set(answer["response"]) == {"hits", "aggregations", "total", "took", "terminated_early"}
    assert answer["votes"] == {"for": 3, "of": 5, "groups": [3, 1]}
    assert answer["confidence"] == 0.6
    assert answer["response"]["hits"][0]["_source"]["title"] == "The Hobbit"
    assert [(a["votes"], a["query"]) for a in answer["alternatives"]] == [
        (1, {"query": {"match_phrase": {"title": "the hobbit"}}})
    ]


def test_a_repaired_value_is_told_with_the_answer_and_the_candidates_it_was_repaired_in(library: TestClient) -> None:
    request = {"question": "what about crime?", "n": 3, "explain": True}
    answer = library.post("/library/nlq", json=request).json()
    repair = {"field": "shelf", "was": "crime", "now": "Crime", "to": ""}

    assert answer["query"]["query"] == {"term": {"shelf": "Crime"}}
    assert answer["repairs"] == [repair]
    assert [c["repairs"] for c in answer["candidates"]] == [[repair], [], [repair]]
    assert [a["repairs"] for a in answer["alternatives"]] == [[]]


def test_a_candidates_event_tells_its_repairs(library: TestClient) -> None:
    response = library.post("/library/nlq", json={"question": "what about crime?", "n": 2}, headers=SSE)
    told = [data["repairs"] for name, data in events(response.text) if name == "candidate"]

    assert told == [[{"field": "shelf", "was": "crime", "now": "Crime", "to": ""}], []]


@pytest.mark.parametrize(
    ("path", "index"),
    [
        ("lib*", "lib*"),
        ("lib%2A", "lib*"),
        ("library,lib*", "library,lib*"),
        ("library%2Clib%2A", "library,lib*"),
        (",".join(["library"] * 300), ",".join(["library"] * 300)),
    ],
    ids=["pattern", "encoded pattern", "list", "encoded list", "long list"],
)
def test_a_pattern_and_a_list_are_asked_as_one_index(library: TestClient, path: str, index: str) -> None:
    response = library.post(f"/{path}/nlq", json={"question": "what about crime?", "n": 1})

    assert response.status_code == 200
    assert response.json()["index"] == index
    assert response.json()["response"]["total"] == 2
    assert library.get(f"/{path}/mapping").json()["properties"]["shelf"] == {"type": "keyword"}


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("nothing-*", 404, "There is no index 'nothing-*'"),
        ("library,nowhere", 404, "There is no index 'library,nowhere'"),
        ("library,-lib*", 422, "it cannot start with '-'"),
        ("other:library", 422, "it cannot hold ':'"),
        ("library,", 422, "The name of the index is empty"),
        (",".join(["library"] * 500), 422, "names too many indices"),
    ],
    ids=["no match", "one unknown", "exclusion", "other cluster", "empty part", "too long"],
)
def test_a_name_that_cannot_be_asked_is_told_why(library: TestClient, path: str, status: int, said: str) -> None:
    response = library.post(f"/{path}/nlq", json={"question": "what about crime?"})

    assert response.status_code == status
    assert said in problem(response)["detail"]


def test_a_query_is_sent_with_every_number_of_its_vector(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    knn = {"field": "plot", "query_vector": [0.5] * 384, "k": 10, "_name": "talking animals"}
    monkeypatch.setitem(fake.CANNED, "", ({"query": {"knn": knn}}, Result((), 0), "Films"))

    assert client.post("/movies/nlq", json={"question": "x"}).json()["query"]["query"]["knn"] == knn


def test_query_is_another_name_for_question(client: TestClient, translator: FakeTranslator) -> None:
    response = client.post("/movies/nlq", json={"query": "the hobbit"})

    assert response.status_code == 200
    assert translator.asked[0][0].text == "the hobbit"


def test_options_reach_the_translator(client: TestClient, translator: FakeTranslator) -> None:
    sent = {"n": 4, "temperature": 0.2, "select": "mbr", "stop": "window", "revise": True, "seed": 7}
    sent |= {"max_results": 50, "time_budget": 9}
    client.post("/movies/nlq", json={"question": "the hobbit", **sent})

    options = translator.asked[0][1]

    assert {name: getattr(options, name) for name in sent} == sent


def test_n_auto_leaves_the_number_to_the_translator(client: TestClient, translator: FakeTranslator) -> None:
    client.post("/movies/nlq", json={"question": "the hobbit", "n": "auto"})

    assert translator.asked[0][1].n is None


def test_an_event_stream_tells_every_step_and_ends_with_the_answer(client: TestClient) -> None:
    response = client.post("/movies/nlq", json={"question": "the hobbit"}, headers=SSE)
    whole = client.post("/movies/nlq", json={"question": "the hobbit"}).json()
    steps = events(response.text)

    assert response.headers["content-type"].startswith("text/event-stream")
    assert [name for name, _ in steps] == ["schema", "values", "examples", *["candidate"] * 5, "ballot", "answer"]
    assert steps[-1][1] == whole
    assert steps[1][1] == [{"text": "hobbit", "field": "title", "value": "The Hobbit"}]
    assert steps[5][1]["outcome"] == "invalid"


def test_the_stream_of_a_real_translation_tells_of_every_candidate_twice(library: TestClient) -> None:
    response = library.post("/library/nlq", json={"question": "what about crime?", "n": 2}, headers=SSE)
    names = [name for name, _ in events(response.text)]

    assert names == ["schema", "values", "examples", *["sampled"] * 2, *["candidate"] * 2, "ballot", "answer"]


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_can_be_selected(library: TestClient, rule: str) -> None:
    assert library.post("/library/nlq", json={"question": "what about crime?", "select": rule}).status_code == 200


@pytest.mark.parametrize("rule", STOPS)
def test_every_rule_of_stopping_can_be_chosen(library: TestClient, rule: str) -> None:
    assert library.post("/library/nlq", json={"question": "what about crime?", "stop": rule}).status_code == 200


def test_a_failure_after_the_first_event_is_the_last_event(client: TestClient) -> None:
    response = client.post("/movies/nlq", json={"question": "hopeless"}, headers=SSE)
    name, data = events(response.text)[-1]

    assert response.status_code == 200
    assert name == "error"
    assert data["status"] == 422
    assert [c["outcome"] for c in data["candidates"]] == ["unparsed", "invalid"]


def test_a_failure_before_the_first_event_keeps_its_status(client: TestClient) -> None:
    response = client.post("/nowhere/nlq", json={"question": "x"}, headers=SSE)

    assert response.status_code == 404
    assert "no index 'nowhere'" in problem(response)["detail"]


def test_no_surviving_candidate_is_422_with_the_reasons(client: TestClient) -> None:
    response = client.post("/movies/nlq", json={"question": "hopeless"})
    document = problem(response)

    assert response.status_code == 422
    assert document["type"] == "urn:problem-type:nlq:no-answer"
    assert [c["reason"] for c in document["candidates"]] == [
        "It ends inside an object.",
        "'titel' is no field of this index.",
    ]


def test_an_engine_that_is_down_is_503(client: TestClient) -> None:
    response = client.post("/movies/nlq", json={"question": "engine down"})

    assert response.status_code == 503
    assert "nlq elastic start" in problem(response)["detail"]


@pytest.mark.parametrize("accept", [{}, SSE], ids=["json", "stream"])
def test_an_unforeseen_error_shows_an_id_and_nothing_else(
    client: TestClient, translator: FakeTranslator, caplog: pytest.LogCaptureFixture, accept: dict[str, str]
) -> None:
    translator.crash = ValueError("a secret of the inside")
    response = client.post("/movies/nlq", json={"question": "x"}, headers=accept)
    document = events(response.text)[-1][1] if accept else problem(response)

    assert document["status"] == 500
    assert document["id"] in caplog.text
    assert "secret" not in response.text
    assert "Traceback" not in response.text


@pytest.mark.parametrize("case", WRONG, ids=[case["name"] for case in WRONG])
def test_a_wrong_request_gets_one_clear_sentence(
    client: TestClient, translator: FakeTranslator, case: dict[str, Any]
) -> None:
    body = case["body"].encode("utf-8") * case.get("times", 1)
    document = problem(client.post("/movies/nlq", content=body, headers=JSON))

    assert document["status"] == case["status"]
    assert document["detail"] == case["detail"]
    assert translator.asked == []


def test_a_body_of_unannounced_length_is_refused_when_it_grows_too_large(client: TestClient) -> None:
    response = client.post("/movies/nlq", content=(b"x" * 1000 for _ in range(100)), headers=JSON)

    assert response.status_code == 413
    assert problem(response)["detail"] == "The request body may have at most 64 kB."


def test_a_body_that_is_not_declared_as_json_is_told_what_to_send(client: TestClient) -> None:
    response = client.post("/movies/nlq", data={"question": "x"})

    assert response.status_code == 422
    assert problem(response)["detail"] == "Send a JSON object with Content-Type: application/json."


@pytest.mark.parametrize(
    ("sent", "asked"),
    [
        ("كم فيلماً بعد ١٩٩٥؟", "كم فيلماً بعد ١٩٩٥؟"),
        ("1995年以后有多少部喜剧？", "1995年以后有多少部喜剧？"),
        ('"; DROP TABLE movies', '"; DROP TABLE movies'),
        ("how\x00 many\x1b[31m\nfilms\ud800", "how many [31m films"),
    ],
    ids=["arabic", "chinese", "drop", "control"],
)
def test_any_text_can_be_asked(client: TestClient, translator: FakeTranslator, sent: str, asked: str) -> None:
    response = client.post("/movies/nlq", content=json.dumps({"question": sent}), headers=JSON)

    assert response.status_code == 200
    assert translator.asked[0][0].text == asked


@pytest.mark.parametrize("index", ["..%2Fsecret", "%2e%2e%2fx"])
def test_a_path_in_place_of_an_index_leads_nowhere(client: TestClient, translator: FakeTranslator, index: str) -> None:
    response = client.post(f"/{index}/nlq", json={"question": "x"})

    assert response.status_code == 404
    assert problem(response)
    assert translator.asked == []


def test_half_a_surrogate_pair_from_a_model_can_be_sent(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = {"query": {"match": {"title": "\ud800"}}}
    monkeypatch.setitem(fake.CANNED, "", (broken, Result((), 0), "Films"))

    assert client.post("/movies/nlq", json={"question": "x"}).json()["query"] == broken
    assert events(client.post("/movies/nlq", json={"question": "x"}, headers=SSE).text)[-1][1]["query"] == broken
