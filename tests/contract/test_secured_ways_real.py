"""The other ways to ask (events, agents) and readiness, on a real Elasticsearch that knows rights to fields and
documents."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import anyio
import httpx
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from api.access import ELASTIC_HEADER
from api.app import create_app
from nlq import grounding
from nlq.settings import Settings
from nlq.translator import Limits, Translator
from nlq.types import SamplingParams
from tests.fakes.sampler import ScriptedSampler
from tests.fakes.store import FakeStore
from tests.secured import Secured
from tests.secured_data import BLUE, HIDDEN, READS, RED
from tests.support import served

pytestmark = pytest.mark.engine

ALL = '{"query":{"match_all":{}}}'


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Values come within a second or not at all, which a busy machine may not keep."""
    monkeypatch.setattr(grounding, "LINKING_SECONDS", 60.0)


@contextmanager
def service(secured: Secured, key: str) -> Iterator[str]:
    """The URL of a service whose own key is ``key`` and whose callers may send theirs."""
    with ExitStack() as parts:
        engine = parts.enter_context(secured.engine(key))
        limits = Limits(engine_timeout=60)
        asked = Translator(
            engine, ScriptedSampler([ALL]), FakeStore([]), params=SamplingParams(n=1), limits=limits, cache=None
        )
        yield parts.enter_context(served(create_app(asked, Settings(_env_file=None, es_pass_through=True))))


@pytest.fixture(scope="module")
def own_key(secured: Secured) -> str:
    return secured.key({"names": ["*"], "privileges": READS}, cluster=("monitor",))[1]


def headers_of(secured: Secured, rights: Any) -> dict[str, str]:
    return {ELASTIC_HEADER: f"ApiKey {secured.key(rights)[1]}"}


@pytest.mark.parametrize(("rights", "others"), [(RED, False), (BLUE, True)], ids=["red", "blue"])
def test_events_tell_a_caller_its_own_fields_values_and_documents(
    secured: Secured, own_key: str, rights: Any, *, others: bool
) -> None:
    question = {"question": "what do kim novak and ada lovelace earn, and what is their email?", "n": 1}
    headers = {**headers_of(secured, rights), "Accept": "text/event-stream"}
    with (
        service(secured, own_key) as url,
        httpx.stream("POST", f"{url}/staff/nlq", json=question, headers=headers) as r,
    ):
        told = r.read().decode()

    assert "event: answer" in told
    words = told.replace(json.dumps(question["question"])[1:-1], "")
    assert bool([hidden for hidden in HIDDEN if hidden in words]) is others, words


@pytest.mark.parametrize(("rights", "others"), [(RED, False), (BLUE, True)], ids=["red", "blue"])
def test_agents_are_told_what_their_caller_may_read(
    secured: Secured, own_key: str, rights: Any, *, others: bool
) -> None:
    async def asking(url: str) -> list[Any]:
        http = httpx2.AsyncClient(headers=headers_of(secured, rights), timeout=60)
        async with http, Client(streamable_http_client(f"{url}/mcp", http_client=http)) as client:
            return [
                await client.call_tool("list_indices", {}),
                await client.call_tool("describe_index", {"index": "staff"}),
                await client.call_tool("ask", {"index": "staff", "question": "who is there?"}),
                await client.call_tool("run_query", {"index": "staff", "query": {"query": {"match_all": {}}}}),
                await client.call_tool("run_query", {"index": "movies", "query": {"query": {"match_all": {}}}}),
            ]

    with service(secured, own_key) as url:
        *fine, refused = anyio.run(asking, url)
    told = " ".join(result.model_dump_json() for result in fine)

    assert [result.is_error for result in (*fine, refused)] == [False] * 4 + [True]
    assert [index["name"] for index in fine[0].structured_content["indices"]] == ["staff"]
    assert bool([hidden for hidden in HIDDEN if hidden in told]) is others, told


def test_a_service_is_ready_while_its_own_key_is_taken(secured: Secured) -> None:
    id_, key = secured.key({"names": ["*"], "privileges": READS}, cluster=("monitor",))
    with service(secured, key) as url:
        before = httpx.get(f"{url}/readyz")
    secured.admin.request("DELETE", "/_security/api_key", json={"ids": [id_]}).raise_for_status()
    with service(secured, key) as url:
        after = httpx.get(f"{url}/readyz")

    assert (before.status_code, before.json()["parts"]["engine"]["status"]) == (200, "ok")
    assert (after.status_code, after.json()["parts"]["engine"]["status"]) == (503, "down")
    assert key not in after.text
