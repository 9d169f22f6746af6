"""An answer as text on a terminal. Everything from documents or the model is printed without markup or controls."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from nlq.json_schema import minified
from nlq.readback import readback
from nlq.types import Answer, Repair, Result

_ROWS = 20
_COLUMN_WIDTH = 14
_CELL = 80
_VECTOR = 8
_ALTERNATIVES = 3
_NONE: Mapping[str, Any] = {}


def print_answer(
    answer: Answer, *, explain: bool = False, unsure_below: float = 0.0, console: Console | None = None
) -> None:
    """Question, reading, repairs, query, result, votes and time; below that confidence what else may have been meant;
    with ``explain`` every candidate too."""
    console = console or Console()
    leader = answer.ballot.leader
    votes = f"{leader.votes if leader else 0} of {answer.ballot.of} candidates agree"
    _line(console, "question", f"{answer.question.text}  [{answer.question.index}]", style="bold")
    _line(console, "read as", answer.readback)
    for repair in leader.chosen.repairs if leader else ():
        _line(console, "repaired", repaired(repair), style="yellow")
    _line(console, "query", _escaped(minified(shortened(answer.query))), style="cyan")
    console.print(_result(answer.query, answer.result, width=console.width))
    _line(console, "votes", f"{votes}, confidence {answer.ballot.confidence:.2f}")
    if answer.ballot.confidence < unsure_below:
        for group in answer.ballot.groups[1 : 1 + _ALTERNATIVES]:
            _line(console, "or rather", readback(group.chosen.query or {}, answer.question.index), style="yellow")
    if answer.cached:
        words = f" as: {answer.answered_as}" if answer.answered_as else ""
        _line(console, "kept", f"answered before{words}; its query ran anew")
    stages = ", ".join(f"{stage} {seconds:.2f}" for stage, seconds in answer.timings.items() if stage != "total")
    _line(console, "time", f"{answer.timings['total']:.1f} s ({stages})")
    if explain:
        console.print(_candidates(answer))


def repaired(repair: Repair) -> str:
    moved = f" in {repair.to}" if repair.to else ""
    return f"{repair.field}: '{repair.was}' became '{repair.now}'{moved}"


def shortened(body: Any) -> Any:
    """The body with the first numbers only of every long vector that a knn clause holds."""
    if isinstance(body, list):
        return [shortened(item) for item in body]
    if not isinstance(body, dict):
        return body
    out = {key: shortened(value) for key, value in body.items()}
    vector = body.get("query_vector")
    if isinstance(vector, list) and len(vector) > _VECTOR and "field" in body:
        out["query_vector"] = [*vector[:2], f"… {len(vector) - 2} more"]
    return out


def _line(console: Console, label: str, text: str, *, style: str = "") -> None:
    console.print(Text(f"{label:>9}  ", style="dim") + Text(_plain(text), style=style), soft_wrap=True)


def _plain(text: str) -> str:
    """One line that moves no cursor and that every terminal's encoding takes."""
    return "".join(c if c.isprintable() else " " for c in text)


def _escaped(text: str) -> str:
    """JSON that says the same in printable characters."""
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)


def _result(query: Mapping[str, Any], result: Result, *, width: int) -> Table | Text:
    if result.aggregations:
        table = Table("group", "value", title=None)
        asked = _below(query)
        for name, agg in result.aggregations.items():
            _add_agg(table, agg, [] if name == "groups" else [name], asked.get(name, _NONE))
        return table
    if query.get("size") == 0:
        return Text(f"   result  {result.total:,}", style="bold green")
    if not result.hits:
        return Text("   result  no documents", style="bold yellow")
    return _documents(query, result, width=width)


