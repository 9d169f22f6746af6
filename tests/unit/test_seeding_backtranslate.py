"""Examples without a teacher: queries drawn, put into words, asked again."""

from __future__ import annotations

import random
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from nlq.errors import EngineError
from nlq.seeding.backtranslate import BackTranslation, Writer, manner_of, says_all
from nlq.seeding.draws import Draws
from nlq.seeding.ledger import Entry, Header, Ledger
from nlq.seeding.seeder import Seeder, seeder_for
from nlq.translator import Translator
from nlq.types import Body, Example, SamplingParams, State
from tests.fakes.embedder import HashEmbedder
from tests.fakes.sampler import ScriptedSampler
from tests.fakes.teacher import KeptStore, WordySampler, hotels_engine

OTHER = Example("orders above 50", {"query": {"range": {"total": {"gt": 50}}}}, "shop", ("total:double",))
COUNTED = Example("How many unpaid orders?", {"query": {"term": {"paid": False}}, "size": 0}, "shop", ("paid:boolean",))
QUERY: Body = {
    "query": {"bool": {"filter": [{"term": {"city": "São Paulo"}}, {"range": {"price": {"gte": 1200}}}]}},
    "sort": [{"price": {"order": "asc"}}],
    "size": 3,
}


class Run:
    """A self-seeding run over the fakes; ``again`` is the next process on the same ledger."""

    def __init__(self, path: Path, sampler: WordySampler, **parts: Any) -> None:
        self.store = parts.pop("store", None) or KeptStore([OTHER, COUNTED])
        unconfirmed = parts.pop("unconfirmed", "dropped")
        self.translator = Translator(hotels_engine(), sampler, self.store, **parts)
        self.ledger = Ledger.open(path, Header("hotels", "self", "wordy"))
        self.seeder: Seeder = seeder_for(
            self.translator,
            "hotels",
            self.ledger,
            n=3,
            seed=0,
            source="self",
            author="wordy",
            into=self.store,
            unconfirmed=unconfirmed,
        )

    def make(self, count: int, *, draws: int = 40) -> bool:
        plan, sieve = self.seeder.plan, self.seeder.sieve
        writer = Writer(self.translator.sampler, self.store.all(), SamplingParams())
        drawn = BackTranslation(
            self.seeder, lambda rng: Draws(plan.index, plan.facts, rng, sieve.answer), writer, seed=0, tries=draws
        )
        return self.seeder.run(drawn, count=count)


def test_what_leads_back_to_its_query_is_kept_and_verified(tmp_path: Path) -> None:
    run = Run(tmp_path / "l", WordySampler())
    with closing(run.ledger):
        assert run.make(12)

        made = [e for e in run.store.all() if e.index == "hotels"]
        assert len(made) == 12
        assert {run.store.states[e.question] for e in made} == {("wordy", State.VERIFIED)}
        assert {e.source for e in made} == {"self"}
        assert all("city:keyword" in e.fields for e in made)
        assert len({entry.kind for entry in run.ledger.kept()}) > 5
        assert len({entry.fingerprint for entry in run.ledger.kept()}) == 12


def test_what_does_not_lead_back_is_dropped_with_what_came_instead(tmp_path: Path) -> None:
    run = Run(tmp_path / "l", WordySampler(forgets=2))
    with closing(run.ledger):
        run.make(4)
        dropped = [e for e in run.ledger.entries if not e.kept]

    assert dropped
    assert {e.reason for e in dropped} == {"asked again, 0 of 2 candidates lead back, 2 say: hotels, at most 1000"}
    assert not {e.question for e in dropped} & set(run.store.states)


