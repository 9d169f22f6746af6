"""The HTTP service around one translator: questions, indices, health, the page and its documentation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

from api import docs, problems
from api.events import Desk
from api.examples import example_routes
from api.metrics import Metrics, metrics_routes
from api.routes import health_routes, index_routes, question_routes
from api.security import BodyLimit, SecurityHeaders
from nlq.settings import Settings
from nlq.translator import Translator

STATIC = Path(__file__).parent / "static"


def create_app(
    translator: Translator,
    settings: Settings,
    *,
    suggestions: Mapping[str, Sequence[str]] | None = None,
) -> FastAPI:
    """The application. ``suggestions`` maps index names to questions that the page offers.

    The caller owns ``translator`` and closes its parts after the application has ended; by then no question runs.
    """
    metrics = Metrics()
    desk = Desk(translator, metrics=metrics)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(desk.close)

    app = FastAPI(
        title="nlq",
        description="Ask Elasticsearch in plain language.",
        version="0.1.0",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    problems.install(app)
    docs.install(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(SecurityHeaders)

    @app.get("/", include_in_schema=False)
    def page() -> FileResponse:
        return FileResponse(STATIC / "index.html")

    # No index is named with a leading underscore, so this folder hides none.
    app.mount("/_static", StaticFiles(directory=STATIC), name="static")
    app.include_router(health_routes(translator))
    app.include_router(metrics_routes(metrics))
    app.include_router(index_routes(translator, suggestions or {}))
    app.include_router(question_routes(desk, settings))
    app.include_router(example_routes(translator, settings, metrics))  # last: an index may be named examples
    return app
