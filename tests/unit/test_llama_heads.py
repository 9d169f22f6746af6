"""The head of a prompt outlives the process that computed it: llama.cpp itself, with a tiny model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from nlq.errors import SamplerError
from nlq.samplers import llama_heads
from nlq.samplers.llama import LlamaSampler
from nlq.types import Message, Prompt, SamplingParams
from tests.fixtures.tiny_model import build_tiny_model, write_gguf

HEAD = (Message("system", "You write Elasticsearch queries. " * 12),)
ASKED = Prompt(HEAD, (), (Message("user", "How many books?"),))

Load = Callable[[], LlamaSampler]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny-llama")
    return write_gguf(build_tiny_model(folder / "hf", padding=0), folder / "tiny.gguf")


@pytest.fixture
def heads(tmp_path: Path) -> Path:
    return tmp_path / "heads"


@pytest.fixture
def load(model: Path, heads: Path) -> Iterator[Load]:
    made: list[LlamaSampler] = []

    def one() -> LlamaSampler:
        made.append(LlamaSampler.load(model, threads=1, n_ctx=1024, slots=2, heads=heads))
        return made[-1]

    yield one
    for sampler in made:
        sampler.close()


def computed(sampler: LlamaSampler, prompt: Prompt = ASKED) -> int:
    """Prompt tokens that a question costs now, with its head and index where they are not there yet."""
    counted: list[int] = []
    events = sampler._events

    def watched(request: dict[str, object]) -> Iterator[dict[str, object]]:
        for event in events(request):
            counted.extend([event["timings"]["prompt_n"]] if "prompt_n" in event.get("timings", {}) else [])
            yield event

    sampler._events = watched  # type: ignore[method-assign]
    list(sampler.sample(prompt, None, SamplingParams(n=1, max_tokens=2)))
    return sum(counted)


def test_a_restart_computes_only_what_follows_the_head(load: Load, heads: Path) -> None:
    cold = load()
    whole = computed(cold)
    cold.warm(ASKED)
    cold.close()
    again = load()
    again.warm(ASKED)
    [kept] = heads.iterdir()

    assert kept.suffix == ".state"
    assert computed(again) < whole / 4


def test_a_command_that_asks_at_once_reads_and_writes_the_head_too(load: Load, heads: Path) -> None:
    first = load()
    whole = computed(first)
    first.close()

    assert len(list(heads.iterdir())) == 1
    assert computed(load()) < whole / 4


def test_samples_after_a_restored_head_are_those_of_a_computed_one(load: Load) -> None:
    params = SamplingParams(n=2, max_tokens=12, seed=5)
    first = load()
    first.warm(ASKED)
    texts = sorted(c.text for c in first.sample(ASKED, None, params))
    first.close()
    again = load()
    again.warm(ASKED)

    assert sorted(c.text for c in again.sample(ASKED, None, params)) == texts


def test_a_broken_state_is_computed_and_written_anew(load: Load, heads: Path) -> None:
    first = load()
    first.warm(ASKED)
    first.close()
    [kept] = heads.iterdir()
    size = kept.stat().st_size
    kept.write_bytes(b"half")
    again = load()
    again.warm(ASKED)

    assert [file.stat().st_size for file in heads.iterdir()] == [size]
    assert again.prompt_tokens(ASKED) > 0


def test_an_index_is_kept_with_the_head_so_that_a_restart_computes_neither(load: Load, heads: Path) -> None:
    index = (Message("user", "Index: books. Fields: " + "title text, " * 40), Message("assistant", "{}"))
    asked = replace(ASKED, index=index)
    first = load()
    first.warm(asked)
    first.close()
    assert len(list(heads.iterdir())) == 2

    again = load()
    whole = again.prompt_tokens(asked)
    spent = computed(again, asked)

    assert len(list(heads.iterdir())) == 2
    assert spent < whole / 4


def test_a_question_on_another_index_computes_its_index_alone(load: Load, heads: Path) -> None:
    first = load()
    head = computed(first)
    other = replace(ASKED, index=(Message("user", "Index: films"), Message("assistant", "{}")))

    assert computed(first, other) < head / 2
    assert len(list(heads.iterdir())) == 2


def test_another_head_is_another_state_and_old_ones_go(
    load: Load, heads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(llama_heads, "MOST_KEPT", 2)
    sampler = load()
    for text in ("one", "two", "three"):
        sampler.warm(Prompt((Message("system", text),), (), ()))

    assert len(list(heads.iterdir())) == 2


def test_a_folder_that_cannot_be_made_hinders_nothing(model: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    sampler = LlamaSampler.load(model, threads=1, n_ctx=1024, slots=2, heads=tmp_path / "file" / "heads")
    sampler.warm(ASKED)

    assert sampler.prompt_tokens(ASKED) > 0
    sampler.close()
    with pytest.raises(SamplerError, match="closed"):
        sampler.warm(ASKED)