def test_what_does_not_lead_back_can_be_kept_and_is_shown_to_no_model(tmp_path: Path) -> None:
    run = Run(tmp_path / "l", WordySampler(forgets=2), unconfirmed="unconfirmed")
    with closing(run.ledger):
        run.make(6)
        unsure = [e for e in run.ledger.kept() if e.fate == "unconfirmed"]

    assert unsure
    assert all(run.store.states[e.question] == ("wordy", State.UNCONFIRMED) for e in unsure)
    assert {r.reason for r in run.store.page() if r.state is State.UNCONFIRMED} == {e.reason for e in unsure}
    shown = {e.question for e in run.store.nearest(unsure[0].question, 100)}
    assert shown
    assert not shown & {e.question for e in unsure}


def test_a_run_goes_on_where_it_was_interrupted_and_the_store_misses_nothing(tmp_path: Path) -> None:
    sampler = WordySampler()
    first = Run(tmp_path / "l", sampler)

    def interrupt(entry: Entry) -> None:
        del entry
        if len(first.ledger.entries) == 3:
            raise KeyboardInterrupt

    first.seeder.on_entry = interrupt
    with closing(first.ledger), pytest.raises(KeyboardInterrupt):
        first.make(8)
    asked = len(sampler.asked)
    lost = KeptStore([OTHER, COUNTED])  # as if the last transaction had not been written
    second = Run(tmp_path / "l", sampler, store=lost)
    with closing(second.ledger):
        assert [e.index for e in lost.all()].count("hotels") == 3
        assert second.make(8)
        assert len({e.question for e in second.ledger.kept()}) == 8

    assert len(sampler.asked) > asked
    assert [e.index for e in lost.all()].count("hotels") == 8


def test_when_the_engine_fails_the_run_ends_and_what_was_made_is_kept(tmp_path: Path) -> None:
    run = Run(tmp_path / "l", WordySampler())

    def fail(entry: Entry) -> None:
        del entry
        run.translator.engine.down = len(run.ledger.entries) == 2  # type: ignore[attr-defined]

    run.seeder.on_entry = fail
    with closing(run.ledger), pytest.raises(EngineError):
        run.make(8)

    assert len(run.ledger.kept()) == 2


def test_what_an_index_has_examples_of_is_not_made_again(tmp_path: Path) -> None:
    first = Run(tmp_path / "one", WordySampler())
    with closing(first.ledger):
        first.make(6)
    second = Run(tmp_path / "two", WordySampler(), store=first.store)
    with closing(second.ledger):
        second.make(6)
        again = {e.fingerprint for e in first.ledger.kept()} & {e.fingerprint for e in second.ledger.kept()}

    assert again == set()


def test_a_question_nearly_like_one_that_is_kept_is_dropped(tmp_path: Path) -> None:
    run = Run(tmp_path / "l", WordySampler(), embedder=HashEmbedder())
    run.seeder.known.add("How many hotels are there in the city of Oslo?", "x")

    assert run.seeder.known.like("how many hotels are there in the city of oslo")
    assert run.seeder.known.like("How many hotels are there in the city of Oslo, please?") is None
    assert run.seeder.known.like("How many hotels are there in the city of Oslo ?") is not None
    assert run.seeder.known.like("average price per star") is None
    run.ledger.close()


def test_an_index_that_holds_no_more_ends_the_run(tmp_path: Path) -> None:
    run = Run(tmp_path / "l", WordySampler())
    with closing(run.ledger):
        run.seeder.known.has_result = lambda fingerprint: True  # type: ignore[method-assign]

        assert not run.make(5, draws=1)
        assert run.ledger.entries == []


@pytest.mark.parametrize(
    ("question", "fits"),
    [
        ("the three cheapest hotels in Sao Paulo from 1,200 up", True),
        ('"3 hotels in São Paulo for at least 1200, cheapest first"', True),
        ("3 hotels in São Paulo for at least 120, cheapest first", False),
        ("3 hotels in São Paulo, cheapest first", False),
        ("3 hotels in Paulo for at least 1200", False),
        ("3 hotels in São Paulo where price_eur is at least 1200", False),
        ("3 hotels in São Paulo with hotel.price of at least 1200", False),
        ("3 hotels in São Paulo\nfor at least 1200", False),
        ('{"query": "3 hotels in São Paulo at 1200"}', False),
        ("3 1200 ", False),
        ("3 hotels in São Paulo from 1200 " + "and " * 60, False),
    ],
)
def test_a_question_fits_a_query_when_it_says_all_values_in_plain_words(question: str, fits: bool) -> None:
    assert says_all(question, QUERY) is fits


