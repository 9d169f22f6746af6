"""The routes of the examples: kept, found, edited, and made of what people think of answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Header, Path, Query
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from api.access import WRITES, Theirs, Visiting
from api.json_response import AsciiJSONResponse
from api.metrics import Metrics
from api.routes import IndexName, problem_response
from api.schemas_examples import (
    ExampleIn,
    FeedbackIn,
    FoundOut,
    NewExample,
    PageOut,
    RecordOut,
    SearchIn,
    page_out,
    record_out,
)
from nlq.caching import AnswerCache
from nlq.curation import Curator, nearest
from nlq.errors import ConflictError
from nlq.settings import Settings
from nlq.translator import Translator, clean_question
from nlq.types import ExampleFilter, Record, State

MOST_ON_A_PAGE = 200

IfMatch = Annotated[str | None, Header(alias="If-Match", description="The ETag of the version that is meant, or `*`.")]
ExampleId = Annotated[str, Path(max_length=200)]
_ETAG = re.compile(r'(W/)?"([^"]*)"')

_Responses = dict[int | str, dict[str, Any]]
DOWN: _Responses = {503: problem_response("Elasticsearch or the example store is down.")}
UNKNOWN_INDEX: _Responses = {404: problem_response("There is no such index.")}
UNKNOWN: _Responses = {404: problem_response("There is no such example.")}
REFUSED: _Responses = {
    413: problem_response("The body is too large."),
    422: problem_response("The example cannot be kept; `detail` says what is wrong with question or query."),
}
GUARDED: _Responses = {
    412: problem_response("The example was changed meanwhile, or another one is equal to the edited one."),
    428: problem_response("If-Match is missing."),
}
KNOWN: _Responses = {200: {"description": "It was known already; its record.", "model": RecordOut}}


def example_routes(settings: Settings, metrics: Metrics, *, cache: AnswerCache | None = None) -> APIRouter:
    """``cache`` is what forgets answers that were wrong."""
    router = APIRouter(tags=["examples"])

    def curator(theirs: Translator) -> Curator:
        return Curator(
            theirs.engine,
            theirs.examples,
            theirs.embedder,
            timeout=settings.es_timeout,
            max_results=settings.max_results,
            max_question_chars=settings.max_question_chars,
            now=theirs.now,
        )

    @router.get("/examples", response_model=PageOut, responses=DOWN)
    def page(
        theirs: Theirs,
        where: Annotated[ExampleFilter, Depends(_filter)],
        after: Annotated[str, Query(description="The `next` of the page before.", max_length=200)] = "",
        limit: Annotated[int, Query(ge=1, le=MOST_ON_A_PAGE)] = 50,
    ) -> Response:
        """The examples in the order they were added, a page at a time, filtered."""
        records = theirs.examples.page(where, after=after, limit=limit + 1)
        return AsciiJSONResponse(page_out(records, total=theirs.examples.count(where), limit=limit))

    @router.post("/examples", status_code=201, response_model=RecordOut, responses={**KNOWN, **REFUSED, **DOWN})
    def add(body: NewExample, theirs: Theirs, visit: Visiting) -> Response:
        """Keep an example.

        Its query must fit the index and run. Where this engine has no such index, it is kept `unchecked`.
        """
        return _kept(curator(theirs).keep(body.example(), tags=body.tags, author=body.author or visit.author))

    @router.post("/examples/search", response_model=FoundOut, responses={**REFUSED, **DOWN})
    def search(body: SearchIn, theirs: Theirs) -> Response:
        """The examples nearest to a question, as the model would be shown them."""
        question = clean_question(body.question, most=settings.max_question_chars)
        store = theirs.examples
        found = nearest(store, question, body.k, exclude_index=body.exclude_index)
        return AsciiJSONResponse({"examples": [{**record_out(store.get(e.id)), "score": s} for s, e in found]})

    @router.get("/examples/{id}", response_model=RecordOut, responses={**UNKNOWN, **DOWN})
    def show(id: ExampleId, theirs: Theirs) -> Response:
        """One example; its ETag is what an edit needs."""
        return _one(theirs.examples.get(id))

    @router.put("/examples/{id}", response_model=RecordOut, responses={**UNKNOWN, **GUARDED, **REFUSED, **DOWN})
    def edit(id: ExampleId, body: ExampleIn, theirs: Theirs, if_match: IfMatch = None) -> Response:
        """Replace question, query, index and tags; checked as a new one is."""
        etag = _matched(theirs.examples.get(id), if_match)
        return _one(curator(theirs).edit(id, body.example(), tags=body.tags, etag=etag))

    @router.delete("/examples/{id}", status_code=204, responses={**UNKNOWN, **GUARDED, **DOWN})
    def remove(id: ExampleId, theirs: Theirs, if_match: IfMatch = None) -> Response:
        """Forget an example."""
        theirs.examples.remove(id, etag=_matched(theirs.examples.get(id), if_match))
        return Response(status_code=204)

    @router.post(
        "/{index}/feedback",
        status_code=201,
        response_model=RecordOut,
        responses={**KNOWN, 204: {"description": "It was counted."}, **UNKNOWN_INDEX, **REFUSED, **DOWN},
    )
    def feedback(index: IndexName, body: FeedbackIn, visit: Visiting) -> Response:
        """Say whether an answer was right.

        A right or corrected one becomes an example after its query has passed the checks and run; a wrong one is only
        counted, and asked anew next time. Send the question and the query.
        """
        if body.verdict == "wrong":
            response = Response(status_code=204)
        else:
            theirs = visit.translator(WRITES)
            author = body.author or visit.author
            response = _kept(curator(theirs).approve(body.example(index), tags=body.tags, author=author))
        if cache is not None and body.verdict != "right":
            cache.forget(body.question, index)
        metrics.judged(body.verdict)
        return response

    return router


def _filter(
    *,
    index: Annotated[str | None, Query(max_length=4096)] = None,
    source: Annotated[str | None, Query(max_length=200)] = None,
    state: State | None = None,
    tag: Annotated[str | None, Query(max_length=200)] = None,
    text: Annotated[str | None, Query(max_length=2000, description="Occurs in the question.")] = None,
) -> ExampleFilter:
    return ExampleFilter(index=index, source=source, state=state, tag=tag, text=text)


def _one(record: Record, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return AsciiJSONResponse(record_out(record), status, {"ETag": f'"{record.etag}"', **(headers or {})})


def _kept(kept: tuple[Record, bool]) -> Response:
    record, new = kept
    if not new:
        return _one(record)
    return _one(record, status=201, headers={"Location": f"/examples/{quote(record.example.id, safe='')}"})


def _matched(record: Record, if_match: str | None) -> str:
    """The record's ETag where the condition names it (RFC 9110, 13.1.1: weak ones never do)."""
    if if_match is None:
        raise HTTPException(428, "Send If-Match with the ETag that GET gave, so that nobody's edit is lost.")
    strong = [tag for weak, tag in _ETAG.findall(if_match) if not weak]
    if if_match.strip() != "*" and record.etag not in strong:
        raise ConflictError("The example was changed meanwhile: get it again and edit that.")
    return record.etag
