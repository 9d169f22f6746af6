"""Dry runs that look at a part of a large index, and the whole result that is answered."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from nlq.caching import AnswerCache
from nlq.errors import NoAnswerError
from nlq.translator import Limits
from nlq.types import Body, Failure, Outcome, Result
from tests.asking import COUNT, TITLES, ask, translator_of
from tests.fakes.engine import FakeEngine
from tests.support import library, library_engine

ONE = Limits(dry_run_documents=1)
SHORT = '{"query":{"range":{"pages":{"lt":300}}},"_source":["title"]}'


class SlowEngine(FakeEngine):
    """Searches of all documents take too long where their bodies hold a word of ``slow``."""

    slow: tuple[str, ...] = ()

    def search(self, index: str, bodies: Sequence[Body], *, timeout: float) -> Sequence[Result | Failure]:
        late = Failure(Outcome.TIMED_OUT, "It took too long.")
        found = super().search(index, bodies, timeout=timeout)
        return tuple(late if self._is_slow(b) else f for b, f in zip(bodies, found, strict=True))

    def _is_slow(self, body: Body) -> bool:
        return "terminate_after" not in body and any(word in str(body) for word in self.slow)


@pytest.fixture
def slow() -> SlowEngine:
    engine, index = SlowEngine(), library()
    documents = [(str(d["_id"]), {k: v for k, v in d.items() if k != "_id"}) for d in index["documents"]]
    engine.load("library", mappings=index["mappings"], documents=documents)
    return engine


def test_dry_runs_end_early_and_the_answer_is_of_every_document() -> None:
    engine = library_engine()
    answer = ask(translator_of(TITLES, engine=engine, limits=ONE))
    dry, last = engine.bodies[-2:]

    assert [body["terminate_after"] for body in dry] == [1]
    assert [("terminate_after" in body, body["query"]) for body in last] == [(False, answer.query["query"])]
    assert (answer.result.total, answer.result.partial, "terminate_after" in answer.query) == (2, False, False)
    assert answer.ballot.leader is not None
    assert answer.ballot.leader.chosen.result is answer.result
    assert answer.ballot.leader.chosen in answer.verdicts


def test_a_result_that_left_nothing_out_is_not_asked_for_again() -> None:
    engine = library_engine()
    ask(translator_of(TITLES, engine=engine, limits=Limits(dry_run_documents=2)))

    assert [len(bodies) for bodies in engine.bodies[-1:]] == [1]
    assert "terminate_after" in engine.bodies[-1][0]


def test_alternatives_are_of_every_document_too_asked_for_in_the_same_request() -> None:
    engine = library_engine()
    answer = ask(translator_of(COUNT, COUNT, COUNT, TITLES, engine=engine, limits=ONE), select="vote", n=4)

    assert [group.chosen.result.total for group in answer.ballot.groups if group.chosen.result] == [2, 2]
    assert len(engine.bodies[-1]) == 2


def test_where_the_leaders_query_takes_too_long_on_all_documents_the_next_one_answers(slow: SlowEngine) -> None:
    slow.slow = ("Crime",)
    answer = ask(translator_of(TITLES, TITLES, SHORT, engine=slow, limits=ONE), select="vote", n=3)

    assert "pages" in str(answer.query)
    assert [v.outcome for v in answer.verdicts] == [Outcome.TIMED_OUT, Outcome.TIMED_OUT, Outcome.EXECUTED]
    assert answer.verdicts[0].reason == "It took too long."


def test_where_every_query_takes_too_long_there_is_no_answer(slow: SlowEngine) -> None:
    slow.slow = ("Crime", "pages")
    with pytest.raises(NoAnswerError, match="too long"):
        ask(translator_of(TITLES, SHORT, engine=slow, limits=ONE), n=2)


def test_an_alternative_that_takes_too_long_keeps_what_its_part_found(slow: SlowEngine) -> None:
    slow.slow = ("pages",)
    answer = ask(translator_of(TITLES, TITLES, SHORT, engine=slow, limits=ONE), select="vote", n=3)
    results = [group.chosen.result for group in answer.ballot.groups]

    assert [(result.total, result.partial) for result in results if result] == [(2, False), (1, True)]


def test_a_kept_answer_is_of_every_document() -> None:
    translator = translator_of(TITLES, limits=ONE, cache=AnswerCache())
    ask(translator)
    answer = ask(translator)

    assert (answer.cached, answer.result.total, answer.result.partial) == (True, 2, False)


def test_a_query_that_comes_again_in_a_later_round_runs_once() -> None:
    engine = library_engine()
    ask(translator_of(TITLES, COUNT, TITLES, COUNT, engine=engine), n=4, stop="unanimous", time_budget=100)
    ran = [repr(body) for bodies in engine.bodies for body in bodies if "track_total_hits" in body and "query" in body]

    assert len(ran) == len(set(ran))
