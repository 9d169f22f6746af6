"""From an index and a question to chat messages: a static head, the index, a few shots, a short tail.

The head (rules and general shots) is byte-identical for every question, and the index's fields for every question on
it, so every runtime can keep both in its prefix cache. The index is introduced by a question that any index has, and
named again with the one that is asked. The tail shows only those values that the question itself mentions: a printed
sample value becomes a filter nobody asked for. For the same reason the index's description is left out: of cars "from
1970 to 1982", small models filter every answer on these years.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from importlib.resources import files

from nlq.json_schema import minified
from nlq.periods import Period
from nlq.types import Body, Example, IndexSchema, LinkedValue, Message, Prompt

RULES = """\
You write Elasticsearch search bodies. Given an index and a question, answer with one line of JSON and nothing else.
- Documents asked for: query, sort if an order is asked for, size only if a number is asked for, \
_source with the fields asked for.
- "How many": size 0 and no aggs. Averages, sums, highest numbers: size 0 and aggs value. \
"Per", "each", "most common", different values: size 0 and aggs groups.
- Filter only on what the question says; match_all if it says nothing. \
Use the values given with the question exactly."""

_HEAD_FIELDS = (
    "number:keyword",
    "customer:text",
    "customer.keyword:keyword",
    "product:text",
    "product.keyword:keyword",
    "note:text",
    "status:keyword",
    "country:keyword",
    "total:double",
    "items:integer",
    "paid:boolean",
    "ordered_at:date",
)
_SHOT_FIELDS = 4
_TOKEN_CHARS = 3
_ANY_QUESTION = "Show everything"
_ANY_QUERY: Body = {"query": {"match_all": {}}}
_GO_ON = "Go on from that query: keep what the next question does not change."


def build_prompt(
    question: str,
    schema: IndexSchema,
    *,
    examples: Sequence[Example] = (),
    values: Sequence[LinkedValue] = (),
    periods: Sequence[Period] = (),
    previous: Example | None = None,
    narrowed: bool = False,
) -> Prompt:
    """The prompt for one question. ``examples`` are shown nearest last, next to the question; ``previous``, from where
    the question goes on, stands between. ``narrowed`` says that the schema's fields were chosen for this question."""
    fields = [f"{f.name}:{f.kind}" for f in schema.fields]
    index = _turn(_asked(schema.index, _ANY_QUESTION, fields=fields), _ANY_QUERY)
    described = "" if narrowed else schema.index  # an example may be on fields that this question is not shown
    shots = [message for example in reversed(examples) for message in _shot(example, described)]
    named = _values(values) + _periods(periods)
    if previous is None:
        tail = [Message("user", _asked(schema.index, question, values=named))]
    else:
        before = _turn(_asked(schema.index, previous.question), previous.query)
        tail = [*before, Message("user", f"{_GO_ON}\n{named}Question: {_line(question)}")]
    if narrowed:
        return Prompt(head=head(), shots=(*index, *shots), tail=tuple(tail))
    return Prompt(head=head(), index=tuple(index), shots=tuple(shots), tail=tuple(tail))


def fitting(examples: Iterable[Example], *, index: str, most_tokens: int) -> tuple[Example, ...]:
    """The examples that a prompt on ``index`` shows of these, nearest first: one that would bring them above
    ``most_tokens`` is passed over for shorter ones further away. Tokens are reckoned as a third of the characters."""
    left, chosen = most_tokens, []
    for example in examples:
        tokens = sum(len(message.content) for message in _shot(example, index)) // _TOKEN_CHARS
        if tokens <= left:
            left -= tokens
            chosen.append(example)
    return tuple(chosen)


@lru_cache(maxsize=1)
def head() -> tuple[Message, ...]:
    """Rules and general shots: the same for every index and question."""
    lines = (files("nlq") / "head_shots.jsonl").read_text(encoding="utf-8").splitlines()
    first, *more = map(json.loads, lines)
    messages = [Message("system", RULES)]
    messages += _turn(_asked("orders", first["question"], fields=_HEAD_FIELDS), first["query"])
    for shot in more:
        messages += _turn(f"Question: {shot['question']}", shot["query"])
    return tuple(messages)


def _turn(question: str, query: Body) -> list[Message]:
    return [Message("user", question), Message("assistant", _unbroken(minified(query)))]


def _shot(example: Example, described: str) -> list[Message]:
    """An example in a prompt that lists all fields of the index ``described``."""
    fields = () if example.index == described else _shown(example)
    return _turn(_asked(example.index, example.question, fields=fields), example.query)


def _asked(index: str, question: str, *, fields: Iterable[str] = (), values: str = "") -> str:
    listing = _listing(fields)
    shown = f"Fields: {listing}\n" if listing else ""
    return f"Index: {_line(index)}\n{shown}{values}Question: {_line(question)}"


def _listing(fields: Iterable[str]) -> str:
    """ "name:kind" pairs as "name kind", in their order."""
    return ", ".join(_line(" ".join(f.rsplit(":", 1))) for f in fields)


def _shown(example: Example) -> list[str]:
    """The fields an example's query uses and a few beside them, so that a shot stays short."""
    text = minified(example.query)
    used = [f for f in example.fields if f'"{f.rsplit(":", 1)[0]}"' in text]
    others = [f for f in example.fields if f not in used][:_SHOT_FIELDS]
    return [f for f in example.fields if f in used or f in others]


def _values(values: Sequence[LinkedValue]) -> str:
    if not values:
        return ""
    shown = "; ".join(f"{json.dumps(v.value, ensure_ascii=False)} in {_line(v.field)}" for v in values[:12])
    return f"Values: {_unbroken(shown)}\n"


def _periods(periods: Sequence[Period]) -> str:
    """The days that relative words mean, spelled as a range is."""
    shown = "; ".join(f"{p.text} = " + minified({"gte": str(p.start), "lt": str(p.end)}) for p in periods[:4])
    return f"Dates: {shown}\n" if shown else ""


def _line(text: str) -> str:
    """One line: what a user or a mapping wrote cannot look like another part of the prompt."""
    return " ".join(text.split())


def _unbroken(text: str) -> str:
    """JSON on one line, its values as they are: it may hold line separators that it does not escape."""
    return " ".join(text.splitlines())
