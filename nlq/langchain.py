"""nlq in LangChain (extra ``langchain``): a retriever of documents, and a tool for agents."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.tools import StructuredTool, ToolException
from pydantic import ConfigDict

from nlq.client import Client
from nlq.errors import NlqError
from nlq.translator import AskOptions
from nlq.types import Answer


class NlqRetriever(BaseRetriever):
    """The documents that answer a question about ``index``, at most ``k``.

    A document's text is its field ``content``, or all of it as JSON where that is None or missing; its metadata are its
    other fields, and under "nlq" the query, its reading and the confidence. An answer in numbers (a count, groups) is
    one document that holds them as JSON. Raises what ``Client.ask`` raises.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    client: Client
    index: str
    content: str | None = None
    k: int = 10
    options: AskOptions = AskOptions()

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        del run_manager
        answer = self.client.ask(self.index, query, self.options)
        about = {"query": answer.query, "readback": answer.readback, "confidence": answer.ballot.confidence}
        hits = answer.result.hits[: self.k]
        if answer.result.aggregations or answer.query.get("size") == 0:
            return [Document(page_content=_json(_numbers(answer)), metadata={"nlq": about})]
        return [self._document(hit, about) for hit in hits]

    def _document(self, hit: Mapping[str, Any], about: Mapping[str, Any]) -> Document:
        source = dict(hit.get("_source") or {})
        text = source.pop(self.content, None) if self.content else None
        found = text if isinstance(text, str) else _json(hit.get("_source") or {})
        return Document(id=hit.get("_id"), page_content=found, metadata={**source, "nlq": dict(about)})


def nlq_tool(client: Client, index: str, *, about: str = "", k: int = 10, name: str = "ask_index") -> StructuredTool:
    """A tool that answers questions about ``index`` with JSON: how the question was read, the total, the numbers and at
    most ``k`` documents. ``about`` tells the agent what the index holds. nlq's errors go to the agent as a sentence."""

    def ask(question: str) -> str:
        try:
            answer = client.ask(index, question)
        except NlqError as exc:
            raise ToolException(str(exc)) from exc
        documents = [dict(hit.get("_source") or {}) for hit in answer.result.hits[:k]]
        read = {"readback": answer.readback, "confidence": round(answer.ballot.confidence, 3)}
        return _json({**read, **_numbers(answer), "documents": documents})

    return StructuredTool.from_function(
        ask,
        name=name,
        description=f"Answers one question, in plain language, about the index {index}. {about}".strip(),
        handle_tool_error=True,
    )


def _numbers(answer: Answer) -> dict[str, Any]:
    return {"total": answer.result.total, "aggregations": dict(answer.result.aggregations)}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
