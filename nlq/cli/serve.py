"""``nlq serve``."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from nlq.errors import BackendError
from nlq.settings import Settings, load_settings
from nlq.translator import Translator

if TYPE_CHECKING:
    import uvicorn

    from nlq.access.door import Door

WARM_AGAIN_SECONDS = 5.0
"""How long a warm-up that failed (the model's server is still starting) waits for the next one."""

_log = logging.getLogger("nlq.serve")


def serve(
    port: Annotated[int | None, typer.Option(help="Port to listen on (NLQ_PORT, 6789).", min=0, max=65535)] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on (NLQ_HOST, 127.0.0.1).")] = None,
    no_auth: Annotated[
        bool, typer.Option("--no-auth", help="Let everybody in, also where others reach it (NLQ_AUTH=off).")
    ] = False,
) -> None:
    """Serve the HTTP API (`/docs`) and the search page (`/`) until Ctrl-C or SIGTERM. What runs then is finished; a
    second signal ends it at once. Standard error gets one JSON record a line."""
    from api.logs import configure
    from nlq.bootstrap import open_door, open_translator

    settings = load_settings()
    settings = settings.model_copy(
        update={
            "port": settings.port if port is None else port,
            "host": host or settings.host,
            "auth": "off" if no_auth else settings.auth,
        }
    )
    door = open_door(settings)
    configure(settings.log_level)
    signal.signal(signal.SIGTERM, _leave)
    warmed = threading.Event()
    with open_translator(settings, console=Console(stderr=True)) as translator:
        server = http_server(translator, settings, warmed=warmed, door=door)
        _log.info("serving", extra={"model": translator.sampler.name, "host": settings.host, "port": settings.port})
        with warming(translator, warmed):
            server.run()


def http_server(
    translator: Translator,
    settings: Settings,
    *,
    warmed: threading.Event | None = None,
    door: Door | None = None,
) -> uvicorn.Server:
    """The API and the page over ``translator``; ``run`` serves until told to end. /readyz is 503 until ``warmed`` is
    set. Who gets in is what ``door`` says, else the settings."""
    import uvicorn

    from api.app import create_app
    from api.graceful import Server
    from api.traces import open_tracing
    from nlq.bootstrap import demo_questions, open_door

    app = create_app(
        translator,
        settings,
        suggestions=demo_questions(),
        warmed=warmed,
        tracing=open_tracing() if settings.otel else None,
        door=door or open_door(settings),
    )
    return Server(
        uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            ws="none",
            log_config=None,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=settings.shutdown_seconds,
        )
    )


@contextmanager
def warming(translator: Translator, warmed: threading.Event, *, again: float = WARM_AGAIN_SECONDS) -> Iterator[None]:
    """Warm the model beside the block and set ``warmed``; where that fails, it is tried again after ``again`` seconds.
    The block's end waits for an attempt that runs."""
    over = threading.Event()

    def work() -> None:
        while not over.is_set():
            try:
                translator.warm()
            except BackendError as exc:
                _log.warning("warm-up failed", extra={"reason": str(exc)})
                over.wait(again)
            else:
                warmed.set()
                return

    thread = threading.Thread(target=work, name="nlq-warm")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _leave(*_: object) -> None:
    """As Ctrl-C, but a success: what asks with SIGTERM wants the end."""
    sys.exit(0)
