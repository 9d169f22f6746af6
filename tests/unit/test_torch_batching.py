"""Samples of several questions in one batch: the same texts as alone, and what one caller does reaches no other."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest
import torch

from nlq.errors import InputError, SamplerError
from nlq.query_schema import decoded_schema
from nlq.samplers.torch_batch import best_width
from nlq.samplers.torch_grammar import Grammars
from nlq.samplers.torch_rows import Request, Row
from nlq.samplers.transformers_ import TransformersSampler
from nlq.types import Body, Candidate, SamplingParams
from nlq.wanted import while_wanted
from tests.support import library_schema
from tests.unit.test_transformers_sampler import SCHEMA, draw, one_thread, prompt, reading, texts

__all__ = ["one_thread"]

QUERIES = decoded_schema(library_schema())


class Gone(Exception):
    """What the tests' callers are told once they left."""


def ask(sampler: TransformersSampler, question: str, schema: Body | None = None, **params: Any) -> Iterator[Candidate]:
    return sampler.sample(prompt(question), schema, SamplingParams(**{"max_tokens": 40, **params}))


def loaded(folder: Path, **options: Any) -> TransformersSampler:
    return TransformersSampler.load(folder, device="cpu", dtype="float32", **options)


def in_turns(*streams: Iterator[Candidate]) -> list[list[Candidate]]:
    """What each yields, read one by one in turn."""
    found: list[list[Candidate]] = [[] for _ in streams]
    for together in zip_longest(*streams):
        for place, candidate in enumerate(together):
            found[place] += [candidate] if candidate is not None else []
    return found


def asked(sampler: TransformersSampler, question: str, **params: Any) -> Request:
    """A request whose caller does not wait for it now."""
    settings = SamplingParams(**{"max_tokens": 40, **params})
    return sampler._do(lambda: sampler._ask(prompt(question), schema=None, params=settings, gone=threading.Event()))


ASKED: list[tuple[str, Body | None, dict[str, Any]]] = [
    ("How many books?", SCHEMA, {"n": 4, "seed": 3}),
    ("Which director made the most comedies?", QUERIES, {"n": 3, "seed": 90, "temperature": 1.4, "top_k": 9}),
    ("Who?", None, {"n": 2, "seed": 5, "repetition_penalty": 1.3, "max_tokens": 25}),
]


def test_samples_of_several_questions_grow_together_and_are_those_drawn_alone(
    tiny_transformers_sampler: TransformersSampler,
) -> None:
    alone = [list(ask(tiny_transformers_sampler, q, schema, **how)) for q, schema, how in ASKED]
    with reading(tiny_transformers_sampler) as shapes:
        together = in_turns(*(ask(tiny_transformers_sampler, q, schema, **how) for q, schema, how in ASKED))

    assert max(rows for rows, _ in shapes) > 4
    assert [texts(found) for found in together] == [texts(found) for found in alone]
    for mine, theirs in zip(together, alone, strict=True):
        assert sorted(c.logprob for c in mine) == pytest.approx(sorted(c.logprob for c in theirs), abs=1e-5)


def test_a_caller_who_closes_takes_their_samples_along(tiny_transformers_sampler: TransformersSampler) -> None:
    leaving = ask(tiny_transformers_sampler, "How many?", n=4, temperature=4, top_p=1.0, max_tokens=200)
    staying = ask(tiny_transformers_sampler, "Who?", SCHEMA, n=2, seed=8)
    next(leaving)
    leaving.close()  # type: ignore[attr-defined]
    with reading(tiny_transformers_sampler) as shapes:
        found = list(staying)

    assert {rows for rows, _ in shapes[1:]} <= {1, 2}
    assert texts(found) == texts(list(ask(tiny_transformers_sampler, "Who?", SCHEMA, n=2, seed=8)))


def test_a_caller_who_is_gone_is_noticed_between_two_tokens(tiny_transformers_sampler: TransformersSampler) -> None:
    looks = 0

    def check() -> None:
        nonlocal looks
        looks += 1
        if looks > 5:
            raise Gone

    with reading(tiny_transformers_sampler) as shapes, while_wanted(check), pytest.raises(Gone):
        list(ask(tiny_transformers_sampler, "How many?", n=4, top_k=1, max_tokens=200))

    assert len(shapes) <= 6
    assert len(list(ask(tiny_transformers_sampler, "How many?", n=2))) == 2
    assert len(tiny_transformers_sampler._open()) == 0


