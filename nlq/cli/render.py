"""An answer as text on a terminal. Everything from documents or the model is printed without markup."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from nlq.json_schema import minified
from nlq.types import Answer, Result

_ROWS = 20
_COLUMN_WIDTH = 14
_CELL = 80


def print_answer(answer: Answer, *, explain: bool = False, console: Console | None = None) -> None:
    """Question, reading, query, result, votes and time; with ``explain`` every candidate too."""
    console = console or Console()
    leader = answer.ballot.leader
    votes = f"{leader.votes if leader else 0} of {answer.ballot.of} candidates agree"
    _line(console, "question", f"{answer.question.text}  [{answer.question.index}]", style="bold")
    _line(console, "read as", answer.readback)
    _line(console, "query", minified(answer.query), style="cyan")
    console.print(_result(answer.query, answer.result, width=console.width))
    _line(console, "votes", f"{votes}, confidence {answer.ballot.confidence:.2f}")
    stages = ", ".join(f"{stage} {seconds:.2f}" for stage, seconds in answer.timings.items() if stage != "total")
    _line(console, "time", f"{answer.timings['total']:.1f} s ({stages})")
    if explain:
        console.print(_candidates(answer))


def _line(console: Console, label: str, text: str, *, style: str = "") -> None:
    console.print(Text(f"{label:>9}  ", style="dim") + Text(text, style=style), soft_wrap=True)


def _result(query: Mapping[str, Any], result: Result, *, width: int) -> Table | Text:
    if result.aggregations:
        table = Table("group", "value", title=None)
        for name, agg in result.aggregations.items():
            _add_agg(table, agg, [] if name == "groups" else [name])
        return table
    if query.get("size") == 0:
        return Text(f"   result  {result.total:,}", style="bold green")
    if not result.hits:
        return Text("   result  no documents", style="bold yellow")
    columns = list(dict.fromkeys(c for h in result.hits for c in h.get("_source") or {}))[
        : max(1, width // _COLUMN_WIDTH)
    ]
    room = max(_COLUMN_WIDTH, width // max(1, len(columns))) - 3
    table = Table(*columns, caption=f"{min(len(result.hits), _ROWS)} of {result.total:,} documents")
    for hit in result.hits[:_ROWS]:
        table.add_row(*(Text(_cell((hit.get("_source") or {}).get(c), most=room)) for c in columns))
    return table


def _add_agg(table: Table, agg: Mapping[str, Any], path: list[str]) -> None:
    if "buckets" in agg:
        for bucket in agg["buckets"][:_ROWS]:
            key = str(bucket.get("key_as_string", bucket.get("key")))
            inner = {k: v for k, v in bucket.items() if isinstance(v, Mapping)}
            values = [_number(v) for v in inner.values() if "buckets" not in v and "hits" not in v]
            table.add_row(
                Text(" › ".join([*path, key])), Text(", ".join([f"{bucket['doc_count']:,} documents", *values]))
            )
            for value in inner.values():
                if "buckets" in value or "hits" in value:
                    _add_agg(table, value, [*path, key])
    elif isinstance(agg.get("hits"), Mapping):
        for hit in agg["hits"]["hits"]:
            table.add_row(Text(" › ".join(path)), Text(_cell(hit.get("_source"))))
    elif "doc_count" in agg:
        table.add_row(Text(" › ".join(path)), Text(f"{agg['doc_count']:,} documents"))
        for name, value in agg.items():
            if isinstance(value, Mapping):
                _add_agg(table, value, [*path, *([] if name == "groups" else [name])])
    else:
        table.add_row(Text(" › ".join(path)), Text(_number(agg)))


def _number(agg: Mapping[str, Any]) -> str:
    if "value" in agg:
        value = agg.get("value_as_string", agg["value"])
        return f"{value:,.6g}" if isinstance(value, float) else str(value)
    return json.dumps(agg.get("values", agg), ensure_ascii=False)


def _cell(value: Any, *, most: int = _CELL) -> str:
    if value is None:
        return ""
    text = (
        ", ".join(map(str, value))
        if isinstance(value, list)
        else value
        if isinstance(value, str)
        else json.dumps(value)
    )
    flat = "".join(c if c.isprintable() else " " for c in text)
    return flat if len(flat) <= most else flat[: most - 1] + "…"


def _candidates(answer: Answer) -> Table:
    table = Table("votes", "outcome", "log-prob.", "candidate", "reason", title="candidates")
    votes = {id(v): group.votes for group in answer.ballot.groups for v in group.verdicts}
    for verdict in answer.verdicts:
        table.add_row(
            str(votes.get(id(verdict), "–")),
            verdict.outcome.value,
            f"{verdict.candidate.logprob:.2f}",
            Text(verdict.candidate.text[:1000], overflow="fold"),
            Text(verdict.reason, overflow="fold"),
        )
    return table
