"""Root of the command line: global behaviour, and one line with an exit code for every error."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer
from rich.console import Console

from nlq.cli import ask, demo, elastic, evaluate, examples, keys, mcp, models, seed, serve
from nlq.errors import AccessError, ConfigError, InputError, NlqError

_USER_MISTAKES = (ConfigError, InputError, AccessError)


def build_app() -> typer.Typer:
    app = typer.Typer(
        name="nlq",
        help="Ask Elasticsearch in plain language. Start with `nlq demo`, then `nlq ask movies 'films by Tim Burton'`.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
    )
    app.command("ask")(ask.ask)
    app.command("indexes")(ask.indexes)
    app.command("schema")(schema)
    app.command("serve")(serve.serve)
    app.command("mcp")(mcp.mcp)
    app.add_typer(evaluate.app, name="eval")
    app.command("seed")(seed.seed)
    app.add_typer(demo.app, name="demo")
    app.add_typer(elastic.app, name="elastic")
    app.add_typer(models.app, name="models")
    app.add_typer(examples.app, name="examples")
    app.add_typer(keys.app, name="keys")
    return app


def schema(
    index: Annotated[str, typer.Argument(help="An index, alias, data stream or pattern (logs-*).")],
    decoded: Annotated[bool, typer.Option("--decoded", help="Only what the model may write.")] = False,
) -> None:
    """Print the JSON Schema of the search bodies that can be asked of INDEX: what `nlq` accepts from people, examples
    and models, or with --decoded the compact spelling that the model is held to."""
    from nlq.bootstrap import open_engine
    from nlq.query_schema import accepted_schema, decoded_schema
    from nlq.settings import load_settings

    profile = decoded_schema if decoded else accepted_schema
    with open_engine(load_settings()) as engine:
        sys.stdout.write(json.dumps(profile(engine.schema(index)), ensure_ascii=False, indent=1) + "\n")


def main() -> None:
    """Run the command line. Exit codes: 0 done, 1 something nlq depends on failed, 2 the user's mistake."""
    try:
        build_app()()
    except NlqError as exc:
        Console(stderr=True).print(f"nlq: {exc}", style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(2 if isinstance(exc, _USER_MISTAKES) else 1)
    except KeyboardInterrupt:
        sys.exit(130)