def test_samples_beyond_the_rows_wait_and_are_the_same(
    tiny_transformers_sampler: TransformersSampler, tiny_model_folder: Path
) -> None:
    small = loaded(tiny_model_folder, rows=2)
    with reading(small) as shapes:
        found = list(ask(small, "How many?", SCHEMA, n=7))

    assert {rows for rows, _ in shapes[1:]} <= {1, 2}
    assert texts(found) == texts(list(ask(tiny_transformers_sampler, "How many?", SCHEMA, n=7)))


def test_waiting_requests_get_rows_in_turn(tiny_model_folder: Path) -> None:
    small = loaded(tiny_model_folder, rows=1)
    many = asked(small, "How many?", n=6, max_tokens=4)
    list(ask(small, "Who?", max_tokens=4))

    assert 4 <= many.missing < 6
    assert len(list(ask(small, "Who?", n=3, max_tokens=4))) == 3
    assert many.missing > 0


def test_a_full_memory_fails_all_that_run_and_the_next_question_is_answered(
    tiny_transformers_sampler: TransformersSampler,
) -> None:
    def full(_module: Any, _args: Any, kwargs: Any) -> None:
        if kwargs["input_ids"].shape[0] == 5:
            raise torch.OutOfMemoryError

    sampler = tiny_transformers_sampler
    hook = sampler._open().runtime.model.register_forward_pre_hook(full, with_kwargs=True)
    other = asked(sampler, "How many?", n=2, max_tokens=100)
    with pytest.raises(SamplerError, match="ran out of memory"):
        list(ask(sampler, "Who?", n=3, max_tokens=100))
    hook.remove()

    assert "ran out of memory" in str(other.error)
    assert len(list(ask(sampler, "How many?", n=2))) == 2


def test_numbers_that_are_none_fail_their_own_request_alone(tiny_transformers_sampler: TransformersSampler) -> None:
    sampler = tiny_transformers_sampler
    alone = texts(list(ask(sampler, "Who?", SCHEMA, n=3)))
    broken = asked(sampler, "How many?", n=2, max_tokens=100)

    def spoil(_module: Any, _args: Any, output: Any) -> None:
        if output.logits.shape[0] == 5:
            output.logits[0] = float("nan")

    hook = sampler._open().runtime.model.register_forward_hook(spoil)
    found = list(ask(sampler, "Who?", SCHEMA, n=3))
    hook.remove()

    assert "not finite" in str(broken.error)
    assert texts(found) == alone


def test_a_refused_request_leaves_the_others_alone(tiny_transformers_sampler: TransformersSampler) -> None:
    sampler = tiny_transformers_sampler
    alone = texts(list(ask(sampler, "Who?", SCHEMA, n=3)))
    running = ask(sampler, "Who?", SCHEMA, n=3)
    found = [next(running)]
    with pytest.raises(SamplerError, match="cannot be made a grammar"):
        list(ask(sampler, "How many?", {"type": "object", "not": {"required": ["a"]}}))
    with pytest.raises(InputError, match="the model holds"):
        list(ask(sampler, "book " * 3000))

    assert texts(found + list(running)) == alone


