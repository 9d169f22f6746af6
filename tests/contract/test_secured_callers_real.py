"""Callers' own rights to fields and documents, and scopes of keys, on a real Elasticsearch that knows both."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.access import ELASTIC_HEADER
from api.app import create_app
from nlq import grounding
from nlq.access.callers import Action, Grant
from nlq.access.door import Door
from nlq.access.keys import KeyStore
from nlq.caching import AnswerCache
from nlq.settings import Settings
from nlq.translator import Limits, Translator
from nlq.types import SamplingParams
from tests.fakes.sampler import ScriptedSampler
from tests.fakes.store import FakeStore
from tests.secured import Secured
from tests.secured_data import BLUE, FACTS, HIDDEN, READS, RED, persons

pytestmark = pytest.mark.engine

ALL = '{"query":{"match_all":{}}}'
SHOPS = Grant(("shop-*",), frozenset({Action.ASK, Action.QUERY}))


@dataclass(slots=True)
class Service:
    client: TestClient
    keys: KeyStore
    sampler: ScriptedSampler

    def ask(self, key: str, question: str, *, index: str = "staff") -> Any:
        return self.post(f"/{index}/nlq", key, {"question": question, "n": 1, "explain": True})

    def post(self, path: str, key: str, body: Any) -> Any:
        return self.client.post(path, json=body, headers={ELASTIC_HEADER: f"ApiKey {key}"})

    def get(self, path: str, key: str) -> Any:
        return self.client.get(path, headers={ELASTIC_HEADER: f"ApiKey {key}"})

    def shown(self) -> list[str]:
        """What the model was given for each question: the index and its values, the schema of what it may write."""
        return [repr(prompt.tail) + json.dumps(schema) for prompt, schema, _ in self.sampler.requests]


Opens = Callable[..., Service]


@pytest.fixture
def opens(secured: Secured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opens]:
    """Services whose own key may read the indices ``own``; patient, as values come within a second or not at all."""
    monkeypatch.setattr(grounding, "LINKING_SECONDS", 60.0)
    with ExitStack() as parts:

        def opened(*, own: str = "*", locked: bool = False, cached: bool = False, passing: bool = True) -> Service:
            key = secured.key({"names": [own], "privileges": READS}, cluster=("monitor",))[1]
            keys, sampler = KeyStore(tmp_path / "keys.db"), ScriptedSampler([ALL])
            translator = Translator(
                parts.enter_context(secured.engine(key)),
                sampler,
                FakeStore([]),
                params=SamplingParams(n=1),
                limits=Limits(engine_timeout=60),
                cache=AnswerCache() if cached else None,
            )
            settings = Settings(_env_file=None, es_pass_through=passing)
            app = create_app(translator, settings, door=Door(keys if locked else None))
            return Service(parts.enter_context(TestClient(app)), keys, sampler)

        yield opened


@pytest.fixture(scope="module")
def red(secured: Secured) -> str:
    return secured.key(RED)[1]


@pytest.fixture(scope="module")
def blue(secured: Secured) -> str:
    return secured.key(BLUE)[1]


@pytest.fixture(scope="module")
def key_to_all(secured: Secured) -> str:
    return secured.key({"names": ["*"], "privileges": READS})[1]


WHO = "What do Kim Novak and Ada Lovelace earn, and what is their email?"


def test_the_model_is_shown_the_fields_and_values_that_the_caller_may_read(opens: Opens, red: str, blue: str) -> None:
    service = opens()
    for key in (red, blue, red, blue):
        assert service.ask(key, WHO.lower()).status_code == 200
    reds, blues = service.shown()[::2], service.shown()[1::2]

    for shown in reds:
        assert '"Ada Lovelace" in person' in shown
        assert not [hidden for hidden in ("salary", "contact.email", "Kim Novak") if hidden in shown]
    for shown in blues:
        assert not [known for known in ("salary", "contact.email", "Kim Novak") if known not in shown]
        assert "Ada Lovelace" not in shown


@pytest.mark.parametrize("cached", [False, True])
def test_callers_who_ask_the_same_in_turn_get_their_own_documents(
    opens: Opens, red: str, blue: str, *, cached: bool
) -> None:
    service = opens(cached=cached)
    answers = [service.ask(key, "Who is there?") for key in (red, blue, red, blue)]
    found = [persons(answer.json()["response"]["hits"]) for answer in answers]

    assert found == [{"Ada Lovelace"}, {"Kim Novak"}] * 2
    assert not [hidden for answer in answers[::2] for hidden in HIDDEN if hidden in answer.text]
    assert "88456" in answers[1].text
    assert len(service.sampler.requests) == (2 if cached else 4)


def test_callers_who_ask_at_the_same_time_get_their_own_documents(opens: Opens, red: str, blue: str) -> None:
    service = opens(cached=True)
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda key: service.ask(key, "Who is there?"), [red, blue] * 4))

    assert [persons(answer.json()["response"]["hits"]) for answer in answers] == [{"Ada Lovelace"}, {"Kim Novak"}] * 4


def test_lists_and_mappings_are_the_callers_own(opens: Opens, red: str, blue: str) -> None:
    service = opens()
    [reds, blues] = [service.get("/staff/mapping", key).json()["properties"] for key in (red, blue)]
    listed = [service.get("/indexes", key).json() for key in (red, blue)]

    assert set(reds) == {"person", "team", "contact"}
    assert set(reds["contact"]["properties"]) == {"city"}
    assert set(blues) == {"person", "team", "salary", "contact"}
    assert [[(info["name"], info["documents"]) for info in each] for each in listed] == [[("staff", 1)]] * 2


BODIES: tuple[Any, ...] = (
    {"query": {"range": {"salary": {"gt": 0}}}},
    {"query": {"exists": {"field": "contact.email"}}},
    {"query": {"terms": {"person": ["Kim Novak"]}}},
    {"query": {"ids": {"values": ["2"]}}},
    {"sort": [{"salary": "desc"}]},
    {"_source": ["salary", "contact.email"]},
    {"fields": ["salary"]},
    {"size": 0, "aggs": {"a": {"max": {"field": "salary"}}}},
    {"size": 0, "aggs": {"a": {"terms": {"field": "contact.email"}}}},
    {"size": 0, "aggs": {"a": {"terms": {"field": "person", "min_doc_count": 0}}}},
    {"size": 0, "aggs": {"a": {"global": {}, "aggs": {"b": {"terms": {"field": "person"}}}}}},
)
"""Each tells BLUE something that RED may not know."""


def test_no_body_finds_what_the_caller_may_not_read(opens: Opens, red: str, blue: str) -> None:
    service = opens()
    for body in BODIES:
        reds, blues = (service.post("/staff/query", key, {"query": body}) for key in (red, blue))
        told = reds.json()["response"] if reds.is_success else reds.json()["detail"]

        assert reds.status_code in (200, 422), reds.text
        assert any(hidden in json.dumps(blues.json()["response"]) for hidden in FACTS), blues.text
        assert not [hidden for hidden in FACTS if hidden in json.dumps(told)], told


def test_pages_follow_each_other_where_fields_are_hidden(opens: Opens, secured: Secured) -> None:
    service = opens()
    rights = {"names": ["shop-*"], "privileges": READS, "field_security": {"grant": ["*"], "except": ["price"]}}
    _, key = secured.key(rights)
    asked = {"query": {"query": {"match_all": {}}}, "max_results": 1}
    first = service.post("/shop-all/query", key, asked).json()
    second = service.post("/shop-all/query", key, {**asked, "next": first["next"]}).json()
    found = [hit["_source"] for page in (first, second) for hit in page["response"]["hits"]]

    assert sorted(map(str, found)) == ["{'product': 'chair'}", "{'product': 'lamp'}"]


def test_a_caller_whose_key_is_revoked_gets_nothing_that_was_kept(opens: Opens, secured: Secured) -> None:
    id_, key = secured.key(BLUE)
    service = opens(cached=True)
    before = service.ask(key, "Who is there?")
    secured.admin.request("DELETE", "/_security/api_key", json={"ids": [id_]}).raise_for_status()
    after = service.ask(key, "Who is there?")

    assert before.status_code == 200
    assert after.status_code == 403
    assert "send others" in after.json()["detail"]
    assert "Kim" not in after.text


def test_a_caller_who_loses_a_field_is_shown_it_no_more(opens: Opens, secured: Secured) -> None:
    id_, key = secured.key(BLUE)
    service = opens(cached=True)
    before = service.ask(key, "Who is there?")
    rights = {**BLUE, "field_security": RED["field_security"]}
    descriptors = {"role_descriptors": {"test": {"cluster": [], "indices": [rights]}}}
    secured.admin.put(f"/_security/api_key/{id_}", json=descriptors).raise_for_status()
    after = service.ask(key, "Who is there?")

    assert "88456" in before.text
    assert persons(after.json()["response"]["hits"]) == {"Kim Novak"}
    assert not [hidden for hidden in ("salary", "email", "88456") if hidden in after.text + service.shown()[-1]]


def test_a_caller_who_may_not_read_the_index_is_refused_as_elasticsearch_refuses(opens: Opens, red: str) -> None:
    service = opens()
    refused = [service.ask(red, "Who?", index=name) for name in ("movies", "nowhere", "shop-people")]

    assert [answer.status_code for answer in refused] == [403] * 3
    assert service.sampler.requests == []


@pytest.mark.parametrize(
    ("passing", "own"),
    [(False, "*"), (True, "*"), (True, "movies")],
    ids=["the service asks", "the caller asks", "the caller may ask more than the service"],
)
def test_a_key_asks_names_behind_which_all_is_its_own(
    opens: Opens, key_to_all: str, *, passing: bool, own: str
) -> None:
    service = opens(locked=True, passing=passing, own=own)
    headers = {"X-API-Key": service.keys.add("shop", SHOPS)[0], ELASTIC_HEADER: f"ApiKey {key_to_all}"}
    mine = ("shop-1", "shop-all", "shop-logs", "shop-l*", "shop-all,shop-logs")
    others = ("shop-people", "shop-p*", "shop-*", "shop-1,shop-people", "movies", "staff", "*")
    asked = {name: service.client.get(f"/{name}/mapping", headers=headers).status_code for name in (*mine, *others)}
    leak = service.client.post("/shop-people/nlq", json={"question": "all", "n": 1}, headers=headers)

    assert asked == dict.fromkeys(mine, 200) | dict.fromkeys(others, 403)
    assert (leak.status_code, "Ada" in leak.text) == (403, False)


@pytest.mark.parametrize("passing", [False, True])
def test_a_key_lists_the_names_behind_which_all_is_its_own(opens: Opens, key_to_all: str, *, passing: bool) -> None:
    service = opens(locked=True, passing=passing)
    headers = {"X-API-Key": service.keys.add("shop", SHOPS)[0], ELASTIC_HEADER: f"ApiKey {key_to_all}"}
    listed = service.client.get("/indexes", headers=headers).json()

    assert [info["name"] for info in listed] == ["shop-1", "shop-2", "shop-all", "shop-logs"]
