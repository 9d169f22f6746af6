"""Swagger UI at /docs: from the installed package `fastapi-offline` where there is one, else from its CDN."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import FileResponse, HTMLResponse
from fastapi.staticfiles import StaticFiles

STATIC = Path(__file__).parent / "static"
OFFLINE_POLICY = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'"
CDN_POLICY = (
    "default-src 'self'; frame-ancestors 'none'; img-src 'self' data: https://fastapi.tiangolo.com; "
    "script-src 'unsafe-inline' https://cdn.jsdelivr.net; style-src 'unsafe-inline' https://cdn.jsdelivr.net"
)


def swagger_assets() -> Path | None:
    """The folder with swagger-ui-bundle.js and swagger-ui.css, None where no installed package brings them."""
    spec = find_spec("fastapi_offline")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "static"
    return folder if (folder / "swagger-ui-bundle.js").is_file() else None


def install(app: FastAPI, assets: Path | None) -> None:
    """Serve /docs out of ``assets``; without any, a page that loads Swagger UI from its CDN."""
    if assets is None:

        def online() -> HTMLResponse:
            page = get_swagger_ui_html(openapi_url=app.openapi_url or "", title=app.title)
            page.headers["Content-Security-Policy"] = CDN_POLICY
            return page

        app.get("/docs", include_in_schema=False)(online)
        return

    def offline() -> FileResponse:
        return FileResponse(STATIC / "docs.html", headers={"Content-Security-Policy": OFFLINE_POLICY})

    app.mount("/_docs", StaticFiles(directory=assets), name="docs-assets")
    app.get("/docs", include_in_schema=False)(offline)
