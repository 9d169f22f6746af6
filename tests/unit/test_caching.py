"""The same question asks no model twice; what it found is always new."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from api.metrics import Metrics
from nlq.caching import AnswerCache
from nlq.caching.words import normalised, turns
from nlq.translator import AskOptions, Event, Limits, Translator
from nlq.types import Answer, Body, Example, Failure, Outcome, Question, Result
from tests.asking import COUNT, TITLES, ask, requests_of, translator_of
from tests.fakes.embedder import HashEmbedder
from tests.fakes.engine import FakeEngine
from tests.support import library_engine, lines

WORDINGS = lines("questions_normalised.jsonl")
TURNED = lines("questions_turned.jsonl")
LAST_DAY = '{"query":{"range":{"bought":{"gte":"now-9M/M","lt":"now/M"}}},"_source":["title"]}'


def cached(*texts: str, cache: AnswerCache | None = None, **changes: Any) -> Translator:
    return translator_of(*texts, cache=cache or AnswerCache(), **changes)


def drawn(translator: Translator) -> int:
    return len(requests_of(translator))


class Refusing(FakeEngine):
    """Refuses every body that counts as a question's own, once ``refuses`` is set."""

    refuses = False

    def search(self, index: str, bodies: Sequence[Body], *, timeout: float) -> Sequence[Result | Failure]:
        found = super().search(index, bodies, timeout=timeout)
        no = Failure(Outcome.REJECTED, "no")
        refused = [self.refuses and "term" in body.get("query", {}) for body in bodies]
        return [no if gone else result for gone, result in zip(refused, found, strict=True)]


def book(engine: Any, key: str, shelf: str = "Crime") -> None:
    engine.add("library", [(key, {"title": "Another", "shelf": shelf})])


def test_a_question_asked_again_asks_no_model_and_finds_what_there_is_now() -> None:
    translator = cached(COUNT, TITLES, COUNT, COUNT)
    first = ask(translator, "How many crime books?")
    book(translator.engine, "new")
    again = ask(translator, "  how many  Crime books")

    assert drawn(translator) == 1
    assert (first.cached, again.cached) == (False, True)
    assert (first.result.total, again.result.total) == (2, 3)
    assert again.question.text == "how many Crime books"
    assert again.id != first.id
    assert again.answered_as == ""


def test_it_keeps_its_votes_confidence_and_alternatives_which_are_run_anew_too() -> None:
    translator = cached(COUNT, TITLES, COUNT, COUNT)
    first, again = ask(translator), ask(translator)
    other = again.ballot.groups[1].chosen.result

    assert [g.votes for g in again.ballot.groups] == [3, 1]
    assert again.ballot.confidence == first.ballot.confidence
    assert other is not None
    assert len(other.hits) == 2
    assert [v.candidate for v in again.verdicts] == [v.candidate for v in first.verdicts]


def test_what_was_found_is_not_kept() -> None:
    translator = cached(COUNT)
    ask(translator)
    again = ask(translator)
    members = again.ballot.groups[0].verdicts[1:]

    assert members
    assert all(v.result is None for v in members)


def test_the_way_to_a_kept_answer_is_told_in_order() -> None:
    heard: list[Event] = []
    translator = cached(COUNT)
    ask(translator)
    answer = translator.translate(Question("How many crime books?", "library"), AskOptions(), on_event=heard.append)

    assert [e.name for e in heard] == ["schema", "values", "examples", "ballot", "answer"]
    assert heard[-1].data is answer
    assert set(answer.timings) == {"schema", "values", "cache", "total"}


@pytest.mark.parametrize(
    "options", [{"seed": 1}, {"n": 2}, {"temperature": 0.1}, {"select": "first"}, {"max_results": 3}]
)
def test_what_a_request_chooses_otherwise_is_asked(options: dict[str, Any]) -> None:
    translator = cached(COUNT)
    ask(translator)

    assert not ask(translator, **options).cached


def test_a_changed_mapping_is_asked() -> None:
    engine = library_engine()
    translator = cached(COUNT, engine=engine)
    ask(translator)
    mapping = engine.mapping("library")
    documents = list(engine._indices["library"].documents.items())
    engine.delete("library")
    engine.load("library", mappings={**mapping, "properties": {**mapping["properties"], "isbn": {"type": "keyword"}}},
                documents=documents)  # fmt: skip

    assert not ask(translator).cached
    assert ask(translator).cached


def test_an_answer_that_finds_nothing_now_is_dropped_and_asked() -> None:
    engine = library_engine()
    translator = cached(COUNT, engine=engine)
    ask(translator)
    crimes = engine._indices["library"].documents
    kept = {key: crimes.pop(key) for key in [k for k, d in crimes.items() if d.get("shelf") == "Crime"]}
    gone = ask(translator)
    crimes.update(kept)

    assert (gone.cached, gone.result.total) == (False, 0)
    assert not ask(translator).cached


def test_an_answer_whose_query_fails_now_is_dropped_and_asked() -> None:
    engine = Refusing()
    base = library_engine()
    engine._indices = base._indices
    translator = cached(COUNT, COUNT, COUNT, '{"size":0}', engine=engine, limits=Limits(neighbours=0))
    first = ask(translator)
    engine.refuses = True
    second = ask(translator)

    assert not first.cached
    assert not second.cached
    assert (first.result.total, second.result.total) == (2, 4)


