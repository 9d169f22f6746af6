"""How the candidates of a question are drawn, judged and looked at again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from nlq.errors import InputError
from nlq.grounding import View
from nlq.options import AskOptions, Event, Limits
from nlq.plan import Diversity
from nlq.rounds import Rounds
from nlq.second_look import SecondLook
from nlq.types import Body, Candidate, Prompt, Question, SamplingParams, Verdict
from tests.asking import COUNT, EXAMPLE, TITLES, ask, requests_of, translator_of
from tests.fakes.sampler import ScriptedSampler
from tests.fakes.store import FakeStore


@pytest.mark.parametrize(
    ("texts", "options", "rounds"),
    [
        ([COUNT], {}, [4]),
        ([COUNT, COUNT, COUNT, TITLES], {"stop": "decided"}, [4, 2]),
        ([COUNT, TITLES], {}, [4, 2, 2]),
        ([COUNT], {"n": 8}, [8]),
        ([COUNT], {"n": 16, "stop": "beta"}, [4]),
        ([COUNT], {"temperature": 0}, [1]),
        (["nonsense"] * 3 + [COUNT] * 13, {"n": 16, "select": "first"}, [1] * 4),
    ],
)
def test_candidates_are_drawn_in_rounds_until_the_rule_has_seen_enough(
    texts: list[str], options: dict[str, Any], rounds: list[int]
) -> None:
    translator = translator_of(*texts, params=SamplingParams(n=8))
    answer = ask(translator, **options)

    assert [params.n for _, _, params in requests_of(translator)] == rounds
    assert answer.samples == answer.ballot.of == sum(rounds)


def test_the_size_of_rounds_and_the_rule_that_ends_them_are_settings() -> None:
    translator = translator_of(
        COUNT, TITLES, params=SamplingParams(n=8), rounds=Rounds(first=3, step=1, stop="decided")
    )
    ask(translator)

    assert [params.n for _, _, params in requests_of(translator)] == [3, 1, 1, 1, 1]


@pytest.mark.parametrize("option", ["select", "stop"])
def test_a_rule_that_there_is_not_is_refused_with_those_there_are(option: str) -> None:
    with pytest.raises(InputError, match=rf"{option} must be one of .*, not 'luck'"):
        ask(translator_of(COUNT), **{option: "luck"})


def test_every_candidate_says_which_draw_it_came_from() -> None:
    diversity = Diversity(temperatures=(0.3, 1.1), shotless_share=0.5)
    answer = ask(translator_of(COUNT, diversity=diversity), n=8)

    assert [v.candidate.draw for v in answer.verdicts] == [
        *["shots 1, t=0.3"] * 2,
        *["shots 1, t=1.1"] * 2,
        *["no shots, t=0.3"] * 2,
        *["no shots, t=1.1"] * 2,
    ]


def test_a_recorded_candidate_keeps_the_draw_it_came_from() -> None:
    class Recorded(ScriptedSampler):
        def sample(self, prompt: Prompt, schema: Body | None, params: SamplingParams) -> Iterator[Candidate]:
            for candidate in super().sample(prompt, schema, params):
                yield replace(candidate, origin="revised", draw="second look, t=0.3")

    answer = ask(translator_of(COUNT, sampler=Recorded([COUNT])), n=1)

    assert [(v.candidate.origin, v.candidate.draw) for v in answer.verdicts] == [("revised", "second look, t=0.3")]


def test_a_temperature_of_the_request_replaces_the_ladder() -> None:
    translator = translator_of(COUNT, diversity=Diversity(temperatures=(0.3, 1.1)))
    ask(translator, n=4, temperature=0.5)

    assert [params.temperature for _, _, params in requests_of(translator)] == [0.5]


def test_groups_of_examples_are_prompts_of_their_own_and_only_those_that_led_to_the_answer_win() -> None:
    store = FakeStore(
        [replace(EXAMPLE, question=q) for q in ("paid orders", "largest order", "unpaid ones", "mean total")]
    )
    translator = translator_of(
        *[COUNT] * 4,
        *["nonsense"] * 4,
        examples=store,
        limits=Limits(shots=2),
        diversity=Diversity(shot_groups=2),
    )
    answer = ask(translator, n=8)
    first, second = (prompt.shots for prompt, _, _ in requests_of(translator))

    assert len(first) == len(second) == 4
    assert not set(first[::2]) & set(second[::2])
    assert len(answer.examples) == 4
    assert [(record.uses, record.wins) for record in store.page()].count((1, 1)) == 2


def test_the_candidates_of_an_ensemble_vote_together() -> None:
    one, two = ScriptedSampler([COUNT]), ScriptedSampler([TITLES])
    translator = translator_of(COUNT, samplers=((one, 3.0), (two, 1.0)))
    translator.warm()
    answer = ask(translator, n=8)

    assert [sum(params.n for _, _, params in s.requests) for s in (one, two)] == [6, 2]
    assert [len(s.warmed) for s in (one, two)] == [1, 1]
    assert [group.votes for group in answer.ballot.groups] == [6, 2]


def test_what_the_judge_says_of_all_verdicts_is_what_the_rule_reads() -> None:
    def judge(verdicts: Sequence[Verdict], view: View) -> Sequence[Verdict]:
        assert view.question == "How many crime books?"
        return [replace(v, score=0.9 if v.candidate.text == TITLES else len(verdicts) / 100) for v in verdicts]

    answer = ask(translator_of(COUNT, COUNT, TITLES, COUNT, judge=judge), select="best", n=4, stop="decided")

    assert [v.score for v in answer.verdicts] == [0.04, 0.04, 0.9, 0.04]
    assert len(answer.result.hits) == 2


def test_where_two_answers_are_close_the_model_looks_at_both_once_more() -> None:
    heard: list[Event] = []
    translator = translator_of(COUNT, TITLES, COUNT, TITLES, *[TITLES] * 3)
    asked = Question("Crime books?", "library")
    answer = translator.translate(asked, AskOptions(n=4, revise=True), on_event=heard.append)
    (first, *_), (prompt, schema, params) = requests_of(translator)

    assert params.n == 3
    assert schema is not None
    assert prompt.head + prompt.shots == first.head + first.shots
    assert prompt.tail[0].content.startswith(first.tail[0].content)
    assert [v.candidate.origin for v in answer.verdicts] == ["sampled"] * 4 + ["revised"] * 3
    assert {v.candidate.draw for v in answer.verdicts[4:]} == {"second look, t=0.5"}
    assert [group.votes for group in answer.ballot.groups] == [5, 2]
    assert answer.samples == 7
    assert answer.tokens == sum(v.candidate.tokens for v in answer.verdicts)
    assert [e.name for e in heard].count("ballot") == 1


@pytest.mark.parametrize(
    ("texts", "options"),
    [
        ([COUNT, TITLES], {"revise": False}),
        ([COUNT, COUNT, COUNT, TITLES], {"revise": True}),
        ([COUNT], {"revise": True}),
        ([COUNT, TITLES], {"revise": True, "time_budget": 1}),
    ],
)
def test_it_looks_once_only_where_it_may_where_two_are_close_and_where_time_is_left(
    texts: list[str], options: dict[str, Any]
) -> None:
    answer = ask(translator_of(*texts, second_look=SecondLook(on=True)), n=4, **options)

    assert {v.candidate.origin for v in answer.verdicts} == {"sampled"}


def test_first_stops_at_the_first_candidate_that_runs() -> None:
    translator = translator_of("nonsense", COUNT, TITLES)
    answer = ask(translator, select="first")

    assert answer.ballot.of == 2
    assert [params.n for _, _, params in requests_of(translator)] == [1, 1]


def test_a_time_budget_ends_sampling_between_rounds() -> None:
    answer = ask(translator_of(COUNT), n=20, time_budget=5)

    assert 2 <= answer.ballot.of < 20


def test_edits_of_candidates_are_tried_and_counted_as_no_sample() -> None:
    written = '{"query":{"bool":{"must":[{"term":{"shelf":"Crime"}},{"range":{"pages":{"gt":77}}}]}},"size":0}'
    edited = ask(translator_of(written, limits=Limits(neighbours=2)), n=3)
    origins = [v.candidate.origin for v in edited.verdicts]

    assert origins[:3] == ["sampled"] * 3
    assert 1 <= origins.count("neighbour") <= 2
    assert all(v.candidate.edit for v in edited.verdicts[3:])
    assert edited.samples == edited.ballot.of == 3


def test_the_first_round_asks_with_and_without_examples() -> None:
    diversity = Diversity(shotless_share=0.5)
    translator = translator_of(COUNT, diversity=diversity, params=SamplingParams(n=8))
    ask(translator, stop="unanimous")
    first = requests_of(translator)[:2]

    assert [(bool(prompt.shots), params.n) for prompt, _, params in first] == [(True, 2), (False, 2)]
