"""HTTP in, the real Elasticsearch and the real 1.5B model behind it, for the demo indices."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.console import Console

from api.app import create_app
from nlq.bootstrap import demo_questions, open_translator
from nlq.demo import load_demos
from nlq.settings import Settings
from tests.support import FIXTURES, served

pytestmark = [pytest.mark.engine, pytest.mark.model]
QUESTIONS = {
    "articles": "Articles by Alan Turing",
    "gutenberg": "Books by Jane Austen",
    "movies": "How many films did Steven Spielberg direct?",
}

ODD = ("كم عدد الأفلام؟", "有多少部电影？", '"; DROP TABLE movies; --', "\x1b[2J\x07 films?")


@pytest.fixture(scope="module")
def client(home: Path, engine_url: str, model_path: Path, tmp_path_factory: Any) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("examples")
    settings = Settings(
        home=home, es_url=engine_url, model=str(model_path), sampler="llama", examples_db=folder / "examples.db", n=4
    )
    with open_translator(settings) as translator:
        load_demos(translator.engine, console=Console(stderr=True))
        app = create_app(translator, settings, suggestions=demo_questions())
        with served(app) as url, httpx.Client(base_url=url, timeout=600) as http:
            yield http


def _expected(index: str) -> dict[str, Any]:
    cases = json.loads((FIXTURES / "demo_questions.json").read_text(encoding="utf-8"))[index]
    found: dict[str, Any] = next(c["expected"] for c in cases if c["question"] == QUESTIONS[index])
    return found


@pytest.mark.parametrize("index", QUESTIONS)
def test_a_question_about_a_demo_index_gets_the_right_answer(client: httpx.Client, index: str) -> None:
    response = client.post(f"/{index}/nlq", json={"question": QUESTIONS[index], "n": 4, "explain": True})
    answer = response.json()
    expected = _expected(index)

    assert response.status_code == 200, answer
    if "total" in expected:
        assert answer["response"]["total"] == expected["total"], answer["query"]
    else:
        assert sorted(h["_source"]["title"] for h in answer["response"]["hits"]) == expected["titles"], answer["query"]
    assert answer["votes"]["for"] >= 1
    assert answer["votes"]["of"] == 4
    assert [c["origin"] for c in answer["candidates"] if c["origin"] != "neighbour"] == ["sampled"] * 4
    assert {"sample", "verify", "total"} <= set(answer["timings"])
    assert answer["readback"]


def test_the_query_of_an_answer_can_be_sent_to_elasticsearch_as_it_is(client: httpx.Client, engine_url: str) -> None:
    answer = client.post("/gutenberg/nlq", json={"query": "books before 1800", "n": 1, "temperature": 0}).json()
    again = httpx.post(f"{engine_url}/gutenberg/_search", json=answer["query"]).json()

    assert again["hits"]["total"]["value"] == answer["response"]["total"]


def test_a_question_can_be_followed_as_events(client: httpx.Client) -> None:
    request = {"question": "How many books are there?", "n": 2}
    names = []
    with client.stream("POST", "/gutenberg/nlq", json=request, headers={"Accept": "text/event-stream"}) as events:
        for line in events.iter_lines():
            if line.startswith("event: "):
                names.append(line.removeprefix("event: "))

    tried = names.count("candidate")
    assert tried >= 2
    assert names == ["schema", "values", "examples", *["sampled"] * 2, *["candidate"] * tried, "ballot", "answer"]


@pytest.mark.parametrize(
    ("index", "status"),
    [
        ("nowhere", 404),
        (".security", 404),
        ("movies*,-gutenberg", 422),
        ("nothing-*", 404),
        ("..%2F..%2Fetc", 404),
        ("_all", 422),
    ],
)
def test_an_index_that_cannot_be_asked_is_a_problem_document(client: httpx.Client, index: str, status: int) -> None:
    response = client.post(f"/{index}/nlq", json={"question": "anything?"})

    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert "Traceback" not in response.text


@pytest.mark.parametrize("question", ODD)
def test_an_odd_question_breaks_nothing(client: httpx.Client, question: str) -> None:
    response = client.post("/movies/nlq", json={"question": question, "n": 1, "temperature": 0})

    assert response.status_code in (200, 422)
    assert client.get("/healthz").status_code == 200


def test_a_question_of_100_kb_is_refused_before_the_model_sees_it(client: httpx.Client) -> None:
    response = client.post("/movies/nlq", json={"question": "x" * 100_000})

    assert response.status_code in (413, 422)
    assert response.headers["content-type"] == "application/problem+json"


def test_the_service_tells_what_can_be_asked_and_that_it_is_well(client: httpx.Client) -> None:
    indexes = {i["name"]: i for i in client.get("/indexes").json()}
    health = client.get("/healthz").json()

    assert {"articles", "gutenberg", "movies"} <= set(indexes)
    assert indexes["movies"]["documents"] > 2500
    assert "genre" in client.get("/movies/mapping").text
    assert health["status"] == "ok", health
    assert client.get("/docs").status_code == 200
    assert client.get("/").status_code == 200