def test_days_that_the_question_names_are_part_of_what_was_asked() -> None:
    now = [datetime(2020, 8, 31, tzinfo=UTC)]
    translator = cached('{"query":{"match_all":{}}}', now=lambda: now[0])
    texts = ("books bought today", "books")
    for text in texts:
        ask(translator, text)
    now[0] = datetime(2020, 9, 1, tzinfo=UTC)

    assert [ask(translator, text).cached for text in texts] == [False, True]


def test_now_in_a_kept_query_is_the_moment_it_runs_again() -> None:
    now = [datetime(2020, 8, 31, tzinfo=UTC)]
    translator = cached(LAST_DAY, now=lambda: now[0])
    first = ask(translator, "books got lately")
    now[0] = datetime(2020, 9, 1, tzinfo=UTC)
    again = ask(translator, "books got lately")

    assert again.cached
    assert "2020-08-31" in str(first.query)
    assert "2020-09-01" in str(again.query)


def test_a_question_that_goes_on_from_another_is_asked() -> None:
    previous = Example("crime books", {"query": {"term": {"shelf": "Crime"}}}, "library")
    translator = cached(COUNT)
    ask(translator, previous=previous)

    assert not ask(translator, previous=previous).cached


def test_callers_with_an_engine_of_their_own_do_not_see_answers_of_others() -> None:
    cache = AnswerCache()
    one = cached(COUNT, cache=cache)
    other = replace(one, engine=library_engine())
    ask(one)

    assert not ask(other).cached
    assert ask(one).cached


def test_other_defaults_of_a_translator_are_other_questions() -> None:
    cache = AnswerCache()
    one = cached(COUNT, cache=cache)
    other = replace(one, limits=Limits(shots=1))
    ask(one)

    assert not ask(other).cached


def test_answers_are_kept_for_a_time_and_up_to_a_number() -> None:
    now = [0.0]
    translator = cached(COUNT, cache=AnswerCache(size=2, seconds=10, clock=lambda: now[0]))
    for text in ("crime one", "crime two", "crime three"):
        ask(translator, text)
    few = [ask(translator, text).cached for text in ("crime three", "crime two", "crime one")]
    now[0] = 11.0

    assert few == [True, True, False]
    assert not ask(translator, "crime one").cached


def test_a_judged_question_is_forgotten() -> None:
    cache = AnswerCache()
    translator = cached(COUNT, cache=cache)
    ask(translator, "How many crime books?")
    ask(translator, "crime")
    cache.forget("how many crime books", "library")

    assert ask(translator, "crime").cached
    assert not ask(translator, "How many crime books?").cached


def test_a_kept_answer_is_counted_as_such_and_not_as_sampled_again() -> None:
    metrics = Metrics()
    translator = cached(COUNT)
    for _ in range(2):
        metrics.answered(ask(translator))
    count = metrics.registry.get_sample_value

    assert count("nlq_cache_hits_total", {"wording": "same"}) == 1
    assert count("nlq_questions_total", {"end": "answered"}) == 2
    assert count("nlq_samples_count") == 1


def paraphrase(question: str, other: str, *, cosine: float = 0.4) -> Answer:
    translator = cached(COUNT, cache=AnswerCache(paraphrases=cosine), embedder=HashEmbedder())
    ask(translator, question)
    return ask(translator, other)


def test_another_wording_gets_the_kept_answer_and_says_so() -> None:
    answer = paraphrase("How many crime books are there?", "How many crime books do we have?")

    assert answer.cached
    assert answer.answered_as == "How many crime books are there?"


def test_an_answer_that_was_wrong_for_other_words_too_is_forgotten() -> None:
    cache = AnswerCache(paraphrases=0.4)
    translator = cached(COUNT, cache=cache, embedder=HashEmbedder())
    ask(translator, "How many crime books are there?")
    first = ask(translator, "How many crime books do we have?")
    cache.forget("how many crime books do we have", "library")
    again = ask(translator, "How many crime books do we have?")

    assert (first.cached, again.cached) == (True, False)


@pytest.mark.parametrize(
    ("question", "other"),
    [
        ("How many crime books?", "How many travel books?"),
        ("crime books from 2019 on", "crime books from 2018 on"),
        ("crime books before 2019", "crime books after 2019"),
        ("the cheapest crime book", "the dearest crime book"),
        ("crime books of each week", "crime books of each month"),
        ("crime or travel books, not the other way", "travel or crime books, not the other way"),
        ("crime books lent by kuang to rooney", "crime books lent by rooney to kuang"),
    ],
)
def test_no_paraphrase_changes_values_numbers_or_words_that_turn_the_meaning(question: str, other: str) -> None:
    assert not paraphrase(question, other, cosine=0.1).cached


def test_per_and_each_are_one() -> None:
    assert paraphrase("How many crime books per shelf?", "How many crime books for each shelf?").cached


def test_without_the_option_another_wording_is_asked() -> None:
    assert not paraphrase("How many crime books are there?", "How many crime books do we have?", cosine=0.0).cached


@pytest.mark.parametrize("case", WORDINGS, ids=lambda case: case["question"])
def test_questions_are_one_where_only_what_never_matters_differs(case: dict[str, Any]) -> None:
    assert normalised(case["question"]) == case["is"]


@pytest.mark.parametrize("case", TURNED, ids=lambda case: case["question"])
def test_what_turns_a_question_is_found_in_its_words(case: dict[str, Any]) -> None:
    assert list(turns(case["question"])) == case["turns"]
