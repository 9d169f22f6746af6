"""The HTTP service around one translator: questions, indices, health, the page and its documentation."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path

from fastapi import Depends, FastAPI
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

from api import access, docs, problems
from api.access_parts import Parts
from api.events import Desk
from api.examples import example_routes
from api.health import health_routes
from api.logs import QuestionLog
from api.logs_requests import RequestWatch
from api.mcp import mcp_endpoint
from api.metrics import Metrics, metrics_routes
from api.query import query_routes
from api.routes import index_routes, question_routes
from api.security import BodyLimit, SecurityHeaders
from api.traces import OFF, Tracing
from nlq.access.door import Door
from nlq.settings import Settings
from nlq.translator import Translator

STATIC = Path(__file__).parent / "static"


def create_app(
    translator: Translator,
    settings: Settings,
    *,
    suggestions: Mapping[str, Sequence[str]] | None = None,
    warmed: threading.Event | None = None,
    tracing: Tracing | None = None,
    door: Door | None = None,
) -> FastAPI:
    """The application. ``suggestions`` maps index names to questions that the page offers. /readyz is 503 until
    ``warmed`` is set, where it is given. ``tracing`` is closed with the application.
    Without a ``door`` everybody gets in.

    The caller owns ``translator`` and closes its parts after the application has ended; by then no question runs.
    """
    metrics = Metrics(log=QuestionLog(texts=settings.log_questions))
    desk = Desk(translator, metrics=metrics, waiting=settings.waiting, per_caller=settings.waiting_per_caller)
    parts = Parts(translator, door or Door(), pass_through=settings.es_pass_through)
    agents = mcp_endpoint(desk, settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with agents.running():
            yield
        await asyncio.to_thread(desk.close)
        if tracing:
            await asyncio.to_thread(tracing.close)

    app = FastAPI(
        title="nlq",
        description="Ask Elasticsearch in plain language.",
        version="0.1.0",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        telemetry=tracing.fastapi() if tracing else OFF,
        dependencies=[Depends(access.permit)],
        responses=access.PROBLEMS,
    )
    problems.install(app)
    docs.install(app)
    app.add_middleware(BodyLimit)
    access.install(app, parts, settings)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(RequestWatch, metrics=metrics, trace=tracing.stage if tracing else nullcontext)

    @app.get("/", include_in_schema=False)
    def page() -> FileResponse:
        return FileResponse(STATIC / "index.html")

    # No index is named with a leading underscore, so this folder hides none.
    app.mount("/_static", StaticFiles(directory=STATIC), name="static")
    app.include_router(health_routes(translator, warmed=warmed))
    app.include_router(metrics_routes(metrics))
    app.router.routes.extend(agents.routes)
    app.include_router(index_routes(suggestions or {}))
    app.include_router(question_routes(desk, settings))
    app.include_router(query_routes(settings))
    # Last: an index may be named examples.
    app.include_router(example_routes(settings, metrics, cache=translator.cache))
    return app
