"""Indices, health, the page, its documentation, and what every answer of the service has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api import docs
from api.app import create_app
from api.problems import problem_of
from nlq.errors import (
    AccessError,
    BackendError,
    ConfigError,
    ConflictError,
    EngineError,
    InputError,
    NlqError,
    NoAnswerError,
    OverloadedError,
    SamplerError,
    StoreError,
    UnknownExampleError,
    UnknownIndexError,
)
from nlq.settings import Settings
from tests.fakes.translator import MAPPING, FakeTranslator

STATIC = Path(docs.STATIC)


@pytest.fixture
def translator() -> FakeTranslator:
    return FakeTranslator()


@pytest.fixture
def client(translator: FakeTranslator) -> Iterator[TestClient]:
    app = create_app(translator, Settings(_env_file=None), suggestions={"movies": ("films after 1995",)})
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def test_indexes_come_with_the_questions_that_are_known(client: TestClient) -> None:
    found = client.get("/indexes").json()

    assert found == [
        {"name": "movies", "documents": 4803, "about": "Feature films", "questions": ["films after 1995"]},
        {"name": "articles", "documents": 120, "about": "", "questions": []},
    ]


def test_a_mapping_is_sent_as_the_engine_gives_it(client: TestClient) -> None:
    assert client.get("/movies/mapping").json() == MAPPING


def test_the_mapping_of_an_unknown_index_is_404(client: TestClient) -> None:
    response = client.get("/nowhere/mapping")

    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


def test_indexes_of_an_engine_that_is_down_are_503(client: TestClient, translator: FakeTranslator) -> None:
    translator.engine.down = EngineError("Elasticsearch does not answer.")
    response = client.get("/indexes")

    assert response.status_code == 503
    assert response.json()["detail"] == "Elasticsearch does not answer."


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/a/b/c", 404), ("GET", "/movies/nlq", 405)])
def test_a_wrong_address_is_a_problem_document_too(client: TestClient, method: str, path: str, status: int) -> None:
    response = client.request(method, path)

    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["status"] == status


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NlqError("x"), 500),
        (ConfigError("x"), 500),
        (InputError("x"), 422),
        (UnknownIndexError("x"), 404),
        (UnknownExampleError("x"), 404),
        (ConflictError("x"), 412),
        (AccessError("x"), 403),
        (BackendError("x"), 503),
        (SamplerError("x"), 503),
        (StoreError("x"), 503),
        (EngineError("x"), 503),
        (OverloadedError("x", retry_after=2.5), 429),
        (NoAnswerError("x", verdicts=()), 422),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, NlqError) else "",
)
def test_every_error_of_the_tree_has_its_status(error: NlqError, status: int) -> None:
    assert problem_of(error).status == status


def test_overload_says_when_to_come_back() -> None:
    response = problem_of(OverloadedError("busy", retry_after=2.5)).response()

    assert response.headers["Retry-After"] == "3"


@pytest.mark.parametrize("path", ["/", "/_static/app.js", "/indexes", "/a/b/c"])
def test_every_answer_carries_the_security_headers(client: TestClient, path: str) -> None:
    headers = client.get(path).headers

    assert headers["content-security-policy"].startswith("default-src 'self'")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


def test_the_page_loads_nothing_from_elsewhere() -> None:
    namespace = "http://www.w3.org/"  # a name, not an address
    texts = {path.name: path.read_text("utf-8").replace(namespace, "") for path in STATIC.iterdir()}

    assert {name for name, text in texts.items() if "://" in text} == set()


def test_the_page_never_parses_data_as_markup() -> None:
    scripts = "".join(path.read_text("utf-8") for path in STATIC.glob("*.js"))

    assert not [name for name in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write") if name in scripts]


def test_the_page_and_all_it_names_are_served(client: TestClient) -> None:
    page = client.get("/").text

    assert {client.get(f"/_static/{path.name}").status_code for path in STATIC.iterdir()} == {200}
    assert '<script type="module" src="/_static/app.js">' in page


def test_swagger_needs_no_network(client: TestClient) -> None:
    page = client.get("/docs")

    assert "swagger-ui" in page.text
    assert "://" not in page.text
    assert "https" not in page.headers["content-security-policy"]
    assert client.get("/_docs/swagger-ui-bundle.js").status_code == 200


def test_metrics_count_questions_by_how_they_ended(client: TestClient) -> None:
    client.post("/movies/nlq", json={"question": "count of films"})
    client.post("/nowhere/nlq", json={"question": "count of films"})
    text = client.get("/metrics").text

    assert 'nlq_questions_total{end="answered"} 1.0' in text
    assert 'nlq_questions_total{end="UnknownIndexError"} 1.0' in text
    assert "nlq_stage_seconds_count" in text


def test_the_documentation_names_the_request_and_its_problems(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    post = document["paths"]["/{index}/nlq"]["post"]
    ask = document["components"]["schemas"]["Ask"]["properties"]

    assert set(ask) == {
        "question", "n", "temperature", "select", "stop", "revise", "seed", "max_results", "explain", "time_budget"
    }  # fmt: skip
    assert {"200", "401", "403", "404", "409", "413", "422", "429", "503"} == set(post["responses"])
    [name] = post["parameters"][:1]
    assert "pattern" in name["description"]
    assert {e["value"] for e in name["examples"].values()} == {"movies", "logs-*", "orders-2025,orders-2026"}
    assert "maxLength" not in name["schema"]
    assert set(document["components"]["schemas"]["RepairOut"]["properties"]) == {"field", "was", "now", "to"}
    assert set(document["components"]["schemas"]["VotesOut"]["properties"]) == {"for", "of", "groups"}
