"""The routes: thin functions from a request to the core and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Request
from fastapi.responses import Response, StreamingResponse

from api.access import Theirs, Visiting
from api.events import Desk, Run, stream
from api.json_response import AsciiJSONResponse
from api.schemas import (
    AnswerOut,
    Ask,
    ExplainedAnswerOut,
    IndexOut,
    ProblemOut,
    answer_out,
    index_out,
)
from nlq.settings import Settings

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


def problem_response(text: str) -> dict[str, Any]:
    return {"description": text, "content": {"application/problem+json": {}}, "model": ProblemOut}


ASK_PROBLEMS: dict[int | str, dict[str, Any]] = {
    404: problem_response("There is no such index, or none that matches the pattern."),
    413: problem_response("The body is too large."),
    422: problem_response(
        "The name or the question cannot be used, or no candidate survived (then with `candidates`)."
    ),
    429: problem_response("Too many questions at once; see Retry-After."),
    503: problem_response("Elasticsearch, the model or the example store is down."),
}


def question_routes(desk: Desk, settings: Settings) -> APIRouter:
    router = APIRouter(tags=["questions"])

    @router.post("/{index}/nlq", response_model=ExplainedAnswerOut | AnswerOut, responses=ASK_PROBLEMS)
    async def ask(
        index: IndexName, body: Ask, request: Request, *, theirs: Theirs, visit: Visiting, accept: Accept = ""
    ) -> Response:
        """Answer a question with a verified search.

        With `Accept: text/event-stream` the answer comes as server-sent events: `schema`, `values`, `examples`,
        one `candidate` each, `ballot` and `answer`, or `error` with a problem document.
        """
        question, options = body.question_of(index, settings), body.options(settings)
        run = desk.take(question, options, translator=theirs, caller=visit.caller.id)
        if "text/event-stream" in accept.lower():
            return await _streamed(run, request, explain=body.explain)
        return await _whole(run, request, explain=body.explain)

    return router


async def _whole(run: Run, request: Request, *, explain: bool) -> Response:
    if not await _follow(run, request):
        return Response(status_code=204)
    return AsciiJSONResponse(answer_out(run.answer(), explain=explain))


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


async def _streamed(run: Run, request: Request, *, explain: bool) -> Response:
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
        stream(run, first, explain=explain),
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
