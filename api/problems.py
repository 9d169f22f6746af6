"""Problem documents (RFC 9457): the one shape of every error this service sends."""

from __future__ import annotations

import json
import logging
import math
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from api.schemas import failed_candidate
from nlq.errors import (
    AccessError,
    BackendError,
    ConfigError,
    ConflictError,
    InputError,
    NlqError,
    NoAnswerError,
    OverloadedError,
    UnknownExampleError,
    UnknownIndexError,
)

log = logging.getLogger("nlq.api")

STATUS: dict[type[NlqError], int] = {
    NlqError: 500,
    ConfigError: 500,
    InputError: 422,
    UnknownIndexError: 404,
    UnknownExampleError: 404,
    ConflictError: 412,
    AccessError: 403,
    BackendError: 503,
    OverloadedError: 429,
    NoAnswerError: 422,
}

KIND: dict[type[NlqError], str] = {
    ConfigError: "configuration",
    InputError: "input",
    UnknownIndexError: "unknown-index",
    UnknownExampleError: "unknown-example",
    ConflictError: "conflict",
    AccessError: "forbidden",
    BackendError: "backend",
    OverloadedError: "overloaded",
    NoAnswerError: "no-answer",
}

HINTS = {
    "missing": "is missing",
    "extra_forbidden": "is not a name of this request, or a second name of one that is there",
}

WHOLE_BODY = {
    "json_invalid": "The body is not JSON.",
    "missing": "Send a JSON object with Content-Type: application/json.",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem: ``extra`` are extension members, ``headers`` go with the HTTP answer."""

    status: int
    detail: str
    kind: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        return {
            "type": f"urn:problem-type:nlq:{self.kind}" if self.kind else "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            **self.extra,
        }

    def response(self) -> Response:
        return Response(
            json.dumps(self.body()),
            status_code=self.status,
            media_type="application/problem+json",
            headers=dict(self.headers),
        )


def problem_of(exc: BaseException) -> Problem:
    """The problem a caller is told about. What nobody foresaw is logged under an id; only the id goes out."""
    if isinstance(exc, NlqError):
        return _foreseen(exc)
    number = uuid.uuid4().hex[:12]
    log.error("Unexpected error %s", number, exc_info=exc)
    return Problem(500, f"Something unexpected went wrong; the server's log has it as {number}.", extra={"id": number})


def _foreseen(exc: NlqError) -> Problem:
    line = type(exc).__mro__
    extra: dict[str, Any] = {}
    headers: dict[str, str] = {}
    if isinstance(exc, NoAnswerError):
        extra["candidates"] = [failed_candidate(v) for v in exc.verdicts]
    if isinstance(exc, OverloadedError):
        headers["Retry-After"] = str(max(1, math.ceil(exc.retry_after)))
    return Problem(
        next(STATUS[c] for c in line if c in STATUS),
        str(exc),
        kind=next((KIND[c] for c in line if c in KIND), None),
        extra=extra,
        headers=headers,
    )


def sentence(errors: Sequence[Mapping[str, Any]]) -> str:
    """Pydantic's errors as one sentence; the alternatives of one field are joined by "or"."""
    wrong: dict[str, list[str]] = {}
    for error in errors:
        place = [str(part) for part in error["loc"][1:]]  # loc starts with "body", "path" or "header"
        if error["type"] == "json_invalid" or not place:
            return WHOLE_BODY.get(error["type"], WHOLE_BODY["missing"])
        text = HINTS.get(error["type"]) or str(error["msg"]).removeprefix("Value error, ")
        wrong.setdefault(place[0][:60], []).append(text[:1].lower() + text[1:])
    return "; ".join(f"{name}: {' or '.join(texts)}" for name, texts in list(wrong.items())[:4]) + "."


def install(app: FastAPI) -> None:
    """Make ``app`` answer every error with a problem document."""

    def known(_: Request, exc: Exception) -> Response:
        return problem_of(exc).response()

    def invalid(_: Request, exc: Exception) -> Response:
        errors = exc.errors() if isinstance(exc, RequestValidationError) else ()
        return Problem(422, sentence(errors), kind="input").response()

    def http(request: Request, exc: Exception) -> Response:
        if not isinstance(exc, HTTPException):
            return problem_of(exc).response()
        detail = {
            400: "The body cannot be read as JSON.",
            404: f"There is nothing at {request.url.path[:200]}; see /docs.",
            405: f"{request.method} is not possible here; see /docs.",
        }.get(exc.status_code, str(exc.detail))
        return Problem(exc.status_code, detail, headers=exc.headers or {}).response()

    app.add_exception_handler(NlqError, known)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(Exception, known)
