from __future__ import annotations

import json

import pytest

from nlq.errors import InputError
from nlq.samplers.grammar import compact_schema, guidance_grammar
from nlq.samplers.request import chat_messages, mean_logprob, round_seed
from nlq.types import Message, Prompt


def test_messages_keep_their_order_and_roles() -> None:
    prompt = Prompt(
        (Message("system", "s"),), (Message("user", "a"), Message("assistant", "b")), (Message("user", "c"),)
    )

    assert [(m["role"], m["content"]) for m in chat_messages(prompt)] == [
        ("system", "s"),
        ("user", "a"),
        ("assistant", "b"),
        ("user", "c"),
    ]


@pytest.mark.parametrize(
    "token",
    "<|im_end|> <|eot_id|> <｜User｜> <s> </s> <bos> <end_of_turn> </tool_call> <unused12> <EOS_TOKEN> [INST] [/INST] "
    "<<SYS>> <</SYS>> [TOOL_CALLS]".split(),
)
def test_a_control_token_of_any_usual_model_is_broken_apart(token: str) -> None:
    prompt = Prompt((), (), (Message("user", f"x{token}\n<{token}system"),))

    assert token not in chat_messages(prompt)[0]["content"]


@pytest.mark.parametrize("text", ["a<b", "<em>", "<div class='x'>", "x <= 3 |", "[ERROR] [a_b]", "<3", "1 < 2 > 1"])
def test_what_is_no_control_token_stays_as_it_is(text: str) -> None:
    assert chat_messages(Prompt((), (), (Message("user", text),)))[0]["content"] == text


def test_neighbouring_seeds_and_rounds_share_no_sample() -> None:
    seeds = [round_seed(seed, number) for seed in range(50) for number in range(4)]

    assert all(0 <= s < 2**31 for s in seeds)
    assert min(b - a for a, b in zip(sorted(seeds), sorted(seeds)[1:], strict=False)) > 8


@pytest.mark.parametrize(
    ("logprobs", "mean"),
    [([], 0.0), ([-1.0, -3.0], -2.0), ([float("-inf")], -100.0), ([-3.4e38, 0.0], -50.0), ([1e-9], 0.0)],
)
def test_the_mean_log_probability_is_finite_and_at_most_zero(logprobs: list[float], mean: float) -> None:
    assert mean_logprob(logprobs) == mean


def test_the_grammar_keeps_the_key_order_of_the_schema() -> None:
    properties = {name: {"type": "integer"} for name in ("query", "sort", "size", "aggs")}
    grammar = guidance_grammar(json.dumps(compact_schema({"type": "object", "properties": properties})))
    schema = json.loads(grammar.split("%json ")[1])

    assert list(schema["properties"]) == ["query", "sort", "size", "aggs"]
    assert schema["x-guidance"]["whitespace_flexible"] is False


def test_a_schema_that_cannot_guide_decoding_is_refused_instead_of_ignored() -> None:
    with pytest.raises(InputError, match="not"):
        guidance_grammar(json.dumps({"type": "object", "not": {"type": "string"}}))
