"""Where two answers are close, the model reads both with what they found, and writes the query once more
(after self-consistency with correction: candidates are shown with the outcome of running them)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from nlq.json_schema import minified
from nlq.readback import readback
from nlq.types import Ballot, Group, Message, Prompt, Result, Verdict
from nlq.vote import votes
from nlq.written import as_written

_ITEMS = 3
_KEYS = 8
_CHARS = 60
_DEPTH = 8
_DIGEST_CHARS = 400
_NOISE = frozenset(
    {"_index", "_id", "_score", "sort", "max_score", "relation", "doc_count_error_upper_bound", "sum_other_doc_count"}
)
_TASK = "Answer with the query that is right: one of these, or a better one."


@dataclass(frozen=True, slots=True)
class SecondLook:
    """Whether the model looks again where the request does not say, how many queries it then writes, and what is close:
    the runner-up has at least this part of the leader's votes. Raises ValueError where a number is out of range."""

    on: bool = False
    samples: int = 3
    close: float = 0.6

    def __post_init__(self) -> None:
        if self.samples < 1:
            raise ValueError("a second look must draw at least 1 candidate")
        if not 0 <= self.close <= 1:
            raise ValueError("close must be between 0 and 1")


def is_close(ballot: Ballot, *, share: float) -> bool:
    """Whether the runner-up has at least ``share`` of the leader's votes; of its scores where all are scored."""
    if ballot.leader is None or ballot.runner_up is None:
        return False
    both = (ballot.leader, ballot.runner_up)
    scored = all(v.score is not None for group in both for v in group.verdicts)
    leader, behind = (_score(group) if scored else votes(group.verdicts) for group in both)
    return behind >= share * leader


def second_prompt(prompt: Prompt, ballot: Ballot, *, index: str, max_results: int) -> Prompt:
    """``prompt``, and behind its question the two leading queries with what they found, on a few lines.

    What was computed for ``prompt`` serves again: its text is the beginning. The values in results are anybody's, so
    they stand as JSON strings, cut short.
    """
    asked = prompt.tail[-1]
    shown = [
        line
        for number, group in enumerate(ballot.groups[:2], start=1)
        for line in _described(number, group.chosen, index=index, max_results=max_results)
    ]
    content = "\n".join([asked.content, *shown, _TASK])
    return replace(prompt, tail=(*prompt.tail[:-1], Message(asked.role, content)))


def digest(result: Result) -> str:
    """What a result says, as one line of JSON of at most 400 characters."""
    found: dict[str, Any] = {"total": result.total}
    if result.aggregations:
        found["aggs"] = result.aggregations
    elif result.hits:
        found["hits"] = [hit.get("_source", {}) for hit in result.hits]
    text = _line(minified(_clipped(found, depth=_DEPTH)))
    return text if len(text) <= _DIGEST_CHARS else f"{text[: _DIGEST_CHARS - 1]}…"


def _described(number: int, verdict: Verdict, *, index: str, max_results: int) -> tuple[str, ...]:
    if verdict.query is None or verdict.result is None:
        raise ValueError("only an executed verdict can be looked at again")
    query = {key: value for key, value in verdict.query.items() if key != "track_total_hits"}
    written = as_written(query, max_results=max_results)
    return (
        f"Query {number}: {_line(minified(written))}",
        f"It reads: {_line(readback(verdict.query, index))}",
        f"It finds: {digest(verdict.result)}",
    )


def _score(group: Group) -> float:
    return sum(v.score or 0.0 for v in group.verdicts)


def _clipped(node: Any, *, depth: int) -> Any:
    if isinstance(node, str):
        return node if len(node) <= _CHARS else f"{node[:_CHARS]}…"
    if isinstance(node, Mapping):
        kept = [(key, value) for key, value in node.items() if key not in _NOISE][:_KEYS] if depth else []
        return {_clipped(key, depth=0): _clipped(value, depth=depth - 1) for key, value in kept}
    if isinstance(node, list | tuple):
        few = [_clipped(item, depth=depth - 1) for item in node[:_ITEMS]] if depth else []
        return [*few, f"… {len(node) - len(few)} more"] if len(node) > len(few) else few
    return node


def _line(text: str) -> str:
    """One line, whatever kinds of line breaks a value holds."""
    return " ".join(text.split())
