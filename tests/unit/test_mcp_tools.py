"""The tools as an agent sees them, through the client of the protocol's own library."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from typing import Any

import anyio
import pytest
from anyio import to_thread
from mcp import Client
from mcp.types import CallToolResult

from api.events import Desk
from api.mcp import mcp_server
from api.metrics import Metrics
from nlq.translator import Translator
from nlq.types import SamplingParams
from tests.fakes.engine import FakeEngine
from tests.fakes.sampler import ScriptedSampler
from tests.fakes.store import FakeStore
from tests.fakes.translator import FakeTranslator
from tests.support import library_engine, lines

TEXTS = (
    '{"query":{"term":{"shelf":"crime"}}}',
    '{"query":{"term":{"shelf":"Crime"}},"_source":["title"]}',
    '{"query":{"term":{"shelf":"Travel"}}}',
)
ERAS = ("auto", "legacy")
"""Today's protocol, and that of before 2026 with its handshake."""


def library(*texts: str, engine: FakeEngine | None = None) -> Translator:
    sampler = ScriptedSampler(texts or TEXTS)
    return Translator(engine or library_engine(), sampler, FakeStore(), params=SamplingParams(n=3))


@asynccontextmanager
async def connected(translator: Any, *, era: str = "auto") -> AsyncIterator[Client]:
    with closing(Desk(translator, metrics=Metrics())) as desk:
        async with Client(mcp_server(desk, lambda _, __: (translator, "")), mode=era) as client:
            yield client


def call(tool: str, translator: Any = None, *, era: str = "auto", **arguments: Any) -> CallToolResult:
    async def calling() -> CallToolResult:
        async with connected(translator or library(), era=era) as client:
            return await client.call_tool(tool, arguments)

    return anyio.run(calling)


def answer(tool: str, translator: Any = None, **arguments: Any) -> dict[str, Any]:
    """The structured answer, which the text says too."""
    result = call(tool, translator, **arguments)
    assert not result.is_error, result.content
    assert json.loads(result.content[0].text) == result.structured_content
    return dict(result.structured_content)


def refusal(tool: str, translator: Any = None, **arguments: Any) -> str:
    result = call(tool, translator, **arguments)
    assert result.is_error
    [said] = result.content
    return str(said.text)


@pytest.mark.parametrize("era", ERAS)
def test_an_agent_is_told_of_four_tools_that_only_read(era: str) -> None:
    async def listing() -> tuple[Any, str | None]:
        async with connected(library(), era=era) as client:
            return (await client.list_tools()).tools, client.instructions

    tools, instructions = anyio.run(listing)

    assert [tool.name for tool in tools] == ["list_indices", "describe_index", "ask", "run_query"]
    assert all(tool.annotations.read_only_hint and tool.input_schema and tool.output_schema for tool in tools)
    assert all(other in " ".join(t.description for t in tools) for other in ("`ask`", "run_query"))
    assert instructions and "list_indices" in instructions


def test_indices_are_listed_with_what_is_in_them() -> None:
    assert answer("list_indices") == {
        "indices": [{"name": "library", "documents": 4, "about": "Books on loan"}],
        "more": 0,
    }


def test_indices_can_be_found_by_a_word_of_their_description() -> None:
    assert [i["name"] for i in answer("list_indices", contains="LOAN")["indices"]] == ["library"]
    assert answer("list_indices", contains="ships")["indices"] == []


def test_an_index_is_described_by_its_fields_and_their_values() -> None:
    described = answer("describe_index", index="library")
    fields = {field["name"]: field for field in described["fields"]}

    assert (described["documents"], described["about"]) == (4, "Books on loan")
    assert fields["shelf"] == {"name": "shelf", "kind": "keyword", "values": ["Crime", "Poetry", "Travel"]}
    assert fields["loans.fee"] == {"name": "loans.fee", "kind": "double", "nested_in": "loans"}


def test_of_a_wide_index_fields_are_counted_and_found_by_a_part_of_their_name() -> None:
    engine = FakeEngine()
    engine.load("wide", mappings={"properties": {f"f{i}": {"type": "long"} for i in range(230)}}, documents=())

    described = answer("describe_index", library(engine=engine), index="wide")
    part = answer("describe_index", library(engine=engine), index="wide", contains="f22")

    assert (len(described["fields"]), described["more"]) == (200, 30)
    assert [field["name"] for field in part["fields"]] == ["f22", *(f"f22{i}" for i in range(10))]


def test_an_index_with_many_long_values_is_described_without_them() -> None:
    engine = FakeEngine()
    names = [f"f{i}" for i in range(150)]
    document = {name: f"{name} {'long ' * 30}" for name in names}
    engine.load("wide", mappings={"properties": {n: {"type": "keyword"} for n in names}}, documents=[("1", document)])

    described = answer("describe_index", library(engine=engine), index="wide")
    few = answer("describe_index", library(engine=engine), index="wide", contains="f14")

    assert len(json.dumps(described)) < 20_500
    assert not any("values" in field for field in described["fields"])
    assert few["fields"][0]["values"] == [document["f14"]]