def _documents(query: Mapping[str, Any], result: Result, *, width: int) -> Table:
    sources = [h.get("_source") or {"_id": h.get("_id")} for h in result.hits[:_ROWS]]
    found = list(dict.fromkeys(c for source in sources for c in source))
    columns = _asked_first(found, query)[: max(1, width // _COLUMN_WIDTH)]
    room = max(_COLUMN_WIDTH, width // max(1, len(columns))) - 3
    table = Table(*(Column(Text(_plain(c))) for c in columns), caption=f"{len(sources)} of {result.total:,} documents")
    for source in sources:
        table.add_row(*(Text(_cell(source.get(c), most=room)) for c in columns))
    return table


def _asked_first(columns: list[str], query: Mapping[str, Any]) -> list[str]:
    """The first column, which mostly says what a document is, those that the query speaks of, and the others."""
    said = json.dumps(query, ensure_ascii=False)
    named = [c for c in columns[1:] if f'"{c}"' in said or f'"{c}.' in said]
    return [*columns[:1], *named, *(c for c in columns[1:] if c not in named)]


def _below(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """The aggregations of a body or of an aggregation, by name."""
    found: Mapping[str, Any] = spec.get("aggs") or spec.get("aggregations") or _NONE
    return found


def _add_agg(table: Table, agg: Mapping[str, Any], path: Sequence[str], spec: Mapping[str, Any]) -> None:
    """Rows of one aggregation; ``spec`` is what was asked, ``path`` the keys of the buckets around it."""
    if "buckets" in agg:
        for key, bucket in list(_buckets(agg, spec))[:_ROWS]:
            _add_bucket(table, bucket, [*path, key], spec)
    elif isinstance(agg.get("hits"), Mapping):
        for hit in agg["hits"]["hits"]:
            _add_row(table, path, _cell(hit.get("_source")))
    elif "doc_count" in agg:
        _add_bucket(table, agg, path, spec)
    else:
        _add_row(table, path, _number(agg))


def _add_bucket(table: Table, bucket: Mapping[str, Any], path: Sequence[str], spec: Mapping[str, Any]) -> None:
    inner = {name: value for name, value in bucket.items() if isinstance(value, Mapping) and name != "key"}
    many = {name: value for name, value in inner.items() if value.keys() & {"buckets", "hits", "doc_count"}}
    numbers = [_named(name, _number(value)) for name, value in inner.items() if name not in many]
    _add_row(table, path, ", ".join([f"{bucket['doc_count']:,} documents", *numbers]))
    asked = _below(spec)
    for name, value in many.items():
        _add_agg(table, value, [*path, *([] if name in ("groups", "top") else [name])], asked.get(name, _NONE))


def _named(metric: str, said: str) -> str:
    return said if metric == "value" else f"{metric} {said}"


def _add_row(table: Table, path: Sequence[str], value: str) -> None:
    table.add_row(Text(_plain(" › ".join(path))), Text(_plain(value)))


def _buckets(agg: Mapping[str, Any], spec: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Buckets with what to call them; those of filters without names are called by their query."""
    if isinstance(agg["buckets"], Mapping):
        yield from agg["buckets"].items()
        return
    queries = spec.get("filters", _NONE).get("filters", ())
    for i, bucket in enumerate(agg["buckets"]):
        if "key" in bucket:
            yield _key(bucket), bucket
        else:
            yield (_cell(shortened(queries[i])) if i < len(queries) else f"other {i + 1}"), bucket


def _key(bucket: Mapping[str, Any]) -> str:
    key = bucket.get("key_as_string", bucket["key"])
    parts = key.values() if isinstance(key, Mapping) else key if isinstance(key, list) else [key]
    return " · ".join(map(str, parts))


def _number(agg: Mapping[str, Any]) -> str:
    if "value" not in agg:
        return json.dumps(agg.get("values", agg), ensure_ascii=False)
    value = agg.get("value_as_string", agg["value"])
    said = "–" if value is None else f"{value:,.6g}" if isinstance(value, float) else str(value)
    return f"{said} ({', '.join(map(str, agg['keys']))})" if agg.get("keys") else said


def _cell(value: Any, *, most: int = _CELL) -> str:
    if value is None:
        return ""
    text = (
        ", ".join(map(str, value))
        if isinstance(value, list)
        else value
        if isinstance(value, str)
        else json.dumps(value, ensure_ascii=False)
    )
    flat = _plain(text)
    return flat if len(flat) <= most else flat[: most - 1] + "…"


def _candidates(answer: Answer) -> Table:
    table = Table("votes", "outcome", "log-prob.", "candidate", "notes", title="candidates")
    votes = {id(v): group.votes for group in answer.ballot.groups for v in group.verdicts}
    for verdict in answer.verdicts:
        notes = [verdict.reason] if verdict.reason else []
        notes += [repaired(r) for r in verdict.repairs]
        table.add_row(
            str(votes.get(id(verdict), "–")),
            verdict.outcome.value,
            f"{verdict.candidate.logprob:.2f}",
            Text(_plain(verdict.candidate.text[:1000]), overflow="fold"),
            Text("\n".join(map(_plain, notes)), overflow="fold"),
        )
    return table
