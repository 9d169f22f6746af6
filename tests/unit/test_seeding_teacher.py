"""Examples from a larger model, asked over real HTTP: judged, paid once, bounded."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from nlq.errors import SamplerError
from nlq.seeding.chat import Completion, Teacher
from nlq.seeding.coverage import Plan
from nlq.seeding.facts import gather
from nlq.seeding.ledger import Call, Header, Ledger
from nlq.seeding.seeder import seeder_for
from nlq.seeding.teacher import Budget, Lessons, described, read
from nlq.translator import Translator
from nlq.types import Body, State
from tests.fakes.embedder import HashEmbedder
from tests.fakes.teacher import KeptStore, TeacherServer, WordySampler, completion, hotels_engine, spelled
from tests.support import lines

TEXTS = lines("teacher/texts.jsonl")
OSLO: Body = {"query": {"term": {"city": "Oslo"}}, "size": 0}
DEAR: Body = {"query": {"range": {"price": {"gt": 200}}}, "size": 0}
LIMA: Body = {"query": {"term": {"city": "Lima"}}, "_source": ["title"]}
GOOD = {"How many hotels are in Oslo?": OSLO, "number of places above 200": DEAR, "names of hotels in Lima": LIMA}
PLAN = Plan(
    hotels_engine().schema("hotels"), gather(hotels_engine(), hotels_engine().schema("hotels"), seed=1, timeout=1)
)


def _answer(examples: dict[str, Any], tokens: tuple[int, int] = (1000, 500)) -> Body:
    listed = [{"task": n, "question": q, "query": query} for n, (q, query) in enumerate(examples.items(), 1)]
    return {"json": completion(json.dumps({"examples": listed}), tokens=tokens)}


class Run:
    """One ``nlq seed --teacher`` over the fakes, its ledger closed at the end of the block."""

    def __init__(self, path: Path, answers: Sequence[Body], *, knows: dict[str, Body] | None = None) -> None:
        self.server = TeacherServer(answers)
        self.store = KeptStore()
        self.sampler = WordySampler()
        for question, query in (GOOD if knows is None else knows).items():
            self.sampler.learn(question, query)
        self.path = path
        self.ended = ""

    def make(self, count: int, **options: Any) -> bool:
        translator = Translator(hotels_engine(), self.sampler, self.store, embedder=HashEmbedder())
        options.setdefault("budget", Budget())
        with ExitStack() as parts:
            url = parts.enter_context(self.server.served())
            self.ledger = parts.enter_context(closing(Ledger.open(self.path, Header("hotels", "teacher", "large"))))
            teacher = parts.enter_context(closing(Teacher(url, "large", sleep=lambda _: None, max_tokens=1000)))
            seeder = seeder_for(
                translator,
                "hotels",
                self.ledger,
                n=2,
                seed=0,
                source="teacher",
                author="large",
                into=self.store,
                unconfirmed="unconfirmed",
            )
            lessons = Lessons(seeder, teacher, seed=0, **options)
            try:
                return seeder.run(lessons, count=count)
            finally:
                self.ended = lessons.ended

    def fates(self) -> dict[str, str]:
        return {e.question: e.fate for e in self.ledger.entries}


def test_what_the_local_model_confirms_is_verified_and_the_rest_unconfirmed(tmp_path: Path) -> None:
    run = Run(tmp_path / "l", [_answer(GOOD)], knows=GOOD | {"names of hotels in Lima": OSLO})
    assert run.make(3)

    assert run.store.states == {
        "How many hotels are in Oslo?": ("large", State.VERIFIED),
        "number of places above 200": ("large", State.VERIFIED),
        "names of hotels in Lima": ("large", State.UNCONFIRMED),
    }
    last = run.store.page(limit=9)[-1]
    assert (last.engine, last.reason) == ("9.4.3", run.ledger.entries[-1].reason)
    assert "0 of 1 candidates lead back" in last.reason
    assert {e.source for e in run.store.all()} == {"teacher"}


@pytest.mark.parametrize(
    ("question", "query", "why"),
    [
        ("hotels by the sea", {"query": {"term": {"sea": True}}}, "invalid"),
        ("hotels in Atlantis", {"query": {"term": {"city": "Atlantis"}}}, "finds nothing"),
        ("all hotels", {"query": {"match_all": {}}}, "finds what the unfiltered index has"),
        ("run this", {"query": {"script": {"script": "while(true){}"}}}, "invalid"),
        ("how MANY hotels are in Oslo?", LIMA, "nearly the question"),
        ("Oslo hotels, how many of them?", OSLO, "an example has this result already"),
        (" \u0007 ", LIMA, "The question is empty"),
        ("x" * 3000, LIMA, "The question has 3000 characters"),
        ("broken", '{"query":', "not JSON"),
    ],
)
def test_what_is_wrong_in_itself_is_dropped_with_its_reason(
    tmp_path: Path, question: str, query: Any, why: str
) -> None:
    run = Run(tmp_path / "l", [_answer({"How many hotels are in Oslo?": OSLO, question: query})])
    assert not run.make(2)

    dropped = [e for e in run.ledger.entries if (not e.kept and e.question == question) or why in e.reason]
    assert dropped
    assert why in dropped[0].reason
    assert list(run.store.states) == ["How many hotels are in Oslo?"]


def test_answers_that_hold_nothing_end_the_run_before_they_cost_much(tmp_path: Path) -> None:
    run = Run(tmp_path / "l", [{"json": completion("I cannot do that.")}])

    assert not run.make(5)
    assert run.ended == "fruitless"
    assert len(run.server.requests) == 5


def test_the_budget_stops_the_run_before_the_call_that_might_exceed_it(tmp_path: Path) -> None:
    run = Run(tmp_path / "l", [_answer({"How many hotels are in Oslo?": OSLO}), _answer({"x": DEAR}), _answer({})])
    price = Budget(price_in=0, price_out=1000, most=1.6)  # an answer of 500 tokens costs 0.5, the longest one 1.0

    assert not run.make(9, budget=price)
    assert run.ended == "budget"
    assert price.cost(run.ledger.calls) == 1.0


def test_the_budget_counts_what_earlier_runs_spent(tmp_path: Path) -> None:
    price = Budget(price_out=1000, most=1.0)
    first = Run(tmp_path / "l", [_answer({"How many hotels are in Oslo?": OSLO})])
    first.make(9, budget=price)
    second = Run(tmp_path / "l", [_answer(GOOD)])
    second.make(9, budget=price)

    assert len(first.server.requests) == 1
    assert second.server.requests == []


def test_an_answer_that_was_paid_is_judged_after_an_interruption_and_not_paid_again(tmp_path: Path) -> None:
    first = Run(tmp_path / "l", [_answer(GOOD)])
    first.sampler.down = True

    def fail(*_: Any) -> Any:
        raise SamplerError("the model is gone")

    first.sampler.sample = fail  # type: ignore[method-assign]
    with pytest.raises(SamplerError):
        first.make(3)
    second = Run(tmp_path / "l", [{"status": 500, "json": {}}])

    assert second.make(3)
    assert second.server.requests == []
    assert set(second.fates().values()) == {"verified"}


def test_a_run_that_has_enough_asks_nobody(tmp_path: Path) -> None:
    Run(tmp_path / "l", [_answer(GOOD)]).make(3)
    again = Run(tmp_path / "l", [_answer(GOOD)])

    assert again.make(3)
    assert again.server.requests == []
    assert len(again.store.states) == 3


def test_when_the_time_is_over_what_was_paid_waits_for_the_next_run(tmp_path: Path) -> None:
    first = Run(tmp_path / "l", [_answer(GOOD)])
    assert not first.make(3, stop=lambda: bool(first.server.requests))
    second = Run(tmp_path / "l", [_answer(GOOD)])
    second.make(3)

    assert first.ended == "time"
    assert (len(first.server.requests), len(first.store.states)) == (1, 0)
    assert (len(second.server.requests), len(second.store.states)) == (0, 3)


def test_the_teacher_is_told_the_index_the_tasks_and_what_was_asked_already(tmp_path: Path) -> None:
    run = Run(tmp_path / "l", [_answer(GOOD)])
    run.make(4)
    first, second = (r["messages"][1]["content"] for r in run.server.requests[:2])

    assert "- price (double): " in first
    assert "- city (keyword): " in first
    assert "\n6. " in first
    assert "Asked already" not in first
    assert "- number of places above 200" in second
    assert first.split("Tasks")[1].split("\n\n")[0] != second.split("Tasks")[1].split("\n\n")[0]


def test_values_of_the_index_stay_here_when_they_are_not_to_be_sent() -> None:
    assert '"Oslo"' in described(PLAN, random.Random(1), show_values=True)
    assert '"' not in described(PLAN, random.Random(1), show_values=False)


@pytest.mark.parametrize("case", TEXTS, ids=[c["says"] for c in TEXTS])
def test_examples_are_read_out_of_whatever_stands_around_them(case: Body) -> None:
    targets = [t for n in range(6) if (t := PLAN.target(random.Random(n)))]

    assert [item.question for item in read(Completion(spelled(case["text"]), 1, 1), targets)] == case["read"]


def test_an_example_counts_for_the_task_it_names() -> None:
    targets = [t for n in range(6) if (t := PLAN.target(random.Random(n)))]
    text = json.dumps({"examples": [{"task": 3, "question": "a", "query": OSLO}]})

    assert read(Completion(text, 1, 1), targets)[0].cell == targets[2].cell


def test_cost_is_counted_by_the_million() -> None:
    assert Budget(2.0, 10.0).cost([Call(500_000, 100_000, ()), Call(0, 100_000, ())]) == 3.0
