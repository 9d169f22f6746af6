"""The slow stage: candidates come to disk once, whatever interrupts it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from nlq.errors import InputError, SamplerError
from nlq.evaluation.cases import read_set
from nlq.evaluation.costs import Energy, Metered, flops
from nlq.evaluation.samples import Sampled, append, read_samples
from nlq.evaluation.sampling import sample
from nlq.translator import Translator
from nlq.types import Body, Candidate, Message, Prompt, SamplingParams
from tests.fakes.benchmark import ALL, CASES, COUNT, write_set
from tests.fakes.engine import FakeEngine
from tests.fakes.sampler import ScriptedSampler
from tests.fakes.store import FakeStore

SAMPLED = Sampled("1", (Candidate(COUNT, -0.5, tokens=9),), seconds=2.0, greedy=Candidate(ALL, -0.1))


def _translator(sampler: ScriptedSampler) -> Translator:
    return Translator(FakeEngine(), sampler, FakeStore(), params=SamplingParams(n=3))


def test_what_was_sampled_is_read_as_it_was_written(tmp_path: Path) -> None:
    append(tmp_path / "s.jsonl", SAMPLED)
    [(key, found)] = read_samples([tmp_path / "s.jsonl"]).items()

    assert key == "1"
    assert (found.candidates, found.greedy, found.seconds) == (SAMPLED.candidates, SAMPLED.greedy, 2.0)
    assert math.isnan(found.joules)


def test_a_torn_last_line_is_dropped_and_sampled_anew(tmp_path: Path) -> None:
    file = tmp_path / "s.jsonl"
    append(file, SAMPLED)
    with file.open("a") as out:
        out.write('{"id": "2", "candid')

    assert set(read_samples([file])) == {"1"}

    append(file, Sampled("3", ()))

    assert set(read_samples([file])) == {"1", "3"}
    assert len(file.read_text().splitlines()) == 2


def test_a_line_in_the_middle_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "s.jsonl").write_text('{"id": "1"}\n{}\n')

    with pytest.raises(InputError, match="line 1"):
        read_samples([tmp_path / "s.jsonl"])


def test_fields_of_another_version_are_passed_over(tmp_path: Path) -> None:
    line = {"id": "1", "seconds": 1, "candidates": [{"text": "{}", "logprob": -1.0, "mood": "good"}], "extra": 1}
    (tmp_path / "s.jsonl").write_text(json.dumps(line) + "\n")

    assert read_samples([tmp_path / "s.jsonl"])["1"].candidates == (Candidate("{}", -1.0),)


def test_every_case_is_sampled_once_and_greedily_before(tmp_path: Path) -> None:
    sampler = ScriptedSampler([COUNT, ALL])
    cases, file = read_set(write_set(tmp_path / "books")), tmp_path / "s.jsonl"
    for _ in range(2):
        sample([cases], _translator(sampler), {"books": file}, n=3)
    found = read_samples([file])

    assert [(params.n, params.greedy) for _, _, params in sampler.requests] == [(1, True), (3, False)] * 2
    assert [c.text for c in found["1"].candidates] == [COUNT, ALL, COUNT]
    assert found["1"].greedy is not None
    assert found["1"].greedy.text == COUNT


def test_the_model_is_shown_the_sets_own_name_of_an_index(tmp_path: Path) -> None:
    sampler = ScriptedSampler([COUNT])
    cases = read_set(write_set(tmp_path / "books"))
    sample([cases], _translator(sampler), {"books": tmp_path / "s.jsonl"}, n=1, greedy=False)

    assert "Index: library\n" in sampler.requests[0][0].tail[0].content


def test_an_interrupted_run_has_cases_of_every_set_and_goes_on_behind_them(tmp_path: Path) -> None:
    sets = [read_set(write_set(tmp_path / name, tuple({**c, "id": name + c["id"]} for c in CASES))) for name in "ab"]
    files = {name: tmp_path / f"{name}.jsonl" for name in "ab"}
    told: list[None] = []

    def interrupt() -> None:
        told.append(None)
        if len(told) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sample(sets, _translator(ScriptedSampler([COUNT])), files, n=1, greedy=False, on_case=interrupt)

    assert [set(read_samples([files[name]])) for name in "ab"] == [{"a1"}, {"b1"}]

    second = ScriptedSampler([COUNT])
    sample(sets, _translator(second), files, n=1, greedy=False)

    assert len(second.requests) == 2
    assert set(read_samples(files.values())) == {"a1", "a2", "b1", "b2"}


def test_a_failing_model_ends_the_stage_and_leaves_no_line(tmp_path: Path) -> None:
    sampler = ScriptedSampler([COUNT])
    sampler.down = "The model is gone."
    with pytest.raises(SamplerError, match="gone"):
        sample([read_set(write_set(tmp_path / "books"))], _translator(sampler), {"books": tmp_path / "s.jsonl"}, n=1)

    assert read_samples([tmp_path / "s.jsonl"]) == {}


class _Sized(ScriptedSampler):
    parameters = 1000

    def __init__(self, texts: list[str]) -> None:
        super().__init__(texts)
        self.sampled_before: list[int] = []

    def prompt_tokens(self, prompt: Prompt) -> int:
        self.sampled_before.append(len(self.requests))
        return len(prompt.messages)


def test_flops_count_every_prompt_once_and_every_candidate() -> None:
    meter = Metered(_Sized(["x" * 40]))
    prompt = Prompt(head=(), shots=(), tail=(Message("user", "How many?"),))
    for n in (2, 3):
        _drain(meter, prompt, n)

    assert meter.prompt_tokens() == 1
    assert meter.flops() == flops(1000, prompt_tokens=1, decoded=50) == 102_000

    meter.start()

    assert meter.flops() == 0


def test_a_prompt_is_counted_once_and_before_it_is_sampled_from_as_counting_may_compute_it() -> None:
    inner = _Sized(["x"])
    meter = Metered(inner)
    for text in ("How many?", "How many?", "Which?"):
        _drain(meter, Prompt(head=(), shots=(), tail=(Message("user", text),)), 1)
    meter.flops()

    assert inner.sampled_before == [0, 2]


def test_the_cost_on_a_sampler_that_does_not_tell_its_size_is_not_known() -> None:
    meter = Metered(ScriptedSampler(["x"]))

    assert math.isnan(meter.flops())
    assert math.isnan(meter.prompt_tokens())


def _drain(meter: Metered, prompt: Prompt, n: int) -> None:
    schema: Body | None = None
    candidates: Iterator[Candidate] = meter.sample(prompt, schema, SamplingParams(n=n))
    assert len(list(candidates)) == n


def _counter(folder: Path, number: int, *, joules: float) -> None:
    counter = folder / f"intel-rapl:{number}"
    counter.mkdir(exist_ok=True)
    (counter / "energy_uj").write_text(f"{int(joules * 1e6)}\n")
    (counter / "max_energy_range_uj").write_text(f"{int(100 * 1e6)}\n")


def test_energy_is_what_the_counters_have_moved_on_even_over_their_end(tmp_path: Path) -> None:
    _counter(tmp_path, 0, joules=10)
    _counter(tmp_path, 1, joules=99)
    energy = Energy(tmp_path)
    before = energy.read()
    _counter(tmp_path, 0, joules=12.5)
    _counter(tmp_path, 1, joules=1)

    assert energy.since(before) == pytest.approx(2.5 + 2)


def test_without_counters_energy_is_not_known(tmp_path: Path) -> None:
    energy = Energy(tmp_path / "none")

    assert math.isnan(energy.since(energy.read()))
