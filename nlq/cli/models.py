"""``nlq models``: the weights from the command line."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

app = typer.Typer(name="models", help="List and fetch the models that nlq knows by name.", no_args_is_help=True)


@app.command("list")
def list_models() -> None:
    """Show the models that nlq knows by name, and which are on this machine."""
    from nlq.models import CATALOG, DEFAULT_MODEL, installed
    from nlq.settings import load_settings

    home = load_settings().home
    table = Table("model", "size", "licence", "here", caption=f"in {home / 'models'}; default: {DEFAULT_MODEL}")
    for model in CATALOG.values():
        here = "yes" if installed(model, home) else "no"
        table.add_row(model.name, f"{model.size / 1e9:.1f} GB", model.licence, here)
    Console().print(table)


@app.command()
def fetch(
    name: Annotated[str | None, typer.Argument(help="A name of the list or a hub id; default: NLQ_MODEL.")] = None,
) -> None:
    """Fetch a model, check it and print where it is. A download that was stopped goes on where it stood."""
    from nlq import models
    from nlq.settings import load_settings

    settings = load_settings()
    typer.echo(models.fetch(name or settings.model, settings.home, console=Console(stderr=True)))
