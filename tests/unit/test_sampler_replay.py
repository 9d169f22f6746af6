from __future__ import annotations

import json
from pathlib import Path

import pytest

from nlq.errors import SamplerError
from nlq.samplers.replay import RecordingSampler, ReplaySampler, prompt_hash
from nlq.types import Candidate, Message, Prompt, SamplingParams
from tests.fakes.sampler import ScriptedSampler

PROMPT = Prompt((), (), (Message("user", "Films of 東京"),))


def record(path: Path, *, n: int, seed: int = 0) -> list[Candidate]:
    sampler = RecordingSampler(ScriptedSampler(["a", "b", "é"], logprobs=[-0.25, -1.5]), path)
    return list(sampler.sample(PROMPT, None, SamplingParams(n=n, seed=seed)))


def test_what_was_recorded_is_replayed_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    recorded = record(path, n=3)

    assert list(ReplaySampler(path).sample(PROMPT, None, SamplingParams(n=3))) == recorded
    assert list(ReplaySampler(path).sample(PROMPT, None, SamplingParams(n=2))) == recorded[:2]


def test_each_seed_replays_its_own_candidates(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    first, second = record(path, n=2), record(path, n=2, seed=2)
    sampler = ReplaySampler(path)

    assert list(sampler.sample(PROMPT, None, SamplingParams(n=2))) == first
    assert list(sampler.sample(PROMPT, None, SamplingParams(n=2, seed=2))) == second


def test_a_line_without_a_seed_answers_any_seed(tmp_path: Path) -> None:
    path = tmp_path / "hand.jsonl"
    path.write_text(json.dumps({"prompt": prompt_hash(PROMPT), "text": "{}", "logprob": -1}) + "\n\n")
    (candidate,) = ReplaySampler(path).sample(PROMPT, None, SamplingParams(seed=99))

    assert candidate == Candidate("{}", -1.0)


def test_too_few_recorded_candidates_are_an_error_that_counts_them(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    record(path, n=2)

    with pytest.raises(SamplerError, match="2 of 3"):
        ReplaySampler(path).sample(PROMPT, None, SamplingParams(n=3))


def test_another_prompt_has_another_hash() -> None:
    assert prompt_hash(PROMPT) != prompt_hash(Prompt((), (), (Message("system", "Films of 東京"),)))


@pytest.mark.parametrize(
    "line", ["{", "[]", '{"text": "a", "logprob": 0}', '{"prompt": "p", "text": "a", "logprob": "x"}']
)
def test_a_line_that_is_no_candidate_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(line)

    with pytest.raises(SamplerError, match=r"bad\.jsonl, line 1"):
        ReplaySampler(path)


def test_a_file_that_is_not_there_is_an_error_that_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(SamplerError, match="NLQ_REPLAY_FILE"):
        ReplaySampler(tmp_path / "none.jsonl")


def test_a_recording_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SamplerError, match="cannot be written"):
        record(tmp_path / "missing" / "run.jsonl", n=1)
