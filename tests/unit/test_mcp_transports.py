"""``nlq mcp`` as a process that an agent starts, and /mcp of the HTTP service."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import httpx2
import pytest
from anyio import to_thread
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from api import mcp
from api.app import create_app
from nlq.access.callers import Action, Grant
from nlq.access.door import Door
from nlq.access.keys import KeyStore
from nlq.cli.root import main
from nlq.samplers.replay import RecordingSampler
from nlq.settings import Settings
from nlq.translator import AskOptions, Translator
from nlq.types import Question
from tests.fakes.access import SharedEngine
from tests.fakes.mcp_command import PARAMS
from tests.fakes.sampler import ScriptedSampler
from tests.fakes.store import FakeStore
from tests.fakes.translator import FakeTranslator
from tests.support import library as library_index
from tests.support import library_engine, served

QUESTION = "crime books"
ROOT = Path(__file__).parents[2]
CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
ACCEPT = {"Accept": "application/json, text/event-stream"}


@pytest.fixture(autouse=True)
def _no_server_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever server of this process was told to end before, its sign to all streams is taken back."""
    from sse_starlette.sse import AppStatus

    monkeypatch.setattr(AppStatus, "should_exit", False)


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """Candidates for QUESTION, as the replay sampler reads them."""
    path = tmp_path / "candidates.jsonl"
    sampler = RecordingSampler(ScriptedSampler(['{"query":{"term":{"shelf":"Crime"}}}']), path)
    Translator(library_engine(), sampler, FakeStore(), params=PARAMS).translate(
        Question(QUESTION, "library"), AskOptions()
    )
    return path


@pytest.fixture
def translator() -> FakeTranslator:
    return FakeTranslator()


@pytest.fixture
def url(translator: FakeTranslator) -> Iterator[str]:
    with served(create_app(translator, Settings(_env_file=None, allowed_hosts="search.example, 10.0.0.7"))) as url:
        yield url


def test_standard_output_of_the_command_holds_the_protocol_alone(recorded: Path, tmp_path: Path) -> None:
    replay = {"NLQ_SAMPLER": "replay", "NLQ_REPLAY_FILE": str(recorded), "NLQ_HOME": str(tmp_path)}
    command = StdioServerParameters(
        command=sys.executable,
        args=["-m", "tests.fakes.mcp_command", "mcp"],
        env={**os.environ, **replay},
        cwd=ROOT,
    )

    stray: list[object] = []

    async def heard(message: object) -> None:
        stray.append(message)

    async def asking() -> Any:
        async with Client(command, message_handler=heard) as client:
            return await client.call_tool("ask", {"index": "library", "question": QUESTION})

    result = anyio.run(asking)

    assert stray == []
    assert not result.is_error, result.content
    assert (result.structured_content["total"], result.structured_content["confidence"]) == (2, 1.0)


def test_the_command_without_its_extra_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(mcp, "installed", lambda: False)
    monkeypatch.setattr("sys.argv", ["nlq", "mcp"])
    with pytest.raises(SystemExit) as end:
        main()

    assert end.value.code == 2
    assert "pip install -e '.[mcp]'" in capsys.readouterr().err


def test_a_service_without_the_extra_serves_all_but_agents(
    translator: FakeTranslator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mcp, "installed", lambda: False)
    with served(create_app(translator, Settings(_env_file=None))) as url:
        statuses = [httpx.get(f"{url}/indexes").status_code, httpx.post(f"{url}/mcp", json=CALL).status_code]

    assert statuses == [200, 404]


@pytest.mark.parametrize("era", ["auto", "legacy"])
def test_the_service_answers_agents_beside_everybody_else(era: str) -> None:
    sampler = ScriptedSampler(['{"query":{"term":{"shelf":"Crime"}}}'])
    library = Translator(library_engine(), sampler, FakeStore(), params=PARAMS)

    async def asking(url: str) -> Any:
        async with Client(f"{url}/mcp", mode=era) as client:
            return await client.call_tool("ask", {"index": "library", "question": QUESTION})

    with served(create_app(library, Settings(_env_file=None))) as url:
        result = anyio.run(asking, url)
        health = httpx.get(f"{url}/healthz").status_code

    assert (result.structured_content["total"], health) == (2, 200)


