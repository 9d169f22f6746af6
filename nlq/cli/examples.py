"""``nlq examples``: the questions whose queries are known to be right."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from nlq.cli import examples_edit
from nlq.cli.examples_parts import (
    FromSource,
    Id,
    InState,
    OfIndex,
    WithTag,
    WithText,
    cells,
    open_examples,
    plain,
    say,
    wanted,
)
from nlq.errors import InputError
from nlq.json_schema import minified
from nlq.settings import load_settings
from nlq.types import Record

_STREAM = Path("-")

app = typer.Typer(
    help="Questions with queries known to be right. The nearest ones are shown to the model before it answers.\n\n"
    "Teach nlq your own, one by one or as lines of JSON:\n\n"
    """nlq examples add "orders above 50" '{"query":{"range":{"total":{"gt":50}}}}' --index orders\n\n"""
    '{"question": "orders above 50", "query": {"query": {"range": {"total": {"gt": 50}}}}, "index": "orders"}\n\n'
    "and bring a file of them in with `nlq examples import FILE`.",
    no_args_is_help=True,
)
app.command("add")(examples_edit.add)


@app.command("list")
def list_(
    index: OfIndex = None,
    source: FromSource = None,
    state: InState = None,
    tag: WithTag = None,
    text: WithText = None,
    after: Annotated[str, typer.Option(metavar="ID", help="Go on behind this example.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="Show at most this many.")] = 50,
) -> None:
    """Show the examples in the order they were added.

    nlq examples list --index orders --state stale
    """
    where = wanted(index, source, state, tag=tag, text=text)
    with open_examples() as store:
        page, total = store.page(where, after=after, limit=limit + 1), store.count(where)
    found = page[:limit]
    caption = f"{len(found)} of {total} examples"
    if len(page) > limit:
        caption += f"; go on with --after {found[-1].example.id}"
    table = Table("id", "index", "question", "query", "source", "state", caption=caption)
    for record in found:
        e = record.example
        table.add_row(*cells(e.id, e.index, e.question, minified(e.query), e.source, record.state.value))
    say(table)


@app.command()
def show(
    example_id: Id,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, as the HTTP service does.")] = False,
) -> None:
    """Show all that is known of one example."""
    with open_examples() as store:
        record = store.get(example_id)
    if as_json:
        from api.schemas_examples import record_out

        sys.stdout.write(json.dumps(record_out(record), indent=1) + "\n")
        return
    for name, value in _facts(record):
        if value:
            say(f"{name:>9}  {plain(value)}")
    say("\n".join(map(plain, json.dumps(record.example.query, ensure_ascii=False, indent=1).splitlines())))


@app.command()
def search(
    question: Annotated[str, typer.Argument(help="A question as you would ask it, in quotes.")],
    k: Annotated[int, typer.Option("-k", min=1, max=100, help="How many examples.")] = 5,
    exclude_index: Annotated[str | None, typer.Option(help="Leave out the examples of this index.")] = None,
) -> None:
    """Show the examples nearest to QUESTION with their cosine (1: the same pattern). Quotes mark what is a value.

    nlq examples search "'comedies' after 1995" --exclude-index movies
    """
    from nlq.curation import nearest

    if not question.strip():
        raise InputError('The question is empty: try nlq examples search "comedies after 1995".')
    with open_examples() as store:
        found = nearest(store, question, k, exclude_index=exclude_index)
    table = Table("near", "id", "index", "question", "query")
    for score, e in found:
        near = "–" if score is None else f"{score:.2f}"
        table.add_row(near, *cells(e.id, e.index, e.question, minified(e.query)))
    say(table)


app.command("edit")(examples_edit.edit)
app.command("rm")(examples_edit.remove)
app.command("verify")(examples_edit.verify)


@app.command("export")
def export(file: Annotated[Path, typer.Argument(help="The JSONL file to write, or - for standard output.")]) -> None:
    """Write all that is known of every example to FILE, one line of JSON each; `nlq examples import FILE` reads it
    again."""
    from examples_db import jsonl
    from examples_db.transfer import each, export_jsonl

    with open_examples() as store:
        if file == _STREAM:
            jsonl.write(each(store), sys.stdout.buffer)
            sys.stdout.buffer.flush()
            return
        count = export_jsonl(store, file)
    say(f"{count} examples written to {file}")


@app.command("import")
def import_(file: Annotated[Path, typer.Argument(help="The JSONL file to read, or - for standard input.")]) -> None:
    """Add the examples of FILE: all of them, or none where a line is wrong (each wrong line is named).

    They are checked later: nlq examples verify --state unchecked
    """
    from examples_db import jsonl
    from examples_db.transfer import import_jsonl

    with open_examples() as store:
        if file == _STREAM:
            new = store.restore(jsonl.read_records(sys.stdin.buffer, source="import"))
        else:
            new = import_jsonl(store, file)
        total = store.count()
    say(f"{new} new examples, {total} in all")


@app.command()
def stats() -> None:
    """Count the examples by source, state, index and tag: how many, how often shown to the model, and how often the
    answer came from a prompt that showed them."""
    from nlq.curation import pages

    counts: dict[str, Counter[str]] = {name: Counter() for name in ("source", "state", "index", "tag")}
    uses: dict[str, Counter[str]] = {name: Counter() for name in counts}
    wins: dict[str, Counter[str]] = {name: Counter() for name in counts}
    with open_examples() as store:
        total = 0
        for record in (record for page in pages(store) for record in page):
            total += 1
            e = record.example
            names = {"source": [e.source], "state": [record.state.value], "index": [e.index], "tag": record.tags}
            for kind, values in names.items():
                counts[kind].update(values)
                uses[kind].update(dict.fromkeys(values, record.uses))
                wins[kind].update(dict.fromkeys(values, record.wins))
    settings = load_settings()
    elastic = settings.examples_store == "elastic"
    say(f"{total} examples in {f'the index {settings.examples_index}' if elastic else settings.examples_path}")
    table = Table("by", "name", "examples", "shown", "won")
    for kind, found in counts.items():
        for name, count in found.most_common():
            table.add_row(kind, *cells(name), str(count), str(uses[kind][name]), str(wins[kind][name]))
        table.add_section()
    say(table)


def _facts(record: Record) -> list[tuple[str, str]]:
    e = record.example
    checked = f", on {record.engine or 'an unknown version'} at {record.checked}" if record.checked else ""
    return [
        ("id", e.id),
        ("question", e.question),
        ("index", e.index),
        ("source", e.source),
        ("author", record.author),
        ("tags", ", ".join(record.tags)),
        ("state", record.state.value + checked),
        ("reason", record.reason),
        ("created", record.created),
        ("updated", record.updated),
        ("shown", f"{record.uses} times, {record.wins} of them led to the answer"),
    ]
