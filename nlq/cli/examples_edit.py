"""``nlq examples`` add, edit, rm and verify: what changes the examples."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from nlq.cli.examples_parts import (
    FromSource,
    Id,
    InState,
    OfIndex,
    WithTag,
    WithText,
    cells,
    open_curator,
    open_examples,
    query_of,
    say,
    told,
    wanted,
)
from nlq.errors import InputError
from nlq.types import Example, Record, State

Check = Annotated[bool, typer.Option("--check/--no-check", help="Run the query first; it is refused where it fails.")]
Tags = Annotated[list[str] | None, typer.Option("--tag", help="A word to find it by; may be given several times.")]


def add(
    question: Annotated[str | None, typer.Argument(help="The question, in quotes.")] = None,
    query: Annotated[str | None, typer.Argument(help="The search body that answers it, as JSON in quotes.")] = None,
    index: Annotated[str | None, typer.Option(help="The index, alias or pattern that is asked.")] = None,
    tag: Tags = None,
    author: Annotated[str, typer.Option(help="Who vouches for it.")] = "",
    check: Check = True,
) -> None:
    """Keep an example. Without QUESTION, QUERY and --index one line of JSON is read from standard input.

    nlq examples add "orders above 50" '{"query":{"range":{"total":{"gt":50}}}}' --index orders --tag money

    The query must fit the index and run. Where Elasticsearch has no such index, the example is kept unchecked.
    """
    given = (question, query, index)
    if question is not None and query is not None and index is not None:
        example = Example(question, query_of(query), index)
    elif not any(given):
        line = _from_stdin()
        example, tag, author = line.example, [*line.tags, *(tag or ())], author or line.author
    else:
        raise InputError("QUESTION, QUERY and --index belong together: give all three, or none and a line of JSON.")
    with open_curator(check=check) as curator:
        record, new = curator.keep(example, tags=tag or (), author=author)
    say(("" if new else "known already: ") + told(record))


def edit(
    example_id: Id,
    question: Annotated[str | None, typer.Option(help="The new question.")] = None,
    query: Annotated[str | None, typer.Option(help="The new search body, as JSON in quotes.")] = None,
    index: Annotated[str | None, typer.Option(help="The new index.")] = None,
    tag: Tags = None,
    no_tags: Annotated[bool, typer.Option("--no-tags", help="Take its tags away.")] = False,
    check: Check = True,
) -> None:
    """Replace parts of an example; what is not named stays.

    nlq examples edit ID --query '{"query":{"range":{"total":{"gte":50}}}}'
    """
    if (question, query, index, tag) == (None,) * 4 and not no_tags:
        raise InputError("Nothing to change: name --question, --query, --index, --tag or --no-tags.")
    with open_curator(check=check) as curator:
        before = curator.store.get(example_id)
        after = Example(
            before.example.question if question is None else question,
            before.example.query if query is None else query_of(query),
            before.example.index if index is None else index,
        )
        record = curator.edit(example_id, after, tags=[] if no_tags else tag, etag=before.etag)
    say(told(record))


def remove(
    example_ids: Annotated[list[str], typer.Argument(metavar="ID...", help="As `nlq examples list` shows them.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Forget examples.

    nlq examples rm ID --yes
    """
    with open_examples() as store:
        records = [store.get(example_id) for example_id in dict.fromkeys(example_ids)]
        for record in records:
            say(told(record))
        if not yes:
            typer.confirm(f"Forget {_many(len(records))}?", abort=True)
        for record in records:
            store.remove(record.example.id, etag=record.etag)
    say(f"{_many(len(records))} forgotten")


def verify(
    index: OfIndex = None,
    source: FromSource = None,
    state: InState = None,
    tag: WithTag = None,
    text: WithText = None,
) -> None:
    """Run the query of every example again and mark those that their index no longer fits as stale.

    nlq examples verify --index orders

    Examples whose index is not on this Elasticsearch, or that get no answer in time, stay as they are.
    """
    where = wanted(index, source, state, tag=tag, text=text)
    counts: Counter[State] = Counter()
    stale: list[tuple[Record, str, str]] = []
    with open_curator() as curator, Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("checking examples", total=curator.store.count(where))
        for record, finding in curator.recheck(where):
            counts[finding.state] += 1
            if finding.state is State.STALE:
                stale.append((record, finding.reason, finding.engine))
            progress.advance(task)
    if stale:
        table = Table("id", "index", "question", "stale because", "engine")
        for record, reason, engine in stale:
            table.add_row(*cells(record.example.id, record.example.index, record.example.question, reason, engine))
        say(table)
    say(
        f"{counts.total()} examples: {counts[State.VERIFIED]} pass, {counts[State.STALE]} stale, "
        f"{counts[State.UNCHECKED]} unchecked (no such index here, or no answer in time)"
    )


def _from_stdin() -> Record:
    from examples_db import jsonl

    if sys.stdin.isatty():
        raise InputError(
            """Name what to keep: nlq examples add "orders above 50" '{"query":{"range":{"total":{"gt":50}}}}' """
            "--index orders"
        )
    text = sys.stdin.buffer.read(jsonl.MAX_LINE + 1).strip()
    if len(text) > jsonl.MAX_LINE or b"\n" in text:
        raise InputError("Standard input holds more than one line: bring many in with `nlq examples import -`.")
    try:
        return jsonl.parse_record(text, source="hand")
    except InputError as exc:
        raise InputError(f"The line on standard input is no example: {exc}.") from exc


def _many(count: int) -> str:
    return "1 example" if count == 1 else f"{count} examples"
