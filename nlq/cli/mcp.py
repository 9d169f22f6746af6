"""``nlq mcp``."""

from __future__ import annotations

import sys
from contextlib import ExitStack, closing, redirect_stdout

from rich.console import Console

from nlq.settings import load_settings


def mcp() -> None:
    """Serve an agent over standard input and output (Model Context Protocol); it starts this command itself.

    `nlq serve` serves the same tools over HTTP at /mcp.
    """
    import anyio

    from api.events import Desk
    from api.mcp import require_installed, serve_stdio
    from api.metrics import Metrics
    from nlq.bootstrap import open_translator

    require_installed()
    with ExitStack() as parts:
        with redirect_stdout(sys.stderr):  # standard output is the protocol's
            translator = parts.enter_context(open_translator(load_settings(), console=Console(stderr=True)))
            translator.warm()
        desk = parts.enter_context(closing(Desk(translator, metrics=Metrics())))
        anyio.run(serve_stdio, translator, desk)
