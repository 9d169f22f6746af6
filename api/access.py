"""Who sends a request and what it may do: a layer that knows the caller, and a check that every route goes through."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request, Security
from fastapi.security import APIKeyHeader, HTTPBearer
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from api.access_parts import Parts
from api.problems import Problem, problem_of
from api.schemas import ProblemOut
from nlq.access.buckets import Buckets
from nlq.access.callers import EVERY_ACTION, Action, Caller, CredentialsError
from nlq.access.door import is_address, is_loopback
from nlq.errors import AccessError, NlqError, OverloadedError
from nlq.settings import Settings
from nlq.translator import Translator

ELASTIC_HEADER = "X-Elasticsearch-Authorization"
MOST_HEADER_CHARS = 16_384

OPEN = frozenset({"/", "/healthz", "/readyz", "/docs", "/redoc", "/openapi.json", "/favicon.ico"})
OPEN_BELOW = ("/_static/", "/_docs/")
"""What needs no key: the page and the documentation as everybody gets them, and whether the service is well."""

ASKS = frozenset({Action.ASK})
QUERIES = frozenset({Action.QUERY})
EITHER = ASKS | QUERIES
READS = frozenset({Action.EXAMPLES_READ})
WRITES = frozenset({Action.EXAMPLES_WRITE})

ACTIONS: dict[tuple[str, str], frozenset[Action]] = {
    ("GET", "/indexes"): EITHER,
    ("GET", "/{index}/mapping"): EITHER,
    ("POST", "/{index}/nlq"): ASKS,
    ("POST", "/{index}/nlq/refine"): ASKS,
    ("POST", "/{index}/query"): QUERIES,
    ("POST", "/{index}/feedback"): ASKS,
    ("GET", "/examples"): READS,
    ("POST", "/examples/search"): READS,
    ("GET", "/examples/{id}"): READS,
    ("POST", "/examples"): WRITES,
    ("PUT", "/examples/{id}"): WRITES,
    ("DELETE", "/examples/{id}"): WRITES,
    ("GET", "/metrics"): frozenset({Action.ADMIN}),
}
"""What a key must allow, one of these, for each method and route. A route that is not here is for nobody with a key."""


ALLOWED_HEADERS = (
    "Authorization",
    "X-API-Key",
    ELASTIC_HEADER,
    "Content-Type",
    "If-Match",
    "X-Request-ID",
    "Idempotency-Key",
)
EXPOSED_HEADERS = ("ETag", "Location", "Retry-After", "X-Request-ID", "X-Total-Count")

PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"description": text, "content": {"application/problem+json": {}}, "model": ProblemOut}
    for status, text in (
        (401, "The service wants a key or token, or does not take this one."),
        (403, "The key or token does not allow that, or not on this index."),
    )
}


@dataclass(frozen=True, slots=True)
class Visit:
    """One request's caller, and the credentials for Elasticsearch that came with it ("" none)."""

    caller: Caller
    elastic: str
    parts: Parts

    @property
    def author(self) -> str:
        """Who stands for what this caller adds, "" where that is nobody in particular."""
        return self.caller.name if self.caller.id else ""

    def allow(self, actions: Collection[Action]) -> None:
        """Raises AccessError where none of these is allowed on any index."""
        if not self.parts.allowed(self.caller).may(actions):
            raise AccessError(f"This caller may not do that: it takes the action {' or '.join(sorted(actions))}.")

    def translator(self, actions: Collection[Action]) -> Translator:
        """The parts as this caller may use them; raises AccessError where none of ``actions`` is allowed."""
        self.allow(actions)
        return self.parts.translator(self.caller, actions, elastic=self.elastic)


def install(app: FastAPI, parts: Parts, settings: Settings) -> None:
    """Put the layer in front of ``app``, and before it the answers to browsers that ask for other origins."""
    app.add_middleware(AccessLayer, parts=parts, settings=settings)
    origins = [origin for part in settings.cors_origins.split(",") if (origin := part.strip())]
    if origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=ALLOWED_HEADERS,
            expose_headers=EXPOSED_HEADERS,
        )


