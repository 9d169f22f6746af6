"""What tells a right candidate from a wrong one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from nlq.finish import Finish
from nlq.grounding import Grounding, View
from nlq.json_schema import minified
from nlq.signals import SIGNALS, Facts, signals
from nlq.signals.asked import numbers
from nlq.signals.clauses import clauses, values
from nlq.types import Body, Candidate, IndexSchema, Outcome, Repair, Result, Signal, Verdict
from nlq.values import Seen
from nlq.verify import verify
from tests.fakes.engine import FakeEngine
from tests.support import index_schema, library_engine, lines

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
CASES = lines("signals.jsonl")
FIXTURES = ("shop", "single", "logs", "wide", "odd", "full")


def _view(question: str, engine: FakeEngine) -> View:
    grounding = Grounding(engine, None, clock=lambda: 0.0, now=lambda: NOW, most_fields=60)
    return grounding.view(question, engine.schema("library"))


def _verdict(body: Body, view: View, engine: FakeEngine) -> Verdict:
    """As verified; what the fake engine does not know finds nothing."""
    finish = Finish(view, max_results=100)
    candidates = [Candidate(minified(body), -0.1)]
    (verdict,) = verify(candidates, schema=view.accepted, index="library", engine=engine, timeout=1, finish=finish)
    assert verdict.query is not None, verdict.reason
    return replace(verdict, outcome=Outcome.EXECUTED, result=verdict.result or Result((), 0))


def _signals(question: str, body: Body, *, total: int | None = 4) -> dict[str, Signal]:
    engine = library_engine()
    view = _view(question, engine)
    return {s.name: s for s in signals(_verdict(body, view, engine), question, view, total=total)}


def _value(name: str, found: Sequence[Signal]) -> float:
    return next(signal.value for signal in found if signal.name == name)


def _bare(index: IndexSchema) -> View:
    return View(question="", index=index, near=index, seen=Seen(None), values=(), periods=(), now=NOW)


@pytest.mark.parametrize("case", CASES, ids=[f"{c['signal']}: {c['says']}" for c in CASES])
def test_a_signal_says_what_it_sees(case: dict[str, Any]) -> None:
    found = _signals(case["question"], case["body"])[case["signal"]]

    assert found.value == pytest.approx(case["value"], abs=1e-4)
    assert found.note == case.get("note", found.note)


def test_the_fixture_has_a_case_for_every_signal() -> None:
    assert {case["signal"] for case in CASES} == set(SIGNALS)


def test_signals_come_in_the_order_of_their_table_and_alike_each_time() -> None:
    body = {"query": {"term": {"shelf": "Crime"}}, "size": 0}

    assert list(_signals("how many crime books", body)) == list(SIGNALS)
    assert _signals("how many crime books", body) == _signals("how many crime books", body)


def test_shares_without_a_fault_have_no_note() -> None:
    found = _signals("how many crime books", {"query": {"term": {"shelf": "Crime"}}, "size": 0})

    assert [s.name for s in found.values() if s.note] == []


def test_a_candidate_that_did_not_execute_has_no_signals() -> None:
    view = _view("crime", library_engine())
    refused = Verdict(Candidate("{", -1.0), Outcome.UNPARSED, reason="not JSON")
    late = Verdict(Candidate("{}", -1.0), Outcome.TIMED_OUT, query={"size": 0}, reason="too slow")

    assert signals(refused, "crime", view) == signals(late, "crime", view) == ()


def test_without_the_number_of_documents_nothing_is_known_to_fit_all() -> None:
    body = {"query": {"range": {"pages": {"gte": 5}}}, "size": 0}

    assert _signals("at least 5 pages", body)["everything"].value == 1
    assert _signals("at least 5 pages", body, total=None)["everything"].value == 0


def test_a_repaired_value_is_grounded() -> None:
    engine = library_engine()
    view = _view("sci-fi", engine)
    verdict = _verdict({"query": {"term": {"shelf": "Poetry"}}}, view, engine)
    repaired = replace(verdict, repairs=(Repair("shelf", "poems", "Poetry"),))

    assert _value("grounded", signals(verdict, "sci-fi", view)) == 0
    assert _value("grounded", signals(repaired, "sci-fi", view)) == 1


@pytest.mark.parametrize("name", FIXTURES)
def test_any_accepted_body_has_signals(name: str) -> None:
    view = _bare(index_schema(name))
    finish = Finish(view, max_results=100, encode=lambda texts: [[1.0] * 4 for _ in texts])
    bodies = [finish(line["body"])[0] for line in lines(f"bodies/{name}.jsonl")]
    executed = [Verdict(Candidate("", 0), Outcome.EXECUTED, query=body, result=Result((), 0)) for body in bodies]
    found = [signals(verdict, "how many in 2020?", view, total=3) for verdict in executed]

    assert all(len(each) == len(SIGNALS) for each in found)
    shares = ("grounded", "numbers_used", "values_used", "fields_named", "named_used", "asked_shape")
    assert all(0 <= s.value <= 1 for each in found for s in each if s.name in shares)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1,200 of 3.5 and 7", [1200, 3.5, 7]),
        ("twenty-five or a million", [25, 1_000_000]),
        ("2k, 3 million, 5%", [2000, 3_000_000, 5]),
        ("the 21st B2B meeting of v1.2", [21]),
        ("nobody, someone, tone", []),
    ],
)
def test_numbers_of_a_question(text: str, wanted: list[float]) -> None:
    assert [number.value for number in numbers(text)] == wanted


def test_a_value_of_a_clause_that_excludes_is_negated() -> None:
    body = {"query": {"bool": {"must_not": [{"term": {"on_loan": True}}], "filter": [{"terms": {"pages": [1, 2]}}]}}}
    found = [(v.value, v.negated) for clause in clauses(body) for v in values(clause)]

    assert found == [(1, False), (2, False), (True, True)]


def test_facts_tell_which_fields_are_named_in_full() -> None:
    view = _view("price and loan fee of a book in the library", library_engine())
    verdict = Verdict(Candidate("{}", 0), Outcome.EXECUTED, query={}, result=Result((), 0))

    assert Facts.of(verdict, view.question, view).fully_named() == ["price", "loans.fee"]
