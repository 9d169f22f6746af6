"""nlq as a part of a LangChain chain: documents for a question, and a tool for an agent."""

from __future__ import annotations

import json

import pytest
from langchain_core.tools import StructuredTool

from nlq.client import Client
from nlq.errors import UnknownIndexError
from nlq.langchain import NlqRetriever, nlq_tool
from nlq.translator import Translator
from nlq.types import SamplingParams
from tests.fakes.sampler import ScriptedSampler
from tests.fakes.store import FakeStore
from tests.support import library_engine

CRIME = '{"query":{"term":{"shelf":"Crime"}}}'
COUNT = '{"query":{"term":{"shelf":"Crime"}},"size":0}'
PER_SHELF = '{"size":0,"aggs":{"groups":{"terms":{"field":"shelf"}}}}'


def client(text: str) -> Client:
    return Client(Translator(library_engine(), ScriptedSampler([text]), FakeStore(), params=SamplingParams(n=2)))


def tool(text: str) -> StructuredTool:
    return nlq_tool(client(text), "library", about="Books on loan.")


def test_documents_come_with_their_fields_and_how_they_were_found() -> None:
    first, second = NlqRetriever(client=client(CRIME), index="library", content="title").invoke("crime books")

    assert [(d.id, d.page_content) for d in (first, second)] == [("1", "The Blue Lamp"), ("3", "Night Train")]
    assert (first.metadata["pages"], first.metadata["nlq"]["confidence"]) == (310, 1.0)
    assert first.metadata["nlq"]["readback"].startswith('library where shelf is "Crime"')


def test_without_a_field_for_the_text_it_is_the_whole_document() -> None:
    [document] = NlqRetriever(client=client(CRIME), index="library", k=1).invoke("crime books")

    assert json.loads(document.page_content)["title"] == "The Blue Lamp"


def test_a_document_without_the_field_for_the_text_is_text_as_a_whole() -> None:
    documents = NlqRetriever(client=client(CRIME), index="library", content="note").invoke("crime books")

    assert documents[0].page_content == "spine is worn"
    assert json.loads(documents[1].page_content)["title"] == "Night Train"


@pytest.mark.parametrize(("text", "total", "groups"), [(COUNT, 2, 0), (PER_SHELF, 4, 3)])
def test_an_answer_in_numbers_is_one_document(text: str, total: int, groups: int) -> None:
    [document] = NlqRetriever(client=client(text), index="library").invoke("how many?")
    said = json.loads(document.page_content)

    assert said["total"] == total
    assert len(said["aggregations"].get("groups", {}).get("buckets", ())) == groups


def test_a_retriever_raises_what_asking_raises() -> None:
    with pytest.raises(UnknownIndexError):
        NlqRetriever(client=client(CRIME), index="nowhere").invoke("crime books")


def test_an_agent_gets_the_answer_as_json() -> None:
    said = json.loads(tool(CRIME).invoke({"question": "crime books"}))

    assert (said["total"], [d["title"] for d in said["documents"]]) == (2, ["The Blue Lamp", "Night Train"])
    assert said["confidence"] == 1.0


def test_an_agent_is_told_what_the_index_holds_and_what_went_wrong() -> None:
    assert tool(CRIME).description.endswith("about the index library. Books on loan.")
    assert tool(CRIME).invoke({"question": ""}) == "The question is empty: write what you want to know."