@pytest.mark.parametrize("era", ERAS)
def test_an_answer_says_how_it_was_read_how_sure_it_is_and_what_else_was_meant(era: str) -> None:
    found = answer("ask", era=era, index="library", question="crime books", n=3)

    assert found["readback"].startswith('library where shelf is "Crime"')
    assert (found["total"], [d["_id"] for d in found["documents"]]) == (2, ["1", "3"])
    assert found["votes"] == {"agree": 2, "of": 3}
    assert found["confidence"] == 0.667
    assert found["repairs"] == [{"field": "shelf", "was": "crime", "now": "Crime", "to": ""}]
    assert [(a["agree"], a["total"], a["query"]["query"]) for a in found["alternatives"]] == [
        (1, 1, {"term": {"shelf": "Travel"}})
    ]


def test_the_query_of_an_answer_runs_again_and_finds_the_same() -> None:
    found = answer("ask", index="library", question="crime books")
    again = answer("run_query", index="library", query=found["query"])

    assert "size" not in found["query"]
    assert again["documents"] == found["documents"]


def test_what_an_agent_is_shown_is_cut_and_says_so() -> None:
    found = answer("ask", library('{"query":{"match_all":{}}}'), index="library", question="books", limit=1)

    assert (found["total"], len(found["documents"]), found["clipped"]) == (4, 1, True)


def test_an_agent_hears_what_happens_while_it_waits() -> None:
    heard: list[str] = []

    async def progress(_: float, __: float | None, said: str | None) -> None:
        heard.append(said or "")

    async def asking() -> None:
        async with connected(library()) as client:
            arguments = {"index": "library", "question": "crime books", "n": 3}
            await client.call_tool("ask", arguments, progress_callback=progress)

    anyio.run(asking)

    assert heard == ["sampling candidate queries", *["a candidate was executed"] * 3, "3 candidates voted"]


@pytest.mark.parametrize("era", ERAS)
def test_a_question_that_the_agent_gives_up_is_not_answered_on(era: str) -> None:
    translator = FakeTranslator()
    translator.gate.clear()

    async def giving_up() -> None:
        async with connected(translator, era=era) as client:
            async with anyio.create_task_group() as calls:
                calls.start_soon(client.call_tool, "ask", {"index": "movies", "question": "the hobbit"})
                await to_thread.run_sync(translator.wait_for, lambda: bool(translator.asked))
                calls.cancel_scope.cancel()
            await client.list_tools()  # behind the cancellation
            translator.gate.set()
            await to_thread.run_sync(translator.wait_for, lambda: bool(translator.ended))

    anyio.run(giving_up)

    assert translator.ended == ["_Stopped"]


def test_no_attack_on_the_policy_runs() -> None:
    engine = library_engine()

    async def attacking() -> list[CallToolResult]:
        async with connected(library(engine=engine)) as client:
            queries = [{"index": "library", "query": attack["body"]} for attack in lines("policy_attacks.jsonl")]
            return [await client.call_tool("run_query", query) for query in queries]

    said = [result.content[0].text for result in anyio.run(attacking)]

    assert [s for s in said if not s.startswith("The query cannot be run: ")] == []
    assert engine.bodies == []


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("ask", {"index": "nowhere", "question": "how many?"}, "There is no index 'nowhere'; there are: library."),
        ("ask", {"index": "library", "question": " "}, "The question is empty: write what you want to know."),
        ("ask", {"index": "library"}, "question: is missing."),
        ("ask", {"index": "library", "question": "?", "limit": 0},
         "limit: input should be greater than or equal to 1."),
        ("describe_index", {"index": "library", "fields": "all"}, "fields: is not a name of this request, or a second"
         " name of one that is there."),
        ("run_query", {"index": "library", "query": "{"}, "query: input should be a valid dictionary."),
        ("drop_index", {}, "There is no tool 'drop_index'; there are list_indices, describe_index, ask, run_query."),
    ],
)  # fmt: skip
def test_a_mistake_is_told_in_one_sentence(tool: str, arguments: dict[str, Any], said: str) -> None:
    assert refusal(tool, **arguments) == said


def test_an_engine_that_is_down_is_told_in_one_sentence() -> None:
    engine = library_engine()
    engine.down = True

    assert "\n" not in refusal("list_indices", library(engine=engine))


def test_where_no_candidate_survives_the_agent_is_told_why() -> None:
    lost = library('{"query":{"term":{"shelff":"x"}}}')

    assert "reword the question" in refusal("ask", lost, index="library", question="?")


def test_what_nobody_foresaw_is_not_told_but_has_a_number(caplog: pytest.LogCaptureFixture) -> None:
    translator = FakeTranslator()
    translator.crash = ZeroDivisionError("a secret")
    said = refusal("ask", translator, index="movies", question="the hobbit")

    assert "secret" not in said
    assert caplog.records[0].getMessage().rpartition(" ")[2] in said


def test_half_a_surrogate_pair_in_a_document_does_not_break_the_answer() -> None:
    engine = library_engine()
    engine.add("library", [("5", {"title": "broken \ud83d", "shelf": "Odd"})])
    query = {"query": {"term": {"shelf": "Odd"}}}

    [document] = answer("run_query", library(engine=engine), index="library", query=query)["documents"]

    assert document["_source"]["title"] == "broken ?"
