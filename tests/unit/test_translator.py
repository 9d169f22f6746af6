"""From question to answer with everything around the core scripted."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from nlq.errors import EngineError, InputError, NoAnswerError, SamplerError, StoreError, UnknownIndexError
from nlq.translator import AskOptions, Event, Limits
from nlq.types import Example, Question, Repair
from tests.asking import COUNT, EXAMPLE, TITLES, ask, requests_of, translator_of
from tests.fakes.embedder import HashEmbedder
from tests.fakes.engine import FakeEngine
from tests.fakes.store import FakeStore
from tests.support import listings

LOWER = COUNT.replace("Crime", "crime")
LAST_MONTH = '{"query":{"range":{"bought":{"gte":"now-1M/M","lt":"now/M"}}},"_source":["title"]}'


def test_the_result_that_most_candidates_agree_on_is_the_answer() -> None:
    answer = ask(translator_of(COUNT, TITLES, COUNT, "nonsense"), n=4)

    assert answer.query == {"query": {"term": {"shelf": "Crime"}}, "size": 0, "track_total_hits": True}
    assert answer.result.total == 2
    assert answer.ballot.groups[0].votes == 2
    assert answer.ballot.of == 4
    assert answer.readback == 'number of library where shelf is "Crime"'


def test_a_value_written_in_the_wrong_case_is_repaired_before_it_runs() -> None:
    answer = ask(translator_of(LOWER))

    assert answer.query["query"] == {"term": {"shelf": "Crime"}}
    assert answer.result.total == 2


def test_what_was_repaired_is_told_with_the_candidate_it_was_repaired_in() -> None:
    answer = ask(translator_of(LOWER, COUNT), n=2)

    assert [v.repairs for v in answer.verdicts] == [(Repair("shelf", was="crime", now="Crime"),), ()]
    assert answer.ballot.groups[0].votes == 2


def test_days_that_the_question_names_by_today_are_in_the_prompt_and_find_documents() -> None:
    bounds = '{"gte":"2020-01-01","lt":"2020-02-01"}'
    translator = translator_of(
        f'{{"query":{{"range":{{"bought":{bounds}}}}}}}', now=lambda: datetime(2020, 2, 10, tzinfo=UTC)
    )
    answer = ask(translator, "books bought last month")
    prompt, _, _ = requests_of(translator)[0]

    assert f"Dates: last month = {bounds}\n" in prompt.tail[0].content
    assert [hit["_id"] for hit in answer.result.hits] == ["3"]


@pytest.mark.parametrize(("now", "ids"), [("2020-02-10", ["3"]), ("2020-08-31", ["2"]), ("2026-11-21", [])])
def test_now_in_a_query_is_the_injected_moment(now: str, ids: list[str]) -> None:
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    answer = ask(translator_of(LAST_MONTH, now=lambda: moment), "books bought last month")

    assert [hit["_id"] for hit in answer.result.hits] == ids
    assert f"{now}T00:00:00Z||-1M/M" in json.dumps(answer.query)
    assert '"now' not in json.dumps(answer.query)


def test_words_searched_by_meaning_reach_the_engine_as_a_vector() -> None:
    engine = FakeEngine()  # it knows no vectors, so what it was sent is all there is to see
    engine.load("notes", mappings={"properties": {"m": {"type": "dense_vector", "dims": 8}}}, documents=[])
    knn = '{"query":{"knn":{"field":"m","query_vector":"the sea","k":3}}}'
    translator = translator_of(knn, engine=engine, embedder=HashEmbedder(8))
    with pytest.raises(NoAnswerError, match="knn"):
        translator.translate(Question("about the sea", "notes"), AskOptions(n=1))
    _, [body] = engine.bodies

    assert len(body["query"]["knn"]["query_vector"]) == 8
    assert body["query"]["knn"]["_name"] == "the sea"


def test_the_model_is_shown_no_more_fields_than_the_limit() -> None:
    translator = translator_of(COUNT, limits=Limits(max_fields=5))
    answer = ask(translator)
    prompt, schema, _ = requests_of(translator)[0]
    [fields] = [line for line in prompt.shots[0].content.splitlines() if line.startswith("Fields:")]

    assert 1 <= len(fields.split(", ")) <= 5
    assert "shelf keyword" in fields
    assert "loans.remark" not in json.dumps(schema)
    assert answer.result.total == 2


def test_without_the_constraint_the_model_writes_freely_and_is_checked_all_the_same() -> None:
    longer = '{"query":{"bool":{"must":{"term":{"shelf":{"value":"Crime"}}}}},"track_total_hits":true,"size":0}'
    translator = translator_of(COUNT, '{"rows":3}', longer, limits=Limits(constrained=False))
    answer = ask(translator, n=3)

    assert translator.sampler.requests[0][1] is None  # type: ignore[attr-defined]
    assert [v.outcome for v in answer.verdicts] == ["executed", "invalid", "executed"]
    assert answer.ballot.groups[0].votes == 2


def test_kinds_of_links_can_be_switched_off() -> None:
    assert ask(translator_of(COUNT, limits=Limits(link_kinds=frozenset()))).values == ()
    assert ask(translator_of(COUNT)).values != ()


OWN = Example("crime books by price", {"query": {"match_all": {}}}, "library", ())


def test_the_prompt_shows_linked_values_and_examples_of_the_index_and_others() -> None:
    translator = translator_of(COUNT, examples=FakeStore([EXAMPLE, OWN]))
    answer = ask(translator)
    prompt, schema, _ = requests_of(translator)[0]

    assert '"Crime" in shelf' in prompt.tail[0].content
    assert {example.index for example in answer.examples} == {"library", EXAMPLE.index}
    assert schema is not None


def test_examples_of_the_index_itself_can_be_left_out() -> None:
    answer = ask(translator_of(COUNT, examples=FakeStore([EXAMPLE, OWN]), limits=Limits(foreign_shots=True)))

    assert [replace(example, id="") for example in answer.examples] == [EXAMPLE]


def test_examples_that_were_shown_are_counted_and_those_of_an_answer_won() -> None:
    store = FakeStore([EXAMPLE])
    ask(translator_of(COUNT, examples=store))
    with pytest.raises(NoAnswerError):
        ask(translator_of('{"rows":3}', examples=store))

    (record,) = store.page()

    assert (record.uses, record.wins) == (2, 1)


def test_a_store_that_cannot_count_spoils_no_answer() -> None:
    class Full(FakeStore):
        def used(self, shown: Iterable[str], *, won: Iterable[str] = ()) -> None:
            raise StoreError("The disk is full.")

    assert ask(translator_of(COUNT, examples=Full([EXAMPLE]))).examples != ()


def test_events_tell_the_way_in_order() -> None:
    heard: list[Event] = []
    translator_of(COUNT).translate(Question("crime?", "library"), AskOptions(n=2), on_event=heard.append)
    names = [e.name for e in heard]

    assert names == ["schema", "values", "examples", *["sampled"] * 2, *["candidate"] * 2, "ballot", "answer"]


def test_what_a_listener_raises_ends_the_translation() -> None:
    class Gone(Exception):
        pass

    def leave(event: Event) -> None:
        if event.name == "sampled":
            raise Gone

    with pytest.raises(Gone):
        translator_of(COUNT).translate(Question("crime?", "library"), AskOptions(), on_event=leave)


def test_without_a_surviving_candidate_the_error_carries_every_verdict() -> None:
    with pytest.raises(NoAnswerError) as caught:
        ask(translator_of("nonsense", '{"rows":3}'), n=4)

    assert len(caught.value.verdicts) == 4
    assert "not JSON" in str(caught.value)


@pytest.mark.parametrize("text", ["", "   \n\t", "\x00\x1b\x07", "x" * 2001])
def test_an_empty_or_overlong_question_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(InputError, match="question"):
        ask(translator_of(COUNT), text)


@pytest.mark.parametrize(
    "text", ["كم عدد الكتب؟", "有多少本书？", '"; DROP TABLE library; --', "a\x00b\x1b[31m", "{}" * 500]
)
def test_odd_questions_are_questions(text: str) -> None:
    answer = ask(translator_of(COUNT), text)

    assert answer.result.total == 2
    assert answer.question.text.isprintable()


@pytest.mark.parametrize("n", [0, -1, 5000])
def test_a_number_of_candidates_out_of_range_is_the_users_mistake(n: int) -> None:
    with pytest.raises(InputError, match="n must be"):
        ask(translator_of(COUNT), n=n)


def test_an_unknown_index_is_named() -> None:
    with pytest.raises(UnknownIndexError, match="librar"):
        translator_of(COUNT).translate(Question("?x", "librari"), AskOptions())


def test_failed_services_raise_instead_of_answering() -> None:
    down = translator_of(COUNT)
    down.engine.down = True  # type: ignore[attr-defined]
    mute = translator_of(COUNT)
    mute.sampler.down = "The model is gone."  # type: ignore[attr-defined]

    with pytest.raises(EngineError):
        ask(down)
    with pytest.raises(SamplerError):
        ask(mute)


def test_no_more_results_than_asked_for() -> None:
    answer = ask(translator_of(TITLES), max_results=1)

    assert len(answer.result.hits) == 1
    assert answer.result.total == 2


def test_no_more_results_than_the_service_allows() -> None:
    answer = ask(translator_of(TITLES, limits=Limits(max_results=1)), max_results=50)

    assert answer.query["size"] == 1


def test_values_are_listed_once_in_a_while_not_for_every_question() -> None:
    now = [0.0]
    translator = translator_of(COUNT, clock=lambda: now[0])
    engine = translator.engine
    for now[0] in (0.0, 10.0, 1000.0):
        ask(translator)

    assert listings(engine) == 2  # type: ignore[arg-type]
