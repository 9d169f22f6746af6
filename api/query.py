"""POST /{index}/query: a search body that a person edited, its pages, and the whole of it as a file."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response, StreamingResponse

from api.access import Theirs
from api.export import MEDIA, Format, exported
from api.json_response import AsciiJSONResponse
from api.requests import RunIn
from api.routes import Accept, IndexName, problem_response
from api.rows import Row, hit_rows, rows_of
from api.schemas import RanOut, ran_out
from nlq.errors import InputError
from nlq.run_body import Ran, run_body
from nlq.settings import Settings
from nlq.translator import Translator

PAGE = 1000
"""Hits that an export reads at a time."""

Formats = Literal["json", "csv", "ndjson", "arrow"]
Wanted = Annotated[Formats | None, Query(alias="format", description="What to answer with; goes before `Accept`.")]

RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"content": {media: {"schema": {"type": "string", "format": "binary"}} for media in MEDIA.values()}},
    404: problem_response("There is no such index, or none that matches the pattern."),
    413: problem_response("The body is too large."),
    422: problem_response("The query cannot be run; `detail` says why."),
    503: problem_response("Elasticsearch is down, or the query takes too long."),
}


def query_routes(settings: Settings) -> APIRouter:
    router = APIRouter(tags=["questions"])

    @router.post("/{index}/query", response_model=RanOut, responses=RESPONSES)
    def query(index: IndexName, body: RunIn, *, theirs: Theirs, accept: Accept = "", form: Wanted = None) -> Response:
        """Run a search body under the rules of every answer: the fields of the index, the policy, the limits.

        With `next` of an answer or of an earlier run it goes on to the hits behind those. With `format` or `Accept` of
        CSV, NDJSON or an Arrow stream all that the query finds comes as a file: buckets as rows where there are no
        hits.
        """
        chosen = form or _accepted(accept)
        if chosen == "json":
            most = body.most(settings)
            return AsciiJSONResponse(ran_out(run_body(theirs, index, body.query, max_results=most, after=body.next)))
        if body.next:
            raise InputError("next: leave it out of an export, which begins with the first hit.")
        return _file(_Export(theirs, index, body, most=settings.export_rows), chosen)

    return router


def _accepted(accept: str) -> Formats:
    named: tuple[Format, ...] = tuple(form for form, media in MEDIA.items() if media in accept.lower())
    return named[0] if named else "json"


class _Export:
    """The rows of a query, its first page run already: what is wrong with the query is told before a file begins.

    A query that says how many hits it wants gives so many, others all; never more than ``most`` rows.
    """

    def __init__(self, translator: Translator, index: str, asked: RunIn, *, most: int) -> None:
        filled = translator.limits.max_results
        given = [n for n in (asked.max_results, asked.query.get("size")) if type(n) is int and 0 < n != filled]
        self._translator = translator
        self._index = index
        self._rows = most
        self._hits = min([*given, most])
        self._page = min(PAGE, self._hits)
        self.first = run_body(translator, index, asked.query, max_results=self._page)

    def rows(self) -> Iterator[Row]:
        if not self.first.result.hits:
            return islice(rows_of(self.first.result), self._rows)
        return islice(chain.from_iterable(hit_rows(ran.result.hits) for ran in self._pages()), self._hits)

    def _pages(self) -> Iterator[Ran]:
        ran = self.first
        yield ran
        while ran.next:
            ran = run_body(self._translator, self._index, ran.query, max_results=self._page, after=ran.next)
            yield ran


def _file(export: _Export, form: Format) -> Response:
    chunks = exported(export.rows(), form)
    first = next(chunks, b"")  # what fails until here has its HTTP status
    return StreamingResponse(
        chain((first,), chunks),
        media_type=MEDIA[form],
        headers={
            "Content-Disposition": f'attachment; filename="result.{form}"',
            "X-Total-Count": str(export.first.result.total),
        },
    )
