"""Swagger UI at /docs, out of files that the package `fastapi-offline` brings: nothing comes from elsewhere."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

from nlq.errors import ConfigError

STATIC = Path(__file__).parent / "static"
POLICY = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'"


def install(app: FastAPI) -> None:
    """Serve /docs and its files."""

    def page() -> FileResponse:
        return FileResponse(STATIC / "docs.html", headers={"Content-Security-Policy": POLICY})

    app.mount("/_docs", StaticFiles(directory=_assets()), name="docs-assets")
    app.get("/docs", include_in_schema=False)(page)


def _assets() -> Path:
    spec = find_spec("fastapi_offline")
    if spec is None or spec.origin is None:
        raise ConfigError("The package fastapi-offline is missing; install nlq again.")
    return Path(spec.origin).parent / "static"