@pytest.mark.parametrize("era", ["auto", "legacy"])
def test_sampling_stops_when_an_agent_leaves(url: str, translator: FakeTranslator, era: str) -> None:
    translator.gate.clear()

    async def leaving() -> None:
        async with Client(f"{url}/mcp", mode=era) as client, anyio.create_task_group() as calls:
            calls.start_soon(client.call_tool, "ask", {"index": "movies", "question": "the hobbit"})
            await to_thread.run_sync(translator.wait_for, lambda: bool(translator.asked))
            calls.cancel_scope.cancel()

    anyio.run(leaving)
    httpx.get(f"{url}/indexes")
    translator.gate.set()

    assert translator.wait_for(lambda: bool(translator.ended))
    assert translator.ended == ["_Stopped"]


def test_an_index_that_is_named_like_the_endpoint_is_still_asked(url: str) -> None:
    assert "There is no index 'mcp'" in httpx.post(f"{url}/mcp/nlq", json={"question": "?"}).json()["detail"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://localhost:3000"}, 200),
        ({"Host": "search.example", "Origin": "https://search.example"}, 200),
        ({"Host": "10.0.0.7:6789"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "evil.example"}, 403),
        ({"Host": "localhost.evil.example:80"}, 403),
    ],
)
def test_pages_of_other_origins_and_rebound_names_are_refused(url: str, headers: dict[str, str], status: int) -> None:
    answer = httpx.post(f"{url}/mcp", json=CALL, headers={**ACCEPT, **headers})

    assert answer.status_code == status


def test_a_service_for_a_whole_network_answers_agents_by_the_names_it_was_given(translator: FakeTranslator) -> None:
    settings = Settings(
        _env_file=None, host="0.0.0.0", allowed_hosts="search.example", cors_origins="https://a.example"
    )
    hosts = ("search.example", "evil.example")
    with served(create_app(translator, settings)) as url:
        statuses = [httpx.post(f"{url}/mcp", json=CALL, headers={**ACCEPT, "Host": h}).status_code for h in hosts]
        friend = httpx.post(f"{url}/mcp", json=CALL, headers={**ACCEPT, "Origin": "https://a.example"}).status_code

    assert (statuses, friend) == ([200, 421], 200)


def test_an_agent_may_do_what_its_key_may(tmp_path: Path) -> None:
    keys = KeyStore(tmp_path / "keys.db")
    secret, _ = keys.add("agent", Grant(("library",), frozenset({Action.ASK})))
    engine = SharedEngine()
    for name in ("library", "secrets"):
        engine.load(name, mappings=library_index()["mappings"], documents=[("1", {"shelf": "Crime"})])
    sampler = ScriptedSampler(['{"query":{"term":{"shelf":"Crime"}}}'])
    library = Translator(engine, sampler, FakeStore(), params=PARAMS)

    async def asking(url: str) -> list[Any]:
        http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {secret}"})
        async with http, Client(streamable_http_client(f"{url}/mcp", http_client=http)) as client:
            return [
                await client.call_tool("list_indices", {}),
                await client.call_tool("ask", {"index": "library", "question": QUESTION}),
                await client.call_tool("ask", {"index": "secrets", "question": QUESTION}),
                await client.call_tool("describe_index", {"index": "secrets,library"}),
                await client.call_tool("run_query", {"index": "library", "query": {}}),
            ]

    with served(create_app(library, Settings(_env_file=None), door=Door(keys))) as url:
        listed, asked, *refused = anyio.run(asking, url)
        nobody = httpx.post(f"{url}/mcp", json=CALL, headers=ACCEPT).status_code

    assert [index["name"] for index in listed.structured_content["indices"]] == ["library"]
    assert asked.structured_content["total"] == 1
    assert [result.is_error for result in refused] == [True] * 3
    assert "it takes the action query" in refused[2].content[0].text
    assert nobody == 401


def test_a_request_that_is_too_large_is_refused(url: str) -> None:
    large = {**CALL, "params": {"name": "ask", "arguments": {"index": "movies", "question": "x" * 70_000}}}

    assert httpx.post(f"{url}/mcp", json=large, headers=ACCEPT).status_code == 413
