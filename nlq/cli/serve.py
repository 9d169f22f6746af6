"""``nlq serve``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from nlq.settings import Settings, load_settings
from nlq.translator import Translator

if TYPE_CHECKING:
    import uvicorn


def serve(
    port: Annotated[int | None, typer.Option(help="Port to listen on (NLQ_PORT, 6789).", min=0, max=65535)] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on (NLQ_HOST, 127.0.0.1).")] = None,
) -> None:
    """Serve the HTTP API (`/docs`) and the search page (`/`) until Ctrl-C."""
    from nlq.bootstrap import open_translator

    settings = load_settings()
    settings = settings.model_copy(
        update={"port": settings.port if port is None else port, "host": host or settings.host}
    )
    console = Console(stderr=True)
    with open_translator(settings, console=console) as translator:
        with console.status("putting the head of the prompt into the model's cache"):
            translator.warm()
        console.print(
            f"nlq serves {translator.sampler.name} at http://{settings.host}:{settings.port} (Ctrl-C ends it)"
        )
        http_server(translator, settings).run()


def http_server(translator: Translator, settings: Settings) -> uvicorn.Server:
    """The API and the page over ``translator``; ``run`` serves until told to end."""
    import uvicorn

    from api.app import create_app
    from nlq.bootstrap import demo_questions

    app = create_app(translator, settings, suggestions=demo_questions())
    return uvicorn.Server(
        uvicorn.Config(app, host=settings.host, port=settings.port, log_level="warning", timeout_graceful_shutdown=5)
    )
