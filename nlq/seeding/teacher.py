"""Seeding from a teacher: what it is asked for, what is read out of its answers, what that may cost."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from nlq.json_schema import minified
from nlq.seeding.chat import Completion, Teacher
from nlq.seeding.conditions import literal_samples
from nlq.seeding.coverage import CLAUSES, Plan, Target
from nlq.seeding.ledger import Call, Item, Place
from nlq.seeding.seeder import Seeder
from nlq.types import Body

RULES = """\
You write examples for a program that turns questions into Elasticsearch search bodies: questions that people would \
ask of an index, each with the body that answers it. Rules for the bodies:
- Keys in this order: query (match_all {} where nothing is filtered), sort, from, size, _source, aggs. No others.
- Documents asked for: no aggs; size only if the question names a number; _source only if it names fields.
- "How many" documents: "size":0 and no aggs. Any aggregation: "size":0.
- Exact values: {"term":{FIELD:VALUE}}, {"terms":{FIELD:[...]}} on keyword, number and boolean fields. Words of a \
text: {"match":{FIELD:{"query":TEXT,"operator":"and"}}}, {"match_phrase":{FIELD:TEXT}}. Conditions together: \
{"bool":{"filter":[...],"must_not":[...]}}; alternatives: "should" with "minimum_should_match":1.
- Fields inside a nested object: {"nested":{"path":PATH,"query":...}}, {"groups":{"nested":{"path":PATH},"aggs":...}}.
- Dates: {"range":{FIELD:{"gte":"2020-01-01","lt":"2021-01-01"}}}, whole periods, days as YYYY-MM-DD.
- Aggregations have fixed names: "groups" for buckets (one inside another too), "value", "value2", "value3" for \
numbers, "keep" for a bucket_selector with {"buckets_path":{"a":"value"},"script":"params.a > 5"}, "over" beside \
"groups" for one number over all groups.
- Every query must find something, and not simply everything. Use only the fields and values given.
Rules for the questions: as different people ask (questions, requests, a few words), in plain language, not with the \
names of fields; they say every condition with its value, and nothing that the body does not do.
Answer with JSON only: {"examples":[{"task":1,"question":"...","query":{...}}]}"""

_EXAMPLES = (
    {
        "task": 1,
        "question": "How many orders from Spain were cancelled in 2021?",
        "query": {
            "query": {
                "bool": {
                    "filter": [
                        {"term": {"country": "Spain"}},
                        {"term": {"status": "cancelled"}},
                        {"range": {"ordered_at": {"gte": "2021-01-01", "lt": "2022-01-01"}}},
                    ]
                }
            },
            "size": 0,
        },
    },
    {
        "task": 2,
        "question": "the three countries with the highest average total",
        "query": {
            "query": {"match_all": {}},
            "size": 0,
            "aggs": {
                "groups": {
                    "terms": {"field": "country", "order": {"value": "desc"}, "size": 3},
                    "aggs": {"value": {"avg": {"field": "total"}}},
                }
            },
        },
    },
)
_TASKS = 6
_VALUES = 4
_FIELDS = 80
_LAST_QUESTIONS = 12
_FRUITLESS = 5
"""Answers in a row of which nothing was kept, after which asking on is a waste."""
_MILLION = 1_000_000

Ended = Literal["", "budget", "time", "fruitless", "nothing"]


@dataclass(frozen=True, slots=True)
class Budget:
    """Prices per million tokens, and the most that all calls of a ledger may cost; None sets no bound."""

    price_in: float = 0.0
    price_out: float = 0.0
    most: float | None = None

    def cost(self, calls: Sequence[Call]) -> float:
        return sum(c.tokens_in * self.price_in + c.tokens_out * self.price_out for c in calls) / _MILLION

    def allows(self, calls: Sequence[Call], messages: Sequence[dict[str, str]], *, max_tokens: int) -> bool:
        """Whether one more call fits even if it is answered at full length. A token is taken for two characters, which
        no language of ours goes below by much."""
        if self.most is None:
            return True
        asked = sum(len(m["content"]) for m in messages) // 2
        return self.cost(calls) + self.cost([Call(asked, max_tokens, ())]) <= self.most


@dataclass(slots=True)
class Lessons:
    """Items from a teacher: what the ledger holds unjudged first, then answers for the least covered targets.

    ``show_values`` False sends no value of the index to the teacher. ``ended`` says why there are no more.
    """

    seeder: Seeder
    teacher: Teacher
    budget: Budget
    seed: int
    show_values: bool = True
    stop: Callable[[], bool] = lambda: False
    ended: Ended = ""

    def __iter__(self) -> Iterator[tuple[Place, Item]]:
        ledger, fruitless = self.seeder.ledger, 0
        while True:
            had = len(ledger.kept())
            for place, item in list(ledger.pending()):
                if self.stop():
                    self.ended = "time"
                    return
                yield place, item
            fruitless = 0 if len(ledger.kept()) > had else fruitless + 1
            rng = random.Random(f"{self.seed}:{len(ledger.calls)}")
            targets = self.seeder.plan.targets(_TASKS, rng)
            messages = self.messages(targets, rng)
            self.ended = self._over(messages, fruitless=fruitless) if targets else "nothing"
            if self.ended:
                return
            answer = self.teacher.ask(messages)
            ledger.add(Call(answer.tokens_in, answer.tokens_out, read(answer, targets)))

    def _over(self, messages: Sequence[dict[str, str]], *, fruitless: int) -> Ended:
        if self.stop():
            return "time"
        if fruitless > _FRUITLESS:
            return "fruitless"
        fits = self.budget.allows(self.seeder.ledger.calls, messages, max_tokens=self.teacher.max_tokens)
        return "" if fits else "budget"

    def messages(self, targets: Sequence[Target], rng: random.Random) -> list[dict[str, str]]:
        """The chat for one call."""
        shown = "\n".join(json.dumps(e, ensure_ascii=False, separators=(",", ":")) for e in _EXAMPLES)
        system = f"{RULES}\nTwo examples, of another index with the fields country, status (keyword), total (double), "
        system += f"ordered_at (date):\n{shown}"
        tasks = "\n".join(f"{n}. {_task(target)}" for n, target in enumerate(targets, 1))
        last = self.seeder.known.questions[-_LAST_QUESTIONS:]
        known = "".join(f"\n- {question}" for question in last)
        fields = described(self.seeder.plan, rng, targets=targets, show_values=self.show_values)
        asked = f"{fields}\n\nTasks, one example each:\n{tasks}"
        asked += f"\n\nAsked already, do not ask these again:{known}" if known else ""
        return [{"role": "system", "content": system}, {"role": "user", "content": asked}]


def described(plan: Plan, rng: random.Random, *, targets: Sequence[Target] = (), show_values: bool) -> str:
    """The index as a teacher is shown it: a line a field, with some real values. Of very many fields those of the
    targets and the first."""
    wanted = {target.field.name for target in targets}
    first = [f.name for f in plan.index.fields if f.name not in wanted][: max(_FIELDS - len(wanted), 0)]
    lines = [f"Index: {plan.index.index}" + (f" ({_line(plan.index.about)})" if plan.index.about else ""), "Fields:"]
    for field in (f for f in plan.index.fields if f.name in wanted.union(first)):
        values = literal_samples(plan.facts, field, rng, most=_VALUES) if show_values else []
        shown = ", ".join(json.dumps(v, ensure_ascii=False) for v in values)
        lines.append(f"- {field.name} ({field.kind})" + (f": {shown}" if shown else ""))
    return "\n".join(lines)


def read(answer: Completion, targets: Sequence[Target]) -> tuple[Item, ...]:
    """The examples in an answer, whatever else it holds: text around the JSON, a fence, entries of another form."""
    items: list[Item] = []
    for number, found in enumerate(_examples(answer.text)):
        question, query = found.get("question"), found.get("query")
        task = found.get("task")
        at = task - 1 if isinstance(task, int) and 1 <= task <= len(targets) else min(number, len(targets) - 1)
        if isinstance(question, str) and isinstance(query, dict | str) and len(items) < 2 * _TASKS:
            text = query if isinstance(query, str) else minified(query)
            items.append(Item(targets[at].kind.name, targets[at].cell, question, text))
    return tuple(items)


def _examples(text: str) -> list[Body]:
    decoder = json.JSONDecoder()
    for at in [i for i, c in enumerate(text) if c in "{["][:200]:
        try:
            found, _ = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            continue
        listed: Any = found.get("examples", [found]) if isinstance(found, dict) else found
        examples = [e for e in listed if isinstance(e, dict)] if isinstance(listed, list) else []
        if any("question" in e for e in examples):
            return examples
    return []


def _task(target: Target) -> str:
    """What one example is to show."""
    clause = CLAUSES[target.clause]
    return f"{target.kind.name}: {target.kind.says}; with {target.field.name}: {clause.says}"


def _line(text: str) -> str:
    return " ".join(text.split())[:300]
