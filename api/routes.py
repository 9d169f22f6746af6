"""The routes: thin functions from a request to the core and back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Request
from fastapi.responses import Response, StreamingResponse

from api.access import Theirs, Visit, Visiting
from api.answers import Conversations, Replays
from api.events import Desk, Run, sse, stream
from api.json_response import AsciiJSONResponse
from api.requests import Ask, Refine
from api.schemas import (
    AnswerOut,
    ExplainedAnswerOut,
    IndexOut,
    ProblemOut,
    answer_out,
    index_out,
)
from nlq.errors import NlqError
from nlq.settings import Settings
from nlq.translator import Translator
from nlq.types import Answer, Example

POLL_SECONDS = 1.0

IndexName = Annotated[
    str,
    Path(
        description="An index, alias or data stream of the engine, a pattern with `*` that stands for the open ones "
        "that match, or several of these with commas between. Their fields are asked as those of one index.",
        openapi_examples={
            "index": {"summary": "one index", "value": "movies"},
            "pattern": {"summary": "all that match", "value": "logs-*"},
            "list": {"summary": "several", "value": "orders-2025,orders-2026"},
        },
    ),
]
"""Checked by the engine, which knows what a name can be and how long a list."""


Accept = Annotated[str, Header()]
IdempotencyKey = Annotated[
    str,
    Header(
        max_length=200,
        description="For ten minutes the same request with the same key gets the same answer, without a new one being "
        "sought; another request with it is refused.",
    ),
]


def problem_response(text: str) -> dict[str, Any]:
    return {"description": text, "content": {"application/problem+json": {}}, "model": ProblemOut}


ASK_PROBLEMS: dict[int | str, dict[str, Any]] = {
    404: problem_response("There is no such index, or none that matches the pattern."),
    409: problem_response("The request with this Idempotency-Key is being answered."),
    413: problem_response("The body is too large."),
    422: problem_response(
        "The name or the question cannot be used, or no candidate survived (then with `candidates`)."
    ),
    429: problem_response("Too many questions at once; see Retry-After."),
    503: problem_response("Elasticsearch, the model or the example store is down."),
}


def question_routes(desk: Desk, settings: Settings) -> APIRouter:
    router = APIRouter(tags=["questions"])
    conversations = Conversations(most_chars=settings.max_question_chars)
    office = _Office(desk, settings, conversations, Replays())

    @router.post("/{index}/nlq", response_model=ExplainedAnswerOut | AnswerOut, responses=ASK_PROBLEMS)
    async def ask(
        index: IndexName,
        body: Ask,
        request: Request,
        *,
        theirs: Theirs,
        visit: Visiting,
        accept: Accept = "",
        idempotency_key: IdempotencyKey = "",
    ) -> Response:
        """Answer a question with a verified search.

        With `Accept: text/event-stream` the answer comes as server-sent events: `schema`, `values`, `examples`,
        `sampled` as each candidate ends, `candidate` with its verdict, `ballot` and `answer`, or `error` with a problem
        document.
        """
        sent = _Sent(index, body, request, theirs, visit, accept, idempotency_key)
        return await office.answer(sent)

    @router.post("/{index}/nlq/refine", response_model=ExplainedAnswerOut | AnswerOut, responses=ASK_PROBLEMS)
    async def refine(
        index: IndexName,
        body: Refine,
        request: Request,
        *,
        theirs: Theirs,
        visit: Visiting,
        accept: Accept = "",
        idempotency_key: IdempotencyKey = "",
    ) -> Response:
        """Answer a question that goes on from an answer ("only the ones after 2000"), in the same ways.

        Answers are kept for an hour in the process that gave them, the latest ones: where several processes serve,
        send `previous` instead of `answer_id`.
        """
        sent = _Sent(index, body, request, theirs, visit, accept, idempotency_key)
        return await office.answer(sent, previous=body.goes_on_from(partial(conversations.get, sent.who), index))

    return router


@dataclass(frozen=True, slots=True)
class _Sent:
    """One question as it came in."""

    index: str
    body: Ask
    request: Request
    theirs: Translator
    visit: Visit
    accept: str
    key: str

    @property
    def who(self) -> str:
        """The caller, told from every other one."""
        return hashlib.sha256(f"{self.visit.caller.id}\n{self.visit.elastic}".encode()).hexdigest()

    @property
    def streams(self) -> bool:
        return "text/event-stream" in self.accept.lower()

    @property
    def text(self) -> str:
        return json.dumps([self.request.url.path, self.body.model_dump()], sort_keys=True)


@dataclass(frozen=True, slots=True)
class _Office:
    """Has questions answered at the ``desk``, and keeps what later requests may refer to."""

    desk: Desk
    settings: Settings
    conversations: Conversations
    replays: Replays

    async def answer(self, sent: _Sent, *, previous: Example | None = None) -> Response:
        out = partial(answer_out, explain=sent.body.explain, unsure_below=self.settings.unsure_below)
        if sent.key and (known := self.replays.begin(sent.who, sent.key, sent.text)):
            return _again(out(known), streams=sent.streams)
        run = self._run(sent, previous)
        return await (_streamed if sent.streams else _whole)(run, sent.request, out=out)

    def _run(self, sent: _Sent, previous: Example | None) -> Run:
        most = sent.body.max_results or self.settings.max_results

        def ended(answer: Answer | None) -> None:
            if sent.key:
                self.replays.end(sent.who, sent.key, answer)
            if answer:
                self.conversations.keep(sent.who, answer, previous, max_results=most)

        try:
            question = sent.body.question_of(sent.index, self.settings)
            options = sent.body.options(self.settings, previous=previous)
            run = self.desk.take(
                question, options, translator=sent.theirs, caller=sent.visit.caller.id, heard=sent.streams
            )
        except NlqError:
            ended(None)
            raise
        run.then(ended)
        return run


def _again(answer: Mapping[str, Any], *, streams: bool) -> Response:
    if streams:
        return Response(sse("answer", answer), media_type="text/event-stream")
    return AsciiJSONResponse(answer)


async def _whole(run: Run, request: Request, *, out: Callable[[Answer], Any]) -> Response:
    if not await _follow(run, request):
        return Response(status_code=204)
    return AsciiJSONResponse(out(run.answer()))


async def _follow(run: Run, request: Request) -> bool:
    """Wait for the end of the run; False where the client left first (the run is stopped)."""
    try:
        while not await request.is_disconnected():
            try:
                if await run.next(POLL_SECONDS) is None:
                    return True
            except TimeoutError:
                continue
        return False
    finally:
        run.stop()


async def _streamed(run: Run, request: Request, *, out: Callable[[Answer], Any]) -> Response:
    """Headers go out with the first event: what fails before it (an unknown index) keeps its HTTP status."""
    began = False
    try:
        while not began:
            if await request.is_disconnected():
                return Response(status_code=204)
            try:
                first = await run.next(POLL_SECONDS)
            except TimeoutError:
                continue
            if first is None:
                run.answer()
            began = True
    finally:
        if not began:
            run.stop()
    return StreamingResponse(
        stream(run, first, out=out),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )


def index_routes(suggestions: Mapping[str, Sequence[str]]) -> APIRouter:
    router = APIRouter(tags=["indices"])

    @router.get("/indexes", response_model=list[IndexOut])
    def indexes(theirs: Theirs) -> Response:
        """The indices that can be asked, with questions to start from where some are known."""
        return AsciiJSONResponse([index_out(info, suggestions) for info in theirs.engine.indexes()])

    @router.get("/{index}/mapping", responses={404: problem_response("There is no such index.")})
    def mapping(index: IndexName, theirs: Theirs) -> dict[str, Any]:
        """The index's mapping as Elasticsearch gives it; several indices' mappings merged."""
        return dict(theirs.engine.mapping(index))

    return router