@pytest.mark.parametrize(
    ("query", "question", "fits"),
    [
        ({"query": {"range": {"d": {"gte": "2017-01-01", "lt": "2018-01-01"}}}}, "what was built in 2017", True),
        ({"query": {"range": {"d": {"gte": "2017-01-01", "lt": "2018-01-01"}}}}, "what was built in 2016", False),
        ({"query": {"match_all": {}}, "sort": [{"d": {"order": "asc"}}], "size": 1}, "which one is the oldest?", True),
        ({"query": {"term": {"open": True}}}, "hotels that are open", True),
        ({"query": {"term": {"open": True}}}, "hotels open at 3.5km, e.g. in the U.S.", True),
        ({"query": {"terms": {"city": ["Oslo", "Lima"]}}}, "hotels in Oslo or Rome", False),
        ({"query": {"match_phrase": {"title": "no_such.thing"}}}, 'hotels called "no_such.thing"', True),
        (
            {"aggs": {"groups": {"terms": {"field": "city", "min_doc_count": 12}}}},
            "cities with at least twelve hotels",
            True,
        ),
        (
            {"aggs": {"groups": {"aggs": {"keep": {"bucket_selector": {"script": "params.a > 4.5"}}}}}},
            "cities rated above 4.5 on average",
            True,
        ),
    ],
)
def test_a_value_may_be_said_in_other_words_where_people_do(query: Body, question: str, fits: bool) -> None:
    assert says_all(question, query) is fits


def test_the_likeliest_wordings_come_first_and_each_once() -> None:
    texts = [
        "3 hotels in São Paulo above 1200",
        "hm",
        "cheapest 3 in São Paulo from 1200",
        "3 hotels in São Paulo above 1200",
    ]
    sampler = ScriptedSampler(texts, logprobs=(-2.0, -0.1, -1.0, -2.0))
    found = Writer(sampler, (), SamplingParams(), wordings=4).questions(QUERY, "hotels", _ordered())

    assert found == ["cheapest 3 in São Paulo from 1200", "3 hotels in São Paulo above 1200"]


def _ordered() -> random.Random:
    """Random numbers that begin the scripted texts at the first."""

    class Zero(random.Random):
        def randrange(self, *arguments: Any, **options: Any) -> int:
            return 0

    return Zero(1)


def test_shots_are_other_indices_examples_of_queries_built_alike() -> None:
    pool = [OTHER, COUNTED, Example("mine", QUERY, "hotels")]
    sampler = ScriptedSampler(["x"])
    prompt = Writer(sampler, pool, SamplingParams()).prompt(
        {"query": {"term": {"city": "Oslo"}}, "size": 0}, "hotels", _ordered()
    )
    shown = [m.content for m in prompt.shots if m.role == "assistant"]

    assert shown == [OTHER.question, COUNTED.question]
    assert 'Meaning: number of hotels where city is "Oslo"\n' in prompt.tail[0].content
    assert "Query: " in prompt.tail[0].content


def test_every_manner_of_speaking_is_asked_for() -> None:
    writer = Writer(ScriptedSampler(["x"]), (), SamplingParams())
    tails = [writer.prompt(QUERY, "hotels", random.Random(n)).tail[0].content for n in range(40)]

    assert set(Counter(t.rsplit("Manner: ", 1)[1] for t in tails)) == {"a question", "a request", "a few words"}


@pytest.mark.parametrize(
    ("question", "manner"),
    [("Which one is open?", "a question"), ("show me all of them", "a request"), ("cheap hotels Oslo", "a few words")],
)
def test_a_question_has_a_manner(question: str, manner: str) -> None:
    assert manner_of(question) == manner