class AccessLayer:
    """Finds out who sends a request, and refuses those that nobody sends (401) or that come too often (429).

    What is behind it finds a ``Visit`` as ``request.state.visit``; None on the paths that are open to all.
    """

    def __init__(self, app: ASGIApp, *, parts: Parts, settings: Settings) -> None:
        self._app = app
        self._door = parts.door
        self._parts = parts
        self._rate = settings.rate_per_minute
        self._passes = settings.es_pass_through
        self._hosts = frozenset(settings.allowed_hosts.lower().replace(" ", "").split(","))
        self._only_here = not parts.door.locked and is_loopback(settings.host)
        self._buckets = Buckets()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            raise RuntimeError("nothing but HTTP is served")
        state = scope.setdefault("state", {})
        try:
            self._check_host(Headers(scope=scope))
            state["visit"] = None if is_open(scope["path"]) else await self._visit(scope)
        except NlqError as exc:
            await _problem(exc).response()(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _visit(self, scope: Scope) -> Visit:
        headers = Headers(scope=scope)
        credential = _credential(headers) if self._door.locked else None
        caller = await asyncio.to_thread(self._door.caller, credential) if credential else self._door.caller(None)
        self._take(caller, scope)
        return Visit(caller, _elastic(headers) if self._passes else "", self._parts)

    def _take(self, caller: Caller, scope: Scope) -> None:
        rate = self._rate if caller.rate is None else caller.rate
        if not rate:
            return
        client = scope.get("client") or ("",)
        if wait := self._buckets.take(caller.id or f"address:{client[0]}", rate=rate):
            raise OverloadedError(
                f"That is more than {rate} requests a minute: come back in {math.ceil(wait)} s.", retry_after=wait
            )

    def _check_host(self, headers: Headers) -> None:
        """Where only this machine gets in and nobody needs a key, a page of another site could ask in its name by
        letting its own host name point here (DNS rebinding): that name has a dot and is no address."""
        host = headers.get("host", "").lower()
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        foreign = "." in name and not is_address(name) and not name.endswith(".localhost")
        if self._only_here and foreign and name not in self._hosts:
            raise AccessError(f"This service is not called {name[:100]!r}: add that name to NLQ_ALLOWED_HOSTS.")


def is_open(path: str) -> bool:
    return path in OPEN or path.startswith(OPEN_BELOW)


def _credential(headers: Headers) -> str | None:
    """The key or token of a request, None where there is none; raises CredentialsError where it is unclear which."""
    found = [key.strip() for key in headers.getlist("x-api-key")]
    for value in headers.getlist("authorization"):
        scheme, _, rest = value.strip().partition(" ")
        if scheme.lower() == "bearer":
            found.append(rest.strip())
    if len(set(found)) > 1:
        raise CredentialsError("Send one key: more than one came with this request.")
    if found and len(found[0]) > MOST_HEADER_CHARS:
        raise CredentialsError("This key is too long to be one.")
    return found[0] if found else None


def _elastic(headers: Headers) -> str:
    values = headers.getlist(ELASTIC_HEADER)
    scheme, _, rest = (values[0] if len(values) == 1 else "").strip().partition(" ")
    fine = scheme.lower() in ("basic", "bearer", "apikey") and rest.isascii() and rest.isprintable()
    if not fine or not rest.strip() or len(rest) > MOST_HEADER_CHARS:
        raise CredentialsError(
            f"Send your credentials for Elasticsearch once, as `{ELASTIC_HEADER}: ApiKey …` (or Basic, Bearer)."
        )
    return f"{scheme} {rest.strip()}"


def _problem(exc: NlqError) -> Problem:
    if isinstance(exc, CredentialsError):
        return Problem(401, str(exc), kind="credentials", headers={"WWW-Authenticate": 'Bearer realm="nlq"'})
    return problem_of(exc)


async def permit(
    request: Request,
    _bearer: Annotated[object, Security(HTTPBearer(auto_error=False, description="A key or a token."))],
    _key: Annotated[object, Security(APIKeyHeader(name="X-API-Key", auto_error=False))],
) -> None:
    """The check that every route goes through; the schemes stand there for the documentation alone."""
    visit: Visit | None = request.state.visit
    if visit is None or visit.parts.free(visit.caller):
        return
    actions = _actions(request)
    if actions is None:
        raise AccessError("No key allows that.")
    visit.allow(actions)


def _actions(request: Request) -> frozenset[Action] | None:
    return ACTIONS.get((request.method, request.scope["route"].path))


async def _visit(request: Request) -> Visit:
    visit: Visit = request.state.visit
    return visit


Visiting = Annotated[Visit, Depends(_visit)]
"""A route's caller."""


async def _translator(request: Request, visit: Visiting) -> Translator:
    return visit.translator(_actions(request) or EVERY_ACTION)


Theirs = Annotated[Translator, Depends(_translator)]
"""The translator as a route's caller may use it."""
