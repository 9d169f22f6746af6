"""Samples that share their beginnings are those that would be drawn alone, and cost less."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from nlq.errors import SamplerError
from nlq.samplers.grammar import compact_schema, guidance_grammar
from nlq.samplers.tree import FEW, MORE, ByteGrammar, Piece, Token, Tree, filtered
from nlq.types import Body, SamplingParams

END = 256
ORDERS: Body = {
    "type": "object",
    "properties": {
        "sort": {"enum": ["year", "yes", "title"]},
        "size": {"type": "integer", "minimum": 1, "maximum": 99},
    },
    "required": ["sort", "size"],
    "additionalProperties": False,
}
FLAT = SamplingParams(temperature=1.0, top_p=1.0)


class Spelling:
    """A model whose tokens are the 256 bytes and an end. ``likes`` says how likely the next byte is, by its weight; all
    others share one weight of ``others``."""

    def __init__(self, likes: Callable[[bytes], dict[int, float]], *, others: float = 0.0) -> None:
        self._likes = likes
        self._others = others
        self.asked: list[tuple[bytes, int]] = []

    def next(self, tokens: Sequence[int], most: int) -> Sequence[Token]:
        text = bytes(tokens)
        self.asked.append((text, most))
        weights = dict.fromkeys(range(END + 1), self._others / 256) | self._likes(text)
        whole = sum(weights.values())
        likeliest = sorted(weights.items(), key=lambda item: -item[1])[:most]
        return [Token(t, b"" if t == END else bytes([t]), math.log(w / whole)) for t, w in likeliest if w]

    def spell(self, text: str) -> Sequence[Piece]:
        return [Piece(byte, bytes([byte])) for byte in text.encode()]


def even(text: bytes) -> dict[int, float]:
    del text
    return dict.fromkeys([*b'abcdefghijklmnopqrstuvwxyz0123456789{}":,', END], 1.0)


def tree(schema: Body) -> Tree:
    return Tree(ByteGrammar(guidance_grammar(json.dumps(compact_schema(schema)))))


def test_every_beginning_is_asked_once_however_many_samples_share_it() -> None:
    model = Spelling(even)
    texts = [c.text for c in tree(ORDERS).draw(model, FLAT.with_(n=64))]

    assert len(texts) == 64
    assert len(model.asked) == len({text for text, _ in model.asked})
    assert len(model.asked) < sum(map(len, texts)) / 10


def test_further_samples_of_a_tree_cost_only_what_is_new_in_them() -> None:
    model, grown = Spelling(even), tree({"enum": ["ab", "ac"]})
    list(grown.draw(model, FLAT.with_(n=64)))
    known = len(model.asked)
    list(grown.draw(model, FLAT.with_(n=64, seed=1000)))

    assert len(model.asked) == known


def test_what_the_grammar_forces_is_taken_over_without_asking() -> None:
    model = Spelling(even)
    (candidate,) = tree({"const": {"query": {"match_all": {}}}}).draw(model, FLAT)

    assert candidate.text == '{"query":{"match_all":{}}}'
    assert candidate.complete
    assert candidate.logprob == 0
    assert model.asked == []


def test_signs_that_a_longer_token_may_join_are_left_to_the_model() -> None:
    model = Spelling(even)
    list(tree({"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}).draw(model, FLAT))

    assert model.asked[0][0] == b'{"a'


def test_texts_are_as_frequent_as_the_model_says() -> None:
    likes = {b'"': {ord("a"): 0.6, ord("b"): 0.3, ord("c"): 0.1}}
    model = Spelling(lambda text: likes.get(text, {ord('"'): 1.0}))
    texts = Counter(c.text for c in tree({"enum": ["a", "b", "c"]}).draw(model, FLAT.with_(n=1000)))

    assert [texts[f'"{letter}"'] / 1000 for letter in "abc"] == pytest.approx([0.6, 0.3, 0.1], abs=0.05)


def test_what_the_grammar_forbids_takes_nothing_from_what_it_allows() -> None:
    model = Spelling(lambda text: {ord("x"): 0.9, ord("a"): 0.075, ord("b"): 0.025} if text == b'"' else {34: 1.0})
    texts = Counter(c.text for c in tree({"enum": ["a", "b"]}).draw(model, FLAT.with_(n=1000)))

    assert texts['"a"'] / 1000 == pytest.approx(0.75, abs=0.05)


def test_a_sample_is_fixed_by_its_own_seed_alone() -> None:
    def texts(n: int, seed: int) -> list[str]:
        return sorted(c.text for c in tree(ORDERS).draw(Spelling(even), FLAT.with_(n=n, seed=seed)))

    assert texts(5, 3) == sorted(texts(3, 3) + texts(2, 6))


def test_greedy_samples_are_all_the_likeliest_text() -> None:
    model = Spelling(lambda text: {ord("b"): 0.6, ord("a"): 0.4} if text == b'"' else {ord('"'): 1.0})
    drawn = tree({"enum": ["a", "b"]}).draw(model, SamplingParams(n=3, temperature=0))

    assert [c.text for c in drawn] == ['"b"'] * 3


def test_the_mean_log_probability_counts_forced_tokens_as_certain() -> None:
    model = Spelling(lambda text: {ord("a"): 0.5, ord("b"): 0.5} if text == b'"' else {ord('"'): 1.0})
    (candidate,) = tree({"enum": ["a", "b"]}).draw(model, FLAT)

    assert candidate.tokens == 3
    assert candidate.logprob == pytest.approx(math.log(0.5) / 3)


def test_a_text_ends_at_max_tokens_also_within_what_is_forced() -> None:
    (candidate,) = tree({"const": "a long word"}).draw(Spelling(even), FLAT.with_(max_tokens=4))

    assert (candidate.text, candidate.tokens, candidate.complete) == ('"a l', 4, False)


def test_a_control_token_ends_a_text_where_the_grammar_can_end_and_is_no_text_elsewhere() -> None:
    model = Spelling(lambda text: {END: 0.9, ord("1"): 0.1})
    texts = {c.text for c in tree({"type": "integer", "maximum": 999}).draw(model, FLAT.with_(n=20))}

    assert "" not in texts
    assert "1" in texts


def test_more_tokens_are_asked_for_where_the_grammar_allows_none_of_the_likeliest() -> None:
    unwanted = dict.fromkeys(range(128, 128 + FEW), 1.0)
    model = Spelling(lambda text: unwanted if text == b'"' else {ord('"'): 1.0}, others=0.1)
    texts = {c.text for c in tree({"enum": ["a", "b"]}).draw(model, FLAT.with_(n=16))}

    assert texts == {'"a"', '"b"'}
    assert (b'"', MORE) in model.asked


@pytest.mark.parametrize("temperature", [0.01, 1.0, 5.0])
def test_no_temperature_is_too_cold_or_too_warm_for_what_is_unlikely(temperature: float) -> None:
    model = Spelling(lambda text: {ord(","): 1.0, ord("a"): 1e-30} if text == b'"' else {ord('"'): 1.0}, others=1e-40)
    (candidate,) = tree({"enum": ["a", "b"]}).draw(model, FLAT.with_(temperature=temperature))

    assert candidate.text in ('"a"', '"b"')


def test_a_model_that_cannot_write_what_the_grammar_wants_is_an_error() -> None:
    model = Spelling(lambda text: {ord("x"): 1.0})

    with pytest.raises(SamplerError, match="choose another"):
        list(tree({"enum": ["a", "b"]}).draw(model, FLAT))


def test_a_schema_that_is_no_grammar_is_an_error() -> None:
    with pytest.raises(SamplerError, match="cannot guide"):
        ByteGrammar("start: nothing")


def test_a_tree_pays_where_samples_stay_together_and_not_where_they_scatter() -> None:
    schema: Body = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    same = Spelling(lambda text: {(b'{"a":"' + b"m" * 60 + b'"}')[len(text)]: 1.0})
    begun = b'{"a":"'
    scattered = Spelling(lambda text: dict.fromkeys(range(97, 123), 1.0) if begun in text else {begun[len(text)]: 1.0})

    assert tree(schema).pays(same, FLAT.with_(n=8, max_tokens=100))
    assert not tree(schema).pays(scattered, FLAT.with_(n=8, max_tokens=100))
    assert len(scattered.asked) < 20


def test_asking_whether_a_tree_pays_changes_no_sample() -> None:
    asked, other = tree(ORDERS), tree(ORDERS)
    asked.pays(Spelling(even), FLAT.with_(n=4))

    assert list(asked.draw(Spelling(even), FLAT.with_(n=4))) == list(other.draw(Spelling(even), FLAT.with_(n=4)))


@pytest.mark.parametrize(
    ("params", "kept"),
    [
        (SamplingParams(temperature=1, top_p=1), [0.5, 0.3, 0.15, 0.05]),
        (SamplingParams(temperature=1, top_p=0.75), [0.625, 0.375, 0, 0]),
        (SamplingParams(temperature=1, top_p=1, top_k=1), [1, 0, 0, 0]),
        (SamplingParams(temperature=1, top_p=1, min_p=0.2), [0.5 / 0.95, 0.3 / 0.95, 0.15 / 0.95, 0]),
        (SamplingParams(temperature=0), [1, 0, 0, 0]),
    ],
)
def test_filters_keep_what_is_likely_enough(params: SamplingParams, kept: list[float]) -> None:
    assert filtered(np.log([0.5, 0.3, 0.15, 0.05]), params).tolist() == pytest.approx(kept)


def test_a_lower_temperature_sharpens() -> None:
    warm, cool = (filtered(np.log([0.6, 0.4]), SamplingParams(temperature=t, top_p=1))[0] for t in (1.0, 0.5))

    assert (warm, cool) == pytest.approx((0.6, 0.36 / 0.52))
