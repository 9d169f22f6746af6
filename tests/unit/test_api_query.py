"""POST /{index}/query: an edited query under the rules of every answer, its pages, and files of what it finds."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.export import exported as exported_rows
from nlq.paging import Cursor, _digest
from nlq.settings import Settings
from nlq.translator import Limits, Translator
from nlq.types import Body
from tests.fakes.engine import FakeEngine
from tests.fakes.sampler import ScriptedSampler
from tests.fakes.store import FakeStore
from tests.support import lines

CASES = lines("api_exports.jsonl")
MAPPINGS: Body = {
    "properties": {
        "title": {"type": "keyword"},
        "pages": {"type": "integer"},
        "price": {"type": "double"},
        "lent": {"type": "boolean"},
        "bought": {"type": "date"},
        "tags": {"type": "keyword"},
        "shop": {"properties": {"city": {"type": "keyword"}}},
    }
}
BOOKS: tuple[Body, ...] = (
    {"title": "=cmd|' /C calc'!A0", "pages": 310, "price": 12.5, "lent": True, "shop": {"city": "Oslo"}},
    {"title": 'Blue, "Water"\nDeep', "pages": -5, "price": 20, "tags": ["a", "b"]},
    {"title": "@night", "price": -9.25, "lent": False, "tags": []},
    {"title": "موبي ديك", "pages": 700, "price": 3, "shop": {"city": "Qena"}},
    {"title": "Plain", "pages": 12, "tags": ["a"]},
)
ALL: Body = {"query": {"query": {"match_all": {}}}}


def app_client(**changes: Any) -> TestClient:
    engine = FakeEngine()
    engine.load("books", mappings=MAPPINGS, documents=[(str(n), book) for n, book in enumerate(BOOKS, 1)])
    settings = Settings(_env_file=None, **changes)
    limits = Limits(max_results=settings.max_results)
    translator = Translator(
        engine, ScriptedSampler(['{"query":{"match_all":{}},"size":2}']), FakeStore(), limits=limits
    )
    return TestClient(create_app(translator, settings), raise_server_exceptions=False)


@pytest.fixture
def client() -> Iterator[TestClient]:
    with app_client() as client:
        yield client


def exported(client: TestClient, form: str, body: Body = ALL) -> Any:
    response = client.post(f"/books/query?format={form}", json=body)
    assert response.status_code == 200, response.text
    return response


def test_a_query_is_answered_with_what_it_finds_and_means(client: TestClient) -> None:
    body = {"query": {"query": {"range": {"pages": {"gt": 100}}}, "sort": [{"pages": "asc"}]}}
    ran = client.post("/books/query", json=body).json()

    assert set(ran) == {"index", "query", "response", "chart", "readback", "next"}
    assert [hit["_id"] for hit in ran["response"]["hits"]] == ["1", "4"]
    assert ran["response"]["total"] == 2
    assert "pages" in ran["readback"]
    assert ran["next"] is None


@pytest.mark.parametrize("case", lines("api_queries_refused.jsonl"), ids=lambda case: case["name"])
def test_a_query_that_may_not_run_gets_one_clear_sentence(client: TestClient, case: dict[str, Any]) -> None:
    response = client.post(f"/{case.get('index', 'books')}/query", json=case["body"])

    assert response.status_code == case["status"]
    assert case["said"] in response.json()["detail"]


def test_an_answer_is_paged_by_its_query_and_its_token(client: TestClient) -> None:
    answer = client.post("/books/nlq", json={"question": "which books?", "n": 1}).json()
    seen, following = [hit["_id"] for hit in answer["response"]["hits"]], answer["next"]
    while following:
        ran = client.post("/books/query", json={"query": answer["query"], "next": following}).json()
        assert ran["query"] == answer["query"]
        seen += [hit["_id"] for hit in ran["response"]["hits"]]
        following = ran["next"]

    assert seen == ["1", "2", "3", "4", "5"]


def test_a_query_that_reads_otherwise_once_it_is_finished_again_is_paged_too(client: TestClient) -> None:
    body = {"query": {"bool": {"must_not": [{"terms": {"bought": ["1995", "1996"]}}]}}, "size": 2}
    ran = client.post("/books/query", json={"query": body}).json()
    seen = [hit["_id"] for hit in ran["response"]["hits"]]
    while ran["next"]:
        ran = client.post("/books/query", json={"query": ran["query"], "next": ran["next"]}).json()
        seen += [hit["_id"] for hit in ran["response"]["hits"]]

    assert ran["query"]["query"] != body["query"]
    assert seen == ["1", "2", "3", "4", "5"]


def test_a_token_is_no_way_around_the_most_results(client: TestClient) -> None:
    query = {"query": {"match_all": {}}, "size": 5000, "track_total_hits": True}
    forged = Cursor(_digest("books", query), (1.0, -1), frozenset(), 1).token()

    assert client.post("/books/query", json={"query": query, "next": forged}).status_code == 422


def test_a_query_is_paged_as_it_was_sent(client: TestClient) -> None:
    body = {"query": {"size": 3, "sort": [{"price": "desc"}]}}
    first = client.post("/books/query", json=body).json()
    second = client.post("/books/query", json={**body, "next": first["next"]}).json()

    assert [hit["_id"] for ran in (first, second) for hit in ran["response"]["hits"]] == ["2", "1", "4", "3", "5"]
    assert second["readback"] == first["readback"]
    assert second["next"] is None


def test_at_most_so_many_results_are_given_as_the_request_says(client: TestClient) -> None:
    assert len(client.post("/books/query", json={**ALL, "max_results": 2}).json()["response"]["hits"]) == 2


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_results_become_rows(client: TestClient, case: dict[str, Any]) -> None:
    rows = [json.loads(line) for line in exported(client, "ndjson", case["body"]).text.splitlines()]

    assert rows == case["rows"]


def test_a_csv_has_every_column_and_no_formula(client: TestClient) -> None:
    response = exported(client, "csv")
    head, *rows = csv.reader(io.StringIO(response.content.decode("utf-8"), newline=""))
    titles = [row[head.index("title")] for row in rows]

    assert head == ["_index", "_id", "title", "pages", "price", "lent", "shop.city", "tags"]
    assert titles == ["'=cmd|' /C calc'!A0", 'Blue, "Water"\nDeep', "'@night", "موبي ديك", "Plain"]
    assert rows[0][3:] == ["310", "12.5", "true", "Oslo", ""]
    assert rows[1][3:] == ["-5", "20", "", "", '["a","b"]']
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert response.headers["content-disposition"] == 'attachment; filename="result.csv"'


def test_names_of_columns_are_no_formulas_either(client: TestClient) -> None:
    body = {"query": {"size": 0, "aggs": {"=1+1": {"max": {"field": "pages"}}}}}
    written = exported(client, "csv", body).text

    assert not written.startswith("=")


def test_arrow_rounds_an_integer_that_stands_among_fractions() -> None:
    rows = [{"a": 2**53 + 1}, {"a": 1.5}, {}]
    table = pa.ipc.open_stream(b"".join(exported_rows(rows, "arrow"))).read_all()

    assert table.column("a").to_pylist() == [float(2**53), 1.5, None]


def test_arrow_keeps_numbers_truths_and_texts(client: TestClient) -> None:
    table = pa.ipc.open_stream(exported(client, "arrow").content).read_all()

    assert {name: str(table.schema.field(name).type) for name in table.column_names} == {
        "_index": "string", "_id": "string", "title": "string", "pages": "int64", "price": "double", "lent": "bool",
        "shop.city": "string", "tags": "string",
    }  # fmt: skip
    assert table.column("pages").to_pylist() == [310, -5, None, 700, 12]
    assert table.column("tags").to_pylist() == [None, '["a","b"]', "[]", None, '["a"]']


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("text/csv", "text/csv; charset=utf-8"),
        ("application/x-ndjson, */*", "application/x-ndjson"),
        ("application/vnd.apache.arrow.stream", "application/vnd.apache.arrow.stream"),
        ("application/json", "application/json"),
        ("*/*", "application/json"),
    ],
)
def test_accept_chooses_the_form(client: TestClient, accept: str, media: str) -> None:
    response = client.post("/books/query", json=ALL, headers={"Accept": accept})

    assert response.headers["content-type"] == media


@pytest.mark.parametrize("page", [1, 2, 5, 1000])
@pytest.mark.parametrize(
    ("body", "rows"),
    [
        (ALL, 5),
        ({"query": {"size": 1000}}, 5),
        ({"query": {"size": 3}}, 3),
        ({**ALL, "max_results": 4}, 4),
    ],
    ids=["all", "filled size", "own size", "request"],
)
def test_an_export_reads_page_after_page_up_to_what_is_wanted(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, *, body: Body, rows: int, page: int
) -> None:
    monkeypatch.setattr("api.query.PAGE", page)
    found = [json.loads(line)["_id"] for line in exported(client, "ndjson", body).text.splitlines()]

    assert len(found) == len(set(found)) == rows


def test_an_export_begins_where_the_query_does(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.query.PAGE", 2)
    text = exported(client, "ndjson", {"query": {"sort": ["pages"], "from": 1}}).text

    assert [json.loads(line)["_id"] for line in text.splitlines()] == ["5", "1", "4", "3"]


def test_an_export_has_no_more_rows_than_the_service_gives_and_says_how_many_there_are() -> None:
    with app_client(export_rows=2) as client:
        response = exported(client, "csv")
        groups = {"query": {"size": 0, "aggs": {"groups": {"terms": {"field": "title"}}}}}

        assert len(response.text.splitlines()) == 1 + 3  # one title has a line break
        assert response.headers["x-total-count"] == "5"
        assert len(exported(client, "ndjson", groups).text.splitlines()) == 2


@pytest.mark.parametrize("form", ["csv", "ndjson", "arrow"])
def test_an_export_of_nothing_is_empty(client: TestClient, form: str) -> None:
    response = exported(client, form, {"query": {"query": {"term": {"title": "none"}}}})

    assert response.content.strip() == b"" or form == "arrow"
    assert form != "arrow" or pa.ipc.open_stream(response.content).read_all().num_rows == 0


def test_an_export_that_cannot_begin_has_its_status(client: TestClient) -> None:
    response = client.post("/nowhere/query?format=csv", json=ALL)

    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


def test_an_export_that_breaks_while_its_columns_are_looked_for_has_its_status(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.query.PAGE", 2)
    monkeypatch.setattr("nlq.paging.Cursor.token", lambda _: "broken")

    assert client.post("/books/query?format=csv", json=ALL).status_code == 422


def test_an_export_begins_at_the_first_hit(client: TestClient) -> None:
    response = client.post("/books/query?format=csv", json={**ALL, "next": "x"})

    assert response.status_code == 422
    assert response.json()["detail"] == "next: leave it out of an export, which begins with the first hit."
