"""Edits of candidates, and which of them are worth a search."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from nlq.canonical import canonical
from nlq.finish import Finish
from nlq.grounding import Grounding, View
from nlq.json_schema import minified
from nlq.neighbours import EDITS, neighbour_candidates, neighbours
from nlq.neighbours.places import replaced, without
from nlq.signals import Facts
from nlq.signals.clauses import clauses
from nlq.types import Body, Candidate, Outcome, Result, Verdict
from nlq.values import Seen
from nlq.verify import check, verify
from tests.support import index_schema, library_engine, lines

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
CASES = lines("neighbours.jsonl")
FIXTURES = ("shop", "single", "logs", "wide", "odd", "full")
CRIME: Body = {
    "query": {"bool": {"filter": [{"term": {"shelf": "Crime"}}, {"range": {"pages": {"gt": 250}}}]}},
    "size": 0,
}
TRAVEL: Body = {"query": {"term": {"shelf": "Travel"}}, "size": 0}


def _view(question: str) -> View:
    engine = library_engine()
    grounding = Grounding(engine, None, clock=lambda: 0.0, now=lambda: NOW, most_fields=60)
    return grounding.view(question, engine.schema("library"))


def _verdict(body: Body, view: View, *, logprob: float = -0.1, result: Result | None = None) -> Verdict:
    query, _ = Finish(view, max_results=100)(body)
    return Verdict(Candidate(minified(body), logprob), Outcome.EXECUTED, query=query, result=result)


def _edits(name: str, body: Body, question: str, *, nothing: bool = False) -> list[tuple[Body, str]]:
    """What one edit alone makes, written as the decoded schema has it."""
    view = _view(question)
    verdict = _verdict(body, view, result=Result((), 0) if nothing else None)
    found = EDITS[name](Facts.of(verdict, question, view))
    return [(canonical(edited, view.index), change) for edited, change in found]


def _plain(body: Body) -> Body:
    """Without the sizes that were filled in."""
    out = {key: value for key, value in body.items() if (key, value) != ("size", 100)}
    return {key: _plain(value) if isinstance(value, dict) else value for key, value in out.items()}


@pytest.mark.parametrize("case", CASES, ids=[f"{c['edit']}: {c['question']}" for c in CASES])
def test_an_edit_changes_one_thing_and_says_what(case: dict[str, Any]) -> None:
    found = _edits(case["edit"], case["body"], case["question"], nothing=case.get("nothing", False))

    assert [_plain(body) for body, _ in found] == case["becomes"]
    assert not found or found[0][1] == case.get("change", found[0][1])


def test_the_fixture_has_a_case_for_every_edit() -> None:
    assert {case["edit"] for case in CASES} == set(EDITS)


def test_neighbours_are_not_the_query_itself_and_differ_from_each_other() -> None:
    view = _view("how many books")
    found = neighbours(_verdict(CRIME, view), "how many books", view, most=99)
    texts = [json.dumps(body, sort_keys=True) for body, _ in found]

    assert len(set(texts)) == len(texts) >= 3
    assert json.dumps(canonical(CRIME, view.index), sort_keys=True) not in texts


@pytest.mark.parametrize("most", [0, 1, 2])
def test_no_more_neighbours_are_made_than_wanted(most: int) -> None:
    view = _view("how many books")
    verdict = _verdict(CRIME, view)

    assert len(neighbours(verdict, "how many books", view, most=most)) == most
    assert len(neighbour_candidates([verdict], "how many books", view, most=most)) == most


def test_a_candidate_without_a_query_has_no_neighbours() -> None:
    view = _view("how many books")
    refused = Verdict(Candidate("{", -1.0), Outcome.UNPARSED)

    assert neighbours(refused, "how many books", view) == ()
    assert neighbour_candidates([refused], "how many books", view, most=4) == ()


def test_neighbour_candidates_say_where_they_come_from() -> None:
    view = _view("how many books")
    (first, *_) = neighbour_candidates([_verdict(TRAVEL, view, logprob=-0.5)], "how many books", view, most=4)

    assert (first.origin, first.logprob, first.tokens) == ("neighbour", -0.5, 0)
    assert first.edit == 'without shelf is "Travel"'
    assert first.text == '{"query":{"match_all":{}},"size":0}'


def test_neighbours_that_were_sampled_are_left_out() -> None:
    view = _view("how many books")
    verdicts = [_verdict(TRAVEL, view), _verdict({"size": 0}, view)]

    assert neighbour_candidates(verdicts[:1], "how many books", view, most=4) != ()
    assert neighbour_candidates(verdicts, "how many books", view, most=4) == ()


def test_what_was_sampled_most_is_edited_first_and_each_query_once_a_turn() -> None:
    view = _view("how many books")
    verdicts = [_verdict(TRAVEL, view, logprob=-0.1), _verdict(CRIME, view, logprob=-2), _verdict(CRIME, view)]
    found = neighbour_candidates(verdicts, "how many books", view, most=99)

    assert [c.edit for c in found[:2]] == [
        'without shelf is "Crime", pages > 250',
        'without shelf is "Crime"',
    ]
    assert len({c.text for c in found}) == len(found)


def test_neighbours_of_neighbours_are_not_made() -> None:
    view = _view("how many books")
    edited = _verdict(TRAVEL, view)
    edited = Verdict(Candidate(edited.candidate.text, -1, origin="neighbour"), edited.outcome, query=edited.query)

    assert neighbour_candidates([edited], "how many books", view, most=4) == ()


def test_neighbours_are_verified_like_any_candidate() -> None:
    question = "how many crime books above 250 pages"
    view = _view(question)
    finish = Finish(view, max_results=100)
    made = neighbour_candidates([_verdict(TRAVEL, view)], question, view, most=9)
    found = verify(made, schema=view.accepted, index="library", engine=library_engine(), timeout=1, finish=finish)

    assert {v.outcome for v in found} == {Outcome.EXECUTED}
    assert 'shelf is "Crime", not shelf is "Travel"' in [v.candidate.edit for v in found]


@pytest.mark.parametrize("name", FIXTURES)
def test_finishing_a_finished_body_changes_nothing_and_neighbours_are_accepted(name: str) -> None:
    index = index_schema(name)
    view = View(question="", index=index, near=index, seen=Seen(None), values=(), periods=(), now=NOW)
    finish = Finish(view, max_results=100, encode=lambda texts: [[1.0] * 4 for _ in texts])
    finished = [finish(line["body"])[0] for line in lines(f"bodies/{name}.jsonl")]
    verdicts = [Verdict(Candidate("", 0), Outcome.EXECUTED, query=body) for body in finished]
    edited = [body for verdict in verdicts for body, _ in neighbours(verdict, "how many?", view, most=9)]

    assert [body for body in finished if finish(body)[0] != body] == []
    assert edited
    assert [reason for body in edited if (reason := check(body, view.accepted))] == []


@pytest.mark.parametrize("name", FIXTURES)
def test_any_condition_can_be_taken_out(name: str) -> None:
    schema = View("", *[index_schema(name)] * 2, seen=Seen(None), values=(), periods=(), now=NOW).accepted
    bodies = [line["body"] for line in lines(f"bodies/{name}.jsonl")]
    cut = [without(b, c.path) for b in bodies for c in clauses(b) if c.role in ("must", "must_not")]

    assert cut
    assert [reason for body in cut if (reason := check(body, schema))] == []


def test_a_replaced_clause_leaves_the_original_as_it_was() -> None:
    body = {"query": {"bool": {"filter": [{"term": {"a": 1}}, {"term": {"b": 2}}]}}}

    assert replaced(body, ("query", "bool", "filter", 1), "x")["query"]["bool"]["filter"] == [{"term": {"a": 1}}, "x"]
    assert body["query"]["bool"]["filter"][1] == {"term": {"b": 2}}
