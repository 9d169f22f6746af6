"""Which candidate is asked for how."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from nlq.plan import Diversity, Draw, Variant, groups, plan, variants
from nlq.rounds import Rounds, cut
from nlq.types import Example, Message, Prompt, SamplingParams
from tests.fakes.sampler import ScriptedSampler

PARAMS = SamplingParams(temperature=0.8, seed=7)
EXAMPLES = [Example(letter, {}, "i") for letter in "abcd"]


class Named(ScriptedSampler):
    def __init__(self, name: str) -> None:
        super().__init__(["{}"])
        self._called = name

    @property
    def name(self) -> str:
        return self._called


def _prompt(examples: Sequence[Example] = ()) -> Prompt:
    return Prompt((), tuple(Message("user", e.question) for e in examples), (Message("user", "?"),))


def _asked(*shares: float) -> list[Variant]:
    return [Variant(Named("m"), _prompt(), share, str(place)) for place, share in enumerate(shares)]


def _told(rounds: Sequence[Sequence[Draw]]) -> list[str]:
    return [" ".join(f"{d.variant.name}*{d.params.n}" for d in draws) for draws in rounds]


@pytest.mark.parametrize(
    ("n", "first", "step", "sizes"),
    [(8, 4, 2, (4, 2, 2)), (7, 4, 2, (4, 2, 1)), (3, 4, 2, (3,)), (1, 1, 1, (1,)), (5, 2, 9, (2, 3))],
)
def test_a_number_is_cut_into_rounds_that_sum_to_it(n: int, first: int, step: int, sizes: tuple[int, ...]) -> None:
    assert cut(n, first=first, step=step) == sizes


@pytest.mark.parametrize("wrong", [{"first": 0}, {"step": 0}, {"stop": "never"}])
def test_rounds_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"round must|stop must"):
        Rounds(**wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperatures": (0.0,)},
        {"temperatures": (0.5, 6)},
        {"temperatures": (-1, 0.5)},
        {"shot_groups": 0},
        {"shotless_share": 1.5},
    ],
)
def test_diversity_out_of_range_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        Diversity(**wrong)


SPREADS = [
    ((1.0,), (4, 2, 2), ["0*4", "0*2", "0*2"]),
    ((0.75, 0.25), (4, 2, 2), ["0*4", "1*2", "0*2"]),
    ((0.5, 0.5), (4, 2, 2), ["0*4", "1*2", "1*2"]),
    ((0.25, 0.75), (4, 2, 2), ["1*4", "0*2", "1*2"]),
    ((1 / 3, 1 / 3, 1 / 3), (2, 2, 2), ["0*2", "1*2", "2*2"]),
]


@pytest.mark.parametrize(("shares", "rounds", "told"), SPREADS)
def test_a_round_has_one_prompt_and_shares_are_kept_over_the_rounds(
    shares: tuple[float, ...], rounds: tuple[int, ...], told: list[str]
) -> None:
    assert _told(plan(rounds, _asked(*shares), blocks=rounds, params=PARAMS)) == told


def test_a_whole_sample_is_dealt_as_the_rounds_of_an_open_number_are() -> None:
    blocks = cut(16, first=4, step=2)

    assert _told(plan((16,), _asked(0.75, 0.25), blocks=blocks, params=PARAMS)) == ["0*12 1*4"]
    assert _told(plan((1,) * 6, _asked(0.75, 0.25), blocks=(4, 2), params=PARAMS)) == [*["0*1"] * 4, *["1*1"] * 2]


@pytest.mark.parametrize(
    ("ladder", "told"),
    [
        ((), [{0.8: 4}, {0.8: 2}]),
        ((0.3, 1.1), [{0.3: 2, 1.1: 2}, {0.3: 1, 1.1: 1}]),
        ((0.3, 0.8, 1.1), [{0.3: 2, 0.8: 1, 1.1: 1}, {0.8: 1, 1.1: 1}]),
        ((0, 0.8), [{0: 1, 0.8: 3}, {0.8: 2}]),
    ],
)
def test_temperatures_are_dealt_in_turn_and_zero_once(ladder: tuple[float, ...], told: list[dict[float, int]]) -> None:
    rounds = plan((4, 2), _asked(1.0), blocks=(4, 2), params=PARAMS, temperatures=ladder)

    assert [{d.params.temperature: d.params.n for d in draws} for draws in rounds] == told


def test_no_two_draws_share_a_seed() -> None:
    rounds = plan((4, 4), _asked(0.5, 0.5), blocks=(2, 2, 2, 2), params=PARAMS, temperatures=(0.3, 0.8))
    seeds = [d.params.seed + place for draws in rounds for d in draws for place in range(d.params.n)]

    assert seeds == list(range(7, 15))


def test_without_choice_there_is_one_variant_that_shows_every_example() -> None:
    [only] = variants([(Named("m"), 2.0)], EXAMPLES[:3], shots=3, diversity=Diversity(), prompt=_prompt)

    assert (only.name, only.share, len(only.shots), len(only.prompt.shots)) == ("", 1.0, 3, 3)


def test_every_model_is_asked_with_every_prompt() -> None:
    asked = variants(
        [(Named("big"), 3.0), (Named("small"), 1.0)],
        EXAMPLES,
        shots=2,
        diversity=Diversity(shot_groups=2, shotless_share=0.5),
        prompt=_prompt,
    )

    assert {v.name: (v.share, "".join(e.question for e in v.shots)) for v in asked} == {
        "big, shots 1": (0.1875, "ac"),
        "big, shots 2": (0.1875, "bd"),
        "big, no shots": (0.375, ""),
        "small, shots 1": (0.0625, "ac"),
        "small, shots 2": (0.0625, "bd"),
        "small, no shots": (0.125, ""),
    }
    assert len({id(v.prompt) for v in asked}) == 3


@pytest.mark.parametrize(
    ("examples", "diversity"),
    [
        ([], Diversity(shot_groups=3, shotless_share=0.5)),
        (EXAMPLES[:1], Diversity(shot_groups=3)),
        (EXAMPLES, Diversity(shotless_share=1)),
    ],
)
def test_prompts_that_would_be_the_same_are_one(examples: list[Example], diversity: Diversity) -> None:
    [only] = variants([(Named("m"), 1.0)], examples, shots=2, diversity=diversity, prompt=_prompt)

    assert only.share == pytest.approx(1)


GROUPS = [
    ("abcdef", 2, 3, ["ace", "bdf"]),
    ("abcdef", 3, 2, ["ad", "be", "cf"]),
    ("abcd", 3, 2, ["ad", "ab", "bc"]),
    ("ab", 3, 3, ["ab", "ab", "ab"]),
    ("a", 2, 1, ["a", "a"]),
    ("", 2, 3, ["", ""]),
    ("abc", 2, 0, ["", ""]),
    ("abc", 0, 2, []),
]


@pytest.mark.parametrize(("letters", "n", "k", "expected"), GROUPS)
def test_groups_are_dealt_like_cards(letters: str, n: int, k: int, expected: list[str]) -> None:
    assert ["".join(group) for group in groups(letters, n, k)] == expected
