"""Keys, scopes, callers' own credentials and limits over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from api.access import ACTIONS, ELASTIC_HEADER, is_open
from api.app import create_app
from nlq.access.callers import Action, Grant
from nlq.access.door import Door
from nlq.access.keys import KeyStore
from nlq.settings import Settings
from nlq.translator import Translator
from nlq.types import Example, SamplingParams
from tests.fakes.access import SharedEngine
from tests.fakes.engine import FakeEngine
from tests.fakes.sampler import ScriptedSampler
from tests.fakes.store import FakeStore

ALL = '{"query":{"match_all":{}}}'
KEYWORD = {"type": "keyword"}
ASK = {"question": "what is there?", "n": 1}
SHIPPED = Example("books of crime", {"query": {"term": {"shelf": "Crime"}}}, "library")
LOGS = Example("errors of the shop", {"query": {"term": {"host": "shop-7"}}}, "logs-db")
STAFF = Example("what does Kim earn", {"query": {"term": {"person": "Kim"}}}, "staff")


def engine() -> SharedEngine:
    made = SharedEngine({"web": ("logs-web",), "logs-people": ("staff",)})
    for name, field, value in (
        ("logs-web", "host", "shop-1"),
        ("logs-db", "host", "shop-7"),
        ("staff", "person", "Kim"),
    ):
        made.load(name, mappings={"properties": {field: KEYWORD}}, documents=[("1", {field: value})])
    return made


@dataclass(slots=True)
class Service:
    client: TestClient
    keys: KeyStore
    engine: SharedEngine
    sampler: ScriptedSampler
    store: FakeStore

    def headers(self, *indexes: str, actions: str = "ask query", rate: int | None = None) -> dict[str, str]:
        """Of a caller with a new key."""
        grant = Grant(indexes, frozenset(Action(action) for action in actions.split()))
        return {"X-API-Key": self.keys.add("team", grant, rate=rate)[0]}


Opens = Callable[..., Service]


@pytest.fixture
def opens(tmp_path: Path) -> Iterator[Opens]:
    with ExitStack() as clients:

        def opened(*, locked: bool = True, **settings: Any) -> Service:
            keys, asked = KeyStore(tmp_path / "keys.db"), engine()
            sampler, store = ScriptedSampler([ALL]), FakeStore([SHIPPED, LOGS, STAFF])
            translator = Translator(asked, sampler, store, params=SamplingParams(n=2))
            door = Door(keys if locked else None, shipped=lambda e: e.question == SHIPPED.question)
            app = create_app(translator, Settings(_env_file=None, **settings), door=door)
            client = clients.enter_context(TestClient(app, raise_server_exceptions=False))
            return Service(client, keys, asked, sampler, store)

        yield opened


@pytest.fixture
def service(opens: Opens) -> Service:
    return opens()


def detail(response: Any, status: int) -> str:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    return str(response.json()["detail"])


@pytest.mark.parametrize("name", ["X-API-Key", "Authorization"])
def test_a_key_comes_in_either_header(service: Service, name: str) -> None:
    [key] = service.headers("*").values()
    value = key if name == "X-API-Key" else f"bearer {key}"

    assert service.client.post("/staff/nlq", json=ASK, headers={name: value}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-API-Key": ""},
        {"X-API-Key": "nlq_made-up"},
        {"X-API-Key": "something else"},
        {"X-API-Key": "x" * 20_000},
        {"Authorization": "Basic dTpw"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer a", "X-API-Key": "b"},
    ],
    ids=str,
)
def test_who_is_not_known_gets_401_before_anything_is_read(service: Service, headers: dict[str, str]) -> None:
    sent = service.client.post("/staff/nlq", content=b"{", headers={"Content-Type": "application/json", **headers})

    said = detail(sent, 401)
    assert sent.headers["WWW-Authenticate"] == 'Bearer realm="nlq"'
    assert "made-up" not in said


@pytest.mark.parametrize("path", ["/", "/healthz", "/docs", "/openapi.json", "/_static/app.js"])
def test_what_tells_nothing_needs_no_key(service: Service, path: str) -> None:
    assert service.client.get(path).status_code == 200


def _routes(app: FastAPI) -> list[APIRoute]:
    """Routes as they are in force, those of included routers too."""
    found: list[APIRoute] = []
    queue: list[Any] = list(app.routes)
    for route in queue:
        if isinstance(route, APIRoute):
            found.append(route)
        queue += getattr(getattr(route, "original_router", None), "routes", ())
    return found


def test_every_route_says_what_it_needs(service: Service) -> None:
    app = service.client.app
    assert isinstance(app, FastAPI)
    asked = {(method, route.path) for route in _routes(app) if not is_open(route.path) for method in route.methods}

    assert len(asked) > 8
    assert asked - set(ACTIONS) == set()


def test_a_route_that_says_nothing_is_for_nobody_with_a_key(service: Service) -> None:
    app = service.client.app
    assert isinstance(app, FastAPI)
    app.get("/new/secrets/of/all")(lambda: "secret")

    assert detail(service.client.get("/new/secrets/of/all", headers=service.headers("*")), 403)


@pytest.mark.parametrize(
    ("method", "path", "action"),
    [
        ("GET", "/indexes", "query"),
        ("GET", "/indexes", "ask"),
        ("GET", "/staff/mapping", "ask"),
        ("POST", "/staff/nlq", "ask"),
        ("GET", "/examples", "examples:read"),
        ("GET", "/examples/e1", "examples:read"),
        ("POST", "/examples/search", "examples:read"),
        ("GET", "/metrics", "admin"),
    ],
)
def test_a_route_is_for_keys_with_its_action_alone(service: Service, method: str, path: str, action: str) -> None:
    body = {"json": ASK if path.endswith("nlq") else {"question": "x"}} if method == "POST" else {}
    others = " ".join({"ask", "query", "examples:read", "examples:write", "admin"} - {action})
    if path in ("/indexes", "/staff/mapping"):
        others = "examples:read examples:write admin"

    assert service.client.request(method, path, headers=service.headers("*", actions=action), **body).is_success
    assert detail(service.client.request(method, path, headers=service.headers("*", actions=others), **body), 403)


@pytest.mark.parametrize("name", ["staff", "logs-web,staff", "*", "st*", "logs-people", "logs-*", "secret"])
def test_an_index_that_the_key_is_not_for_is_403_whether_it_exists_or_not(service: Service, name: str) -> None:
    headers = service.headers("logs-*")
    said = {
        detail(service.client.post(f"/{name}/nlq", json=ASK, headers=headers), 403),
        detail(service.client.get(f"/{name}/mapping", headers=headers), 403),
    }

    assert len(said) == 1
    assert "staff" not in said.pop().replace(repr(name), "")
    assert service.sampler.requests == []


@pytest.mark.parametrize("name", ["logs-web", "web", "logs-web,logs-db", "logs-d*"])
def test_names_of_allowed_indices_alone_are_answered(service: Service, name: str) -> None:
    response = service.client.post(f"/{name}/nlq", json=ASK, headers=service.headers("logs-*"))

    assert {hit["_index"] for hit in response.json()["response"]["hits"]} <= {"logs-web", "logs-db"}
    assert response.status_code == 200


def test_a_stream_that_may_not_be_ends_before_it_begins(service: Service) -> None:
    headers = {**service.headers("logs-*"), "Accept": "text/event-stream"}

    assert "allowed are logs-*" in detail(service.client.post("/staff/nlq", json=ASK, headers=headers), 403)


def test_only_allowed_indices_are_listed_and_named_where_one_is_missing(service: Service) -> None:
    headers = service.headers("logs-*")
    listed = [info["name"] for info in service.client.get("/indexes", headers=headers).json()]
    said = detail(service.client.post("/logs-old/nlq", json=ASK, headers=headers), 404)

    assert listed == ["logs-db", "logs-web", "web"]
    assert said == "There is no index 'logs-old'; there are: logs-db, logs-web, web."


def test_the_model_is_shown_no_examples_of_other_indices(service: Service) -> None:
    service.client.post("/logs-web/nlq", json=ASK, headers=service.headers("logs-*"))
    service.client.post("/logs-web/nlq", json=ASK, headers=service.headers("*"))
    narrow, wide = (repr(prompt.shots) for prompt, _, _ in service.sampler.requests)

    assert ("Kim" in narrow, "shop-7" in narrow, "Crime" in narrow) == (False, True, True)
    assert "Kim" in wide


def test_examples_of_other_indices_are_neither_shown_nor_changed(service: Service) -> None:
    headers = service.headers("logs-*", actions="examples:read examples:write")
    listed = service.client.get("/examples", headers=headers, params={"limit": 2}).json()
    found = service.client.post("/examples/search", headers=headers, json={"question": "what does Kim earn"}).json()
    ids = {record.example.index: record.example.id for record in service.store.page()}
    put = {"question": "x", "query": {}, "index": "logs-db"}

    assert [e["index"] for e in listed["examples"]] == ["library", "logs-db"]
    assert (listed["total"], listed["next"]) == (2, None)
    assert {e["index"] for e in found["examples"]} == {"library", "logs-db"}
    assert detail(service.client.get(f"/examples/{ids['staff']}", headers=headers), 404)
    for id_, status in ((ids["staff"], 404), (ids["library"], 403)):
        whole = {**headers, "If-Match": "*"}
        assert detail(service.client.delete(f"/examples/{id_}", headers=whole), status)
        assert detail(service.client.put(f"/examples/{id_}", headers=whole, json=put), status)
    assert detail(service.client.post("/examples", headers=headers, json={**put, "index": "staff"}), 403)
    assert service.store.count() == 3
    assert service.client.delete(f"/examples/{ids['logs-db']}", headers={**headers, "If-Match": "*"}).is_success


def test_approving_an_answer_takes_the_right_to_write_and_names_the_key(service: Service) -> None:
    right = {"verdict": "right", "question": "all", "query": {"query": {"match_all": {}}}}
    reader, writer = service.headers("*"), service.headers("*", actions="ask examples:write")

    assert service.client.post("/staff/feedback", json={"verdict": "wrong"}, headers=reader).status_code == 204
    assert "examples:write" in detail(service.client.post("/staff/feedback", json=right, headers=reader), 403)
    assert service.client.post("/staff/feedback", json=right, headers=writer).json()["author"] == "team"


def test_a_revoked_key_is_refused_by_the_service_that_runs(service: Service) -> None:
    headers = service.headers("*")
    before = service.client.get("/indexes", headers=headers).status_code
    service.keys.revoke(service.keys.all()[0].id)

    assert before == 200
    assert "revoked" in detail(service.client.get("/indexes", headers=headers), 401)


def test_a_key_has_its_own_rate_and_is_told_when_to_come_back(opens: Opens) -> None:
    service = opens(rate_per_minute=1000)
    slow, fast = service.headers("*", rate=1), service.headers("*")
    answers = [service.client.get("/indexes", headers=h) for h in (slow, fast, fast, slow)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert 50 <= int(answers[-1].headers["Retry-After"]) <= 60
    assert "more than 1 requests" in detail(answers[-1], 429)


def test_without_keys_the_rate_is_one_for_each_address(opens: Opens) -> None:
    client = opens(locked=False, rate_per_minute=1).client

    assert [client.get("/indexes").status_code for _ in range(2)] == [200, 429]
    assert client.get("/healthz").status_code == 200


def test_one_caller_cannot_take_every_place(opens: Opens, monkeypatch: pytest.MonkeyPatch) -> None:
    service = opens(waiting_per_caller=1)
    began, gate = threading.Event(), threading.Event()
    schema = SharedEngine.schema

    def held(self: SharedEngine, index: str) -> Any:
        began.set()
        assert gate.wait(30)
        return schema(self, index)

    monkeypatch.setattr(SharedEngine, "schema", held)
    greedy, other = service.headers("*"), service.headers("*")
    first = threading.Thread(target=lambda: service.client.post("/staff/nlq", json=ASK, headers=greedy))
    first.start()
    assert began.wait(30)
    refused = service.client.post("/staff/nlq", json=ASK, headers=greedy)
    gate.set()
    first.join()

    assert "of yours" in detail(refused, 429)
    assert service.client.post("/staff/nlq", json=ASK, headers=other).status_code == 200


@pytest.fixture
def passing(opens: Opens) -> Service:
    """A cluster that shows Ann the field ``host`` of logs-web, and Bo another document."""
    service = opens(locked=False, es_pass_through=True)
    for header, value in (("ApiKey ann", "for-ann"), ("Basic bo", "for-bo")):
        view = FakeEngine()
        mappings = {"properties": {"host": KEYWORD}}
        view.load("logs-web", mappings=mappings, documents=[("1", {"host": value})])
        service.engine.views[header] = view
    return service


def asked_as(service: Service, header: str, question: str) -> Any:
    sent = {"question": question, "n": 1}
    return service.client.post("/logs-web/nlq", json=sent, headers={ELASTIC_HEADER: header})


def test_callers_ask_elasticsearch_with_their_own_credentials(passing: Service) -> None:
    hosts = [
        asked_as(passing, header, "all").json()["response"]["hits"][0]["_source"]["host"]
        for header in ("ApiKey ann", "Basic bo", "ApiKey ann")
    ]

    assert hosts == ["for-ann", "for-bo", "for-ann"]
    assert passing.engine.seen == ["ApiKey ann", "Basic bo"]  # once each
    assert passing.engine.bodies == []


def test_what_is_known_of_values_does_not_go_from_one_caller_to_another(passing: Service) -> None:
    asked_as(passing, "ApiKey ann", "where is for-ann?")
    asked_as(passing, "Basic bo", "where is for-ann?")
    ann, bo = (repr(prompt.tail) for prompt, _, _ in passing.sampler.requests)

    assert ann.count("for-ann") > bo.count("for-ann")


def test_callers_with_rights_of_their_own_see_no_examples_of_others(passing: Service) -> None:
    asked_as(passing, "ApiKey ann", "errors of the shop")
    [(prompt, _, _)] = passing.sampler.requests
    listed = passing.client.get("/examples", headers={ELASTIC_HEADER: "ApiKey ann"})

    assert "Crime" in repr(prompt.shots)
    assert "Kim" not in repr(prompt)
    assert "shop-7" not in repr(prompt)
    assert "examples:read" in detail(listed, 403)


@pytest.mark.parametrize("value", [None, "", "ApiKey", "ann", "Digest x", "ApiKey a\tb", "ApiKey " + "x" * 20_000])
def test_the_services_own_rights_are_never_lent(passing: Service, value: str | None) -> None:
    headers = {} if value is None else {ELASTIC_HEADER: value}
    response = passing.client.get("/indexes", headers=headers)

    assert ELASTIC_HEADER in detail(response, 401)


def test_a_key_limits_what_the_callers_own_rights_allow(opens: Opens) -> None:
    service = opens(es_pass_through=True)
    service.engine.views["ApiKey ann"] = service.engine
    headers = {**service.headers("logs-*"), ELASTIC_HEADER: "ApiKey ann"}

    assert service.client.post("/logs-db/nlq", json=ASK, headers=headers).status_code == 200
    assert detail(service.client.post("/staff/nlq", json=ASK, headers=headers), 403)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:6789", 200),
        ("localhost:6789", 200),
        ("[::1]:6789", 200),
        ("search.example.org", 200),
        ("evil.example.com:6789", 403),
        ("127.0.0.1.evil.example.com", 403),
    ],
)
def test_a_page_of_another_site_cannot_reach_an_open_service_under_its_name(
    opens: Opens, host: str, status: int
) -> None:
    client = opens(locked=False, allowed_hosts="search.example.org").client

    assert client.get("/indexes", headers={"Host": host}).status_code == status


def test_a_locked_service_is_called_whatever_its_proxy_calls_it(service: Service) -> None:
    headers = {**service.headers("*"), "Host": "search.example.com"}

    assert service.client.get("/indexes", headers=headers).status_code == 200


def test_pages_of_other_origins_may_not_read_answers_unless_they_are_named(opens: Opens) -> None:
    ours, other = "https://app.example.org", "https://evil.example.com"
    closed, open_ = opens(locked=False), opens(cors_origins=f"{ours}, https://b.example.org")
    preflight = {"Origin": ours, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-api-key"}

    assert "access-control-allow-origin" not in closed.client.get("/indexes", headers={"Origin": ours}).headers
    assert open_.client.options("/staff/nlq", headers=preflight).headers["access-control-allow-origin"] == ours
    assert open_.client.options("/staff/nlq", headers={**preflight, "Origin": other}).status_code == 400
    refused = open_.client.get("/indexes", headers={"Origin": ours})
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, ours)
