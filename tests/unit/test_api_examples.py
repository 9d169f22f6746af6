"""/examples and /{index}/feedback: the examples over HTTP, and everything a caller can get wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.security import MAX_BODY_BYTES
from nlq.caching import AnswerCache
from nlq.settings import Settings
from nlq.translator import Translator
from nlq.types import Body, Example, SamplingParams, State
from tests.fakes.engine import FakeEngine
from tests.fakes.sampler import ScriptedSampler
from tests.fakes.store import FakeStore
from tests.support import library_engine

CRIME: Body = {"query": {"term": {"shelf": "Crime"}}}
TRAVEL: Body = {"query": {"term": {"shelf": "Travel"}}}
NEW: Body = {"question": "crime novels", "query": CRIME, "index": "library"}
RIGHT: Body = {"verdict": "right", "question": "crime novels", "query": CRIME}


@pytest.fixture
def engine() -> FakeEngine:
    return library_engine()


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def client(engine: FakeEngine, store: FakeStore) -> Iterator[TestClient]:
    translator = Translator(engine, ScriptedSampler(['{"query":{"term":{"shelf":"crime"}}}']), store)
    with TestClient(create_app(translator, Settings(_env_file=None)), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def kept(client: TestClient) -> httpx.Response:
    """The answer to one example that was added."""
    return client.post("/examples", json=NEW)


def refused(response: httpx.Response, status: int) -> str:
    """The sentence of a problem document with that status."""
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    detail: str = response.json()["detail"]
    return detail


def fill(store: FakeStore, count: int) -> None:
    store.add(Example(f"question {i}", CRIME, "library" if i % 2 else "elsewhere") for i in range(count))


def test_an_added_example_is_201_with_its_place_its_etag_and_its_record(kept: httpx.Response) -> None:
    record = kept.json()

    assert kept.status_code == 201
    assert kept.headers["location"] == f"/examples/{record['id']}"
    assert kept.headers["etag"] == f'"{record["etag"]}"'
    assert set(record) == {
        "id", "question", "query", "index", "fields", "tags", "source", "author", "state", "engine", "checked",
        "reason", "created", "updated", "uses", "wins", "etag",
    }  # fmt: skip
    assert (record["state"], record["source"], record["query"]) == ("verified", "hand", CRIME)


def test_an_example_that_is_known_is_200_with_its_record(client: TestClient, kept: httpx.Response) -> None:
    again = client.post("/examples", json=NEW)

    assert (again.status_code, again.json()["id"]) == (200, kept.json()["id"])
    assert "location" not in again.headers


def test_an_example_is_read_where_its_location_says(client: TestClient, kept: httpx.Response) -> None:
    read = client.get(kept.headers["location"])

    assert read.json() == kept.json()
    assert read.headers["etag"] == kept.headers["etag"]


def test_a_question_whose_answer_was_wrong_is_asked_anew(engine: FakeEngine, store: FakeStore) -> None:
    sampler = ScriptedSampler(['{"query":{"term":{"shelf":"crime"}}}'] * 3)
    translator = Translator(engine, sampler, store, params=SamplingParams(n=1), cache=AnswerCache())
    ask = {"question": "crime novels"}
    with TestClient(create_app(translator, Settings(_env_file=None))) as client:
        first, again = (client.post("/library/nlq", json=ask).json()["cached"] for _ in range(2))
        client.post("/library/feedback", json={"verdict": "wrong", **ask})
        anew = client.post("/library/nlq", json=ask).json()["cached"]

    assert (first, again, anew) == (False, True, False)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({**NEW, "query": {"query": {"term": {"shelv": "Crime"}}}}, "shelv"),
        ({**NEW, "query": {"query": {"script": {"script": "1"}}}}, "script"),
        ({**NEW, "question": " "}, "question is empty"),
        ({**NEW, "question": "x" * 2001}, "2001 characters"),
        ({**NEW, "query": "match all"}, "query: "),
        ({**NEW, "index": "a b"}, "a b"),
        ({**NEW, "tags": ["x"] * 17}, "tags: "),
        ({**NEW, "tags": ["\x1b[31m"]}, "tags: "),
        ({**NEW, "tags": [" "]}, "tags: "),
        ({**NEW, "author": "\x00"}, "author: "),
        ({**NEW, "source": "seed"}, "source: is not a name of this request"),
        ({"query": CRIME, "index": "library"}, "question: is missing"),
    ],
    ids=lambda value: "" if isinstance(value, dict) else value,
)
def test_what_cannot_be_kept_is_422_with_the_reason(
    client: TestClient, store: FakeStore, body: Body, says: str
) -> None:
    assert says in refused(client.post("/examples", json=body), 422)
    assert store.count() == 0


@pytest.mark.parametrize("path", ["/examples", "/examples/search", "/library/feedback"])
def test_a_body_that_is_too_large_is_413(client: TestClient, path: str) -> None:
    refused(client.post(path, content=b"x" * (MAX_BODY_BYTES + 1)), 413)


@pytest.mark.parametrize("path", ["/examples", "/library/feedback"])
def test_a_form_of_another_page_can_add_nothing(client: TestClient, store: FakeStore, path: str) -> None:
    sent = '{"verdict":"right","question":"x","query":{},"index":"library"}'

    refused(client.post(path, content=sent, headers={"Content-Type": "text/plain"}), 422)
    assert store.count() == 0


def test_half_a_character_in_a_question_is_refused(client: TestClient) -> None:
    sent = b'{"question": "\\ud800", "query": {}, "index": "library"}'

    refused(client.post("/examples", content=sent, headers={"Content-Type": "application/json"}), 422)


def test_pages_follow_each_other_and_say_how_many_there_are(client: TestClient, store: FakeStore) -> None:
    fill(store, 5)
    seen, after, sizes = [], "", []
    while after is not None:
        page = client.get("/examples", params={"limit": 2, "after": after}).json()
        assert page["total"] == 5
        seen += [record["question"] for record in page["examples"]]
        sizes.append(len(page["examples"]))
        after = page["next"]

    assert seen == [f"question {i}" for i in range(5)]
    assert sizes == [2, 2, 1]


@pytest.mark.parametrize(
    ("where", "count"),
    [
        ({"index": "elsewhere"}, 3),
        ({"text": "QUESTION 4"}, 1),
        ({"state": "stale"}, 0),
        ({"source": "hand"}, 5),
        ({"tag": "no"}, 0),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_page_can_be_filtered(client: TestClient, store: FakeStore, where: dict[str, str], count: int) -> None:
    fill(store, 5)
    page = client.get("/examples", params=where).json()

    assert (page["total"], len(page["examples"]), page["next"]) == (count, count, None)


@pytest.mark.parametrize("where", [{"limit": 0}, {"limit": 201}, {"limit": "x"}, {"state": "good"}])
def test_a_page_that_cannot_be_is_422(client: TestClient, where: dict[str, Any]) -> None:
    assert next(iter(where)) in refused(client.get("/examples", params=where), 422)


def test_an_edit_with_the_etag_replaces_all_parts(client: TestClient, kept: httpx.Response) -> None:
    edited = client.put(
        kept.headers["location"],
        json={"question": "travel books", "query": TRAVEL, "index": "library", "tags": ["t"]},
        headers={"If-Match": kept.headers["etag"]},
    )

    assert edited.status_code == 200
    assert edited.headers["etag"] != kept.headers["etag"]
    assert edited.json() == client.get(kept.headers["location"]).json()
    assert (edited.json()["question"], edited.json()["tags"], edited.json()["query"]) == ("travel books", ["t"], TRAVEL)


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_a_change_without_if_match_is_428(client: TestClient, kept: httpx.Response, method: str) -> None:
    assert "If-Match" in refused(client.request(method, kept.headers["location"], json=NEW), 428)
    assert client.get(kept.headers["location"]).json() == kept.json()


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize("condition", ['"old"', "W/{etag}", "", "{bare}"])
def test_a_change_of_another_version_is_412(
    client: TestClient, kept: httpx.Response, method: str, *, condition: str
) -> None:
    etag = kept.headers["etag"]
    headers = {"If-Match": condition.format(etag=etag, bare=etag.strip('"'))}
    refused(client.request(method, kept.headers["location"], json={**NEW, "query": TRAVEL}, headers=headers), 412)

    assert client.get(kept.headers["location"]).json() == kept.json()


@pytest.mark.parametrize("condition", ["{etag}", '"old", {etag}', "*"])
def test_a_removed_example_is_gone(client: TestClient, kept: httpx.Response, condition: str) -> None:
    headers = {"If-Match": condition.format(etag=kept.headers["etag"])}
    removed = client.delete(kept.headers["location"], headers=headers)

    assert (removed.status_code, removed.content) == (204, b"")
    refused(client.get(kept.headers["location"]), 404)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_an_unknown_example_is_404(client: TestClient, method: str) -> None:
    refused(client.request(method, "/examples/nobody", json=NEW, headers={"If-Match": "*"}), 404)


def test_the_nearest_are_found(client: TestClient, store: FakeStore) -> None:
    fill(store, 3)
    found = client.post("/examples/search", json={"question": "question 2", "k": 2, "exclude_index": "library"}).json()

    assert [e["index"] for e in found["examples"]] == ["elsewhere"]
    assert found["examples"][0]["score"] == 1
    assert found["examples"][0]["id"]


@pytest.mark.parametrize("body", [{"question": ""}, {"question": "x", "k": 0}, {"question": "x", "k": 101}, {}])
def test_a_search_that_cannot_be_is_422(client: TestClient, body: Body) -> None:
    refused(client.post("/examples/search", json=body), 422)


def test_an_index_may_be_named_examples(client: TestClient, engine: FakeEngine) -> None:
    engine.load("examples", mappings=dict(engine.mapping("library")), documents=[])

    assert client.get("/examples/mapping").json() == engine.mapping("examples")


def test_a_right_answer_becomes_an_example(client: TestClient) -> None:
    answer = client.post("/library/nlq", json={"question": "how much crime is there?"}).json()
    sent = {"verdict": "right", "question": answer["question"], "query": answer["query"]}
    record = client.post("/library/feedback", json=sent)

    assert record.status_code == 201
    assert record.json()["query"] == CRIME
    assert (record.json()["source"], record.json()["state"]) == ("user-approved", "verified")
    assert client.get(record.headers["location"]).json() == record.json()


def test_a_corrected_answer_becomes_an_example_with_its_author_and_tags(client: TestClient) -> None:
    sent = {**RIGHT, "verdict": "corrected", "query": TRAVEL, "author": "ann", "tags": ["t"]}
    record = client.post("/library/feedback", json=sent).json()

    assert (record["query"], record["author"], record["tags"]) == (TRAVEL, "ann", ["t"])


def test_a_wrong_answer_is_only_counted(client: TestClient, store: FakeStore) -> None:
    response = client.post("/library/feedback", json={"verdict": "wrong", "question": "crime novels"})

    assert (response.status_code, response.content, store.count()) == (204, b"", 0)
    assert 'nlq_feedback_total{verdict="wrong"} 1.0' in client.get("/metrics").text


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({**RIGHT, "query": {"query": {"term": {"shelv": "Crime"}}}}, "shelv"),
        ({**RIGHT, "query": {**CRIME, "collapse": {"field": "shelf"}}}, "Elasticsearch rejects it"),
        ({"verdict": "corrected", "question": "crime novels"}, "query: is missing"),
        ({"verdict": "right", "query": CRIME}, "question is empty"),
        ({**RIGHT, "verdict": "perhaps"}, "verdict: "),
    ],
    ids=lambda value: "" if isinstance(value, dict) else value,
)
def test_feedback_that_cannot_be_kept_says_what_is_wrong_and_is_not_counted(
    client: TestClient, store: FakeStore, body: Body, says: str
) -> None:
    assert says in refused(client.post("/library/feedback", json=body), 422)
    assert store.count() == 0
    assert "nlq_feedback_total{" not in client.get("/metrics").text


def test_feedback_on_an_index_that_is_not_there_is_404(client: TestClient) -> None:
    refused(client.post("/nowhere/feedback", json=RIGHT), 404)


def test_an_engine_that_is_down_makes_no_example_stale(
    client: TestClient, engine: FakeEngine, store: FakeStore
) -> None:
    engine.down = True

    refused(client.post("/library/feedback", json=RIGHT), 503)
    refused(client.post("/examples", json=NEW), 503)
    assert store.count() == 0


def test_a_store_that_is_down_is_503(client: TestClient, store: FakeStore) -> None:
    store.close()

    refused(client.get("/examples/x"), 503)
    refused(client.post("/examples", json=NEW), 503)


def test_an_approval_confirms_what_a_machine_wrote(client: TestClient, store: FakeStore) -> None:
    store.add([Example("crime novels", CRIME, "library", source="self")], state=State.UNCONFIRMED)
    record = client.post("/library/feedback", json=RIGHT)

    assert (record.status_code, record.json()["state"]) == (200, "verified")


def test_the_documentation_names_conditions_and_filters(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    filters = {parameter["name"] for parameter in paths["/examples"]["get"]["parameters"]}
    put = paths["/examples/{id}"]["put"]

    assert filters == {"index", "source", "state", "tag", "text", "after", "limit"}
    assert "If-Match" in {parameter["name"] for parameter in put["parameters"]}
    assert {"200", "404", "412", "422", "428"} <= set(put["responses"])
    assert {"200", "201", "204", "404", "422"} <= set(paths["/{index}/feedback"]["post"]["responses"])
