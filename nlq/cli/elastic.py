"""``nlq elastic``: the embedded Elasticsearch from the command line."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer(
    name="elastic",
    help="Run an Elasticsearch of your own on this machine, with its data in NLQ_HOME.\n\n"
    "Not needed where NLQ_ES_URL names a cluster that runs already.",
    no_args_is_help=True,
)


@app.command()
def start(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 takes a free one.")] = 0,
    heap: Annotated[str, typer.Option(help="Memory for the Java heap, such as 512m or 2g.")] = "1g",
) -> None:
    """Start the node in the background and print its URL.

    The first start fetches Elasticsearch with Maven (950 MB, of which 200 MB stay); it needs a JDK 21 or newer. A node
    that runs already is left as it is. It runs until `nlq elastic stop`.
    """
    from nlq.elastic import node
    from nlq.settings import load_settings

    running = node.start(load_settings().home, port=port, heap=heap, console=Console(stderr=True))
    typer.echo(running.url)


@app.command()
def stop() -> None:
    """Stop the node and wait until it has ended. Its data stays."""
    from nlq.elastic import node
    from nlq.settings import load_settings

    typer.echo("Elasticsearch has ended." if node.stop(load_settings().home) else "Elasticsearch did not run.")


@app.command()
def status() -> None:
    """Print the URL of the running node; exit code 1 where none runs."""
    from nlq.elastic import node
    from nlq.settings import load_settings

    running = node.status(load_settings().home)
    if running is None:
        typer.echo("Elasticsearch does not run: start it with `nlq elastic start`.", err=True)
        raise typer.Exit(1)
    typer.echo(running.url)
