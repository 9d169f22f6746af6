"""``nlq examples``: look at, search, take out and bring in the questions whose queries are known to be right."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from nlq.errors import InputError
from nlq.json_schema import minified

if TYPE_CHECKING:
    from examples_db.store import SqliteStore

_STREAM = Path("-")

app = typer.Typer(
    help="Questions with queries known to be right. The nearest ones are shown to the model before it answers.\n\n"
    "Teach nlq your own: write lines of JSON like\n\n"
    '{"question": "orders above 50", "query": {"query": {"range": {"total": {"gt": 50}}}}, "index": "orders", '
    '"fields": ["total:float"], "source": "hand"}\n\n'
    "and bring them in with `nlq examples import FILE`.",
    no_args_is_help=True,
)


@app.command("list")
def list_(
    index: Annotated[str | None, typer.Option(help="Only examples of this index.")] = None,
    source: Annotated[str | None, typer.Option(help="Only examples from this source, like seed or import.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Show at most this many.")] = 50,
) -> None:
    """Show the stored examples in the order they were added."""
    with _store() as store:
        found = [e for e in store.all() if index in (None, e.index) and source in (None, e.source)]
    table = Table("index", "question", "query", "source", caption=f"{min(limit, len(found))} of {len(found)} examples")
    for example in found[:limit]:
        table.add_row(*_cells(example.index, example.question, minified(example.query), example.source))
    _print(table)


@app.command()
def search(
    question: Annotated[str, typer.Argument(help="A question as you would ask it, in quotes.")],
    k: Annotated[int, typer.Option("-k", min=1, max=100, help="How many examples.")] = 5,
    exclude_index: Annotated[str | None, typer.Option(help="Leave out the examples of this index.")] = None,
) -> None:
    """Show the examples nearest to QUESTION, as the model would see them, with their cosine (1: the same pattern)."""
    if not question.strip():
        raise InputError('The question is empty: try nlq examples search "comedies after 1995".')
    with _store() as store:
        found = store.scored(question, k, exclude_index=exclude_index)
    table = Table("near", "index", "question", "query")
    for score, example in found:
        table.add_row(f"{score:.2f}", *_cells(example.index, example.question, minified(example.query)))
    _print(table)


@app.command("export")
def export(file: Annotated[Path, typer.Argument(help="The JSONL file to write, or - for standard output.")]) -> None:
    """Write every example to FILE, one line of JSON each; `nlq examples import FILE` reads it again."""
    from examples_db import jsonl

    with _store() as store:
        if file == _STREAM:
            jsonl.write(store.all(), sys.stdout.buffer)
            sys.stdout.buffer.flush()
            return
        count = store.export_jsonl(file)
    _print(Text(f"{count} examples written to {file}"))


@app.command("import")
def import_(file: Annotated[Path, typer.Argument(help="The JSONL file to read, or - for standard input.")]) -> None:
    """Add the examples of FILE: all of them, or none where a line is wrong (each wrong line is named)."""
    from examples_db import jsonl

    with _store() as store:
        new = store.add(jsonl.read(sys.stdin.buffer, source="import")) if file == _STREAM else store.import_jsonl(file)
        total = len(store.all())
    _print(Text(f"{new} new examples, {total} in all"))


@app.command()
def stats() -> None:
    """Count the examples by index and by source, and say where they are kept."""
    with _store() as store:
        found, path = store.all(), store.path
    _print(Text(f"{len(found)} examples in {path}"))
    table = Table("by", "name", "examples")
    for title, counts in (
        ("index", Counter(e.index for e in found)),
        ("source", Counter(e.source for e in found)),
    ):
        for name, count in counts.most_common():
            table.add_row(title, *_cells(name), str(count))
        table.add_section()
    _print(table)


@contextmanager
def _store() -> Iterator[SqliteStore]:
    from nlq.bootstrap import open_store
    from nlq.settings import load_settings

    store = open_store(load_settings())
    try:
        yield store
    finally:
        store.close()


def _cells(*texts: str) -> list[Text]:
    """Cells that show text from outside as it is: no markup, no terminal control characters."""
    return [Text("".join(c if c.isprintable() else " " for c in text), overflow="fold") for text in texts]


def _print(what: Table | Text) -> None:
    Console().print(what, soft_wrap=isinstance(what, Text))