@pytest.mark.parametrize("schema", [SCHEMA, QUERIES], ids=["small", "of an index"])
@pytest.mark.parametrize("how", [{}, {"temperature": 0}, {"repetition_penalty": 1.2}, {"max_tokens": 9}])
def test_forced_tokens_spare_steps_and_change_nothing(
    tiny_transformers_sampler: TransformersSampler, schema: Body, how: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    sampler = tiny_transformers_sampler
    params = {"n": 6, "max_tokens": 120, **how}
    with reading(sampler) as shapes:
        forced = draw(sampler, schema, **params)
    monkeypatch.setattr(Row, "force", lambda _: None)
    with reading(sampler) as plain_shapes:
        plain = draw(sampler, schema, **params)

    assert len(shapes) < len(plain_shapes)
    assert texts(forced) == texts(plain)
    assert sorted((c.tokens, c.complete) for c in forced) == sorted((c.tokens, c.complete) for c in plain)
    assert sorted(c.logprob for c in forced) == pytest.approx(sorted(c.logprob for c in plain), abs=1e-5)


def test_a_forced_token_is_the_only_one_that_the_mask_allows(tiny_transformers_sampler: TransformersSampler) -> None:
    grammars: Grammars = tiny_transformers_sampler._open().runtime.grammars
    chance = random.Random(1)
    forced = 0
    for _ in range(30):
        matcher = grammars.matcher(QUERIES)
        for _ in range(60):
            allowed = _allowed(grammars, matcher)
            known = matcher.compute_ff_tokens()
            if matcher.is_stopped():
                break
            for token in known:
                assert _allowed(grammars, matcher) == [token]
                assert matcher.consume_token(token)
            forced += len(known)
            if not known:
                matcher.consume_token(chance.choice(allowed))

    assert forced > 300


def _allowed(grammars: Grammars, matcher: Any) -> list[int]:
    bits = grammars.mask([matcher])[0]
    return [32 * word + bit for word, value in enumerate(bits.tolist()) for bit in range(32) if value >> bit & 1]


@pytest.mark.parametrize(
    ("counts", "free", "width"),
    [
        ([1, 1, 1], 16, 1),
        ([1, 1, 1, 1, 1, 1, 1, 3], 16, 1),
        ([4], 16, 4),
        ([8, 8], 256, 8),
        ([1, 1, 1, 1, 1, 1, 1, 3], 256, 3),
    ],
)
def test_forced_tokens_are_read_together_where_that_is_faster(counts: list[int], free: int, width: int) -> None:
    assert best_width(range(1, 9), counts, free=free) == width


def test_a_compiled_step_says_what_a_plain_one_says(
    tiny_transformers_sampler: TransformersSampler, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the C compiler's part of it, which takes a minute; benchmarks/gpu_check.py --tiny has it."""
    whole = torch.compile
    monkeypatch.setattr(torch, "compile", lambda read, **_: whole(read, backend="aot_eager", dynamic=True))
    compiled = loaded(tiny_model_folder, compiled=True)
    for n, question in ((3, "How many?"), (6, "Which director made the most comedies?" * 9), (1, "Who?")):
        ours = list(ask(compiled, question, QUERIES, n=n, seed=n, max_tokens=60))
        plain = list(ask(tiny_transformers_sampler, question, QUERIES, n=n, seed=n, max_tokens=60))

        assert texts(ours) == texts(plain)
        assert sorted(c.logprob for c in ours) == pytest.approx(sorted(c.logprob for c in plain), abs=1e-5)


def test_layers_that_look_back_a_little_way_say_what_plain_generate_says(tiny_model_folder: Path) -> None:
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    config = AutoConfig.from_pretrained(tiny_model_folder)
    config.use_sliding_window, config.sliding_window, config.layer_types = (
        True,
        8,
        ["full_attention", "sliding_attention"],
    )
    model = AutoModelForCausalLM.from_pretrained(tiny_model_folder, config=config, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(tiny_model_folder)
    chat = [{"role": m.role, "content": m.content} for m in prompt("Who?").messages]
    rendered = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    inputs = tokenizer(rendered, add_special_tokens=False, return_tensors="pt")
    whole = model.generate(**inputs, do_sample=False, max_new_tokens=30, pad_token_id=0)[0, inputs.input_ids.shape[1] :]
    [found] = ask(TransformersSampler(model, tokenizer, name="sliding"), "Who?", temperature=0, max_tokens=30)

    assert found.text == tokenizer.decode(whole, skip_special_tokens=True, clean_up_tokenization_spaces=False)


def test_where_compiled_steps_fail_decoding_goes_on_without(
    tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object) -> object:
        raise RuntimeError("no graph could be recorded\nat all")

    monkeypatch.setattr(torch, "compile", lambda read, **_: fails)
    compiled = loaded(tiny_model_folder, compiled=True)
    ours = list(ask(compiled, "Who?", QUERIES, n=2, max_tokens=40))
    compiled.close()

    assert len(ours) == 2
    assert [record.getMessage() for record in caplog.records] == [
        "Decoding goes on uncompiled, as NLQ_COMPILE=off does: no graph could be recorded"
    ]
