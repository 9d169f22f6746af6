"""``nlq keys``: who may use the service."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from nlq.access.keys import KeyStore

app = typer.Typer(name="keys", help="Keys for callers of `nlq serve`: add, list, revoke.", no_args_is_help=True)


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Who will use it; in logs, and as the author of examples.")],
    index: Annotated[list[str], typer.Option(help="Indices it is for: a name or a pattern. May be repeated.")],
    action: Annotated[
        list[str] | None,
        typer.Option(help="ask, query, examples:read, examples:write, admin. May be repeated; default: ask, query."),
    ] = None,
    days: Annotated[int | None, typer.Option(help="Days until it expires; default: never.", min=1, max=3650)] = None,
    rate: Annotated[
        int | None, typer.Option(help="Requests a minute, 0 any number; default: NLQ_RATE_PER_MINUTE.", min=0)
    ] = None,
) -> None:
    """Make a key and print it. It is shown this once and kept nowhere.

    To replace a key, add another one, hand it out, and revoke the old one.
    """
    from nlq.access.callers import Grant, checked_actions, checked_patterns

    grant = Grant(checked_patterns(index), checked_actions(action or ["ask", "query"]))
    secret, key = _store().add(name, grant, lifetime=timedelta(days=days) if days else None, rate=rate)
    typer.echo(secret)
    Console(stderr=True).print(
        f"This is key {key.id}; it is not shown again. A service that needs no key yet does so from its next start.",
        highlight=False,
        soft_wrap=True,
    )


@app.command("list")
def list_keys() -> None:
    """Show the keys by their ids, with what they allow and when they were last used."""
    table = Table("id", "name", "indices", "actions", "rate", "created", "expires", "last used", "state")
    now = datetime.now(UTC)
    for key in _store().all():
        rate = "" if key.rate is None else str(key.rate)
        what = (" ".join(key.grant.indexes), " ".join(sorted(key.grant.actions)), rate)
        table.add_row(key.id, key.name, *what, _day(key.created), _day(key.expires), _day(key.used), key.state(now))
    Console().print(table)


@app.command()
def revoke(key_id: Annotated[str, typer.Argument(metavar="ID", help="Its id, as `nlq keys list` shows it.")]) -> None:
    """Make a key useless, at once and for ever."""
    key = _store().revoke(key_id)
    Console(stderr=True).print(f"The key {key.id} of {key.name} is revoked.", markup=False, highlight=False)


def _store() -> KeyStore:
    from nlq.access.keys import KeyStore
    from nlq.settings import load_settings

    return KeyStore(load_settings().keys_path)


def _day(moment: datetime | None) -> str:
    return moment.date().isoformat() if moment else ""
