"""A sampler without a model: it says what it was given to say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nlq.errors import SamplerError
from nlq.samplers.request import chat_messages, refuse_beams
from nlq.types import Body, Candidate, Prompt, SamplingParams

_TOKEN = 4  # characters


class ScriptedSampler:
    """Sample i of seed s is ``texts[(s + i) % len(texts)]``; greedy is the first text.

    A token is four characters, so ``max_tokens`` cuts. ``requests`` keeps what was asked, ``warmed`` the prompts that
    were warmed. With ``down`` (a message) every call raises SamplerError.
    """

    def __init__(self, texts: Sequence[str], *, logprobs: Sequence[float] = (-0.5,)) -> None:
        self.requests: list[tuple[Prompt, Body | None, SamplingParams]] = []
        self.warmed: list[Prompt] = []
        self.closed = False
        self.down = ""
        self._texts = tuple(texts)
        self._logprobs = tuple(logprobs)

    @property
    def name(self) -> str:
        return "scripted"

    def sample(self, prompt: Prompt, schema: Body | None, params: SamplingParams) -> Iterator[Candidate]:
        self.ready()
        refuse_beams(params, "The scripted sampler")
        chat_messages(prompt)
        self.requests.append((prompt, schema, params))
        picks = [0] * params.n if params.greedy else range(params.seed, params.seed + params.n)
        return (self._candidate(pick, params.max_tokens) for pick in picks)

    def warm(self, prompt: Prompt) -> None:
        self.ready()
        self.warmed.append(prompt)

    def ready(self) -> None:
        if self.closed or self.down:
            raise SamplerError(self.down or "The scripted sampler is closed.")

    def close(self) -> None:
        self.closed = True

    def _candidate(self, pick: int, max_tokens: int) -> Candidate:
        text = self._texts[pick % len(self._texts)]
        cut = text[: max_tokens * _TOKEN]
        logprob = self._logprobs[pick % len(self._logprobs)]
        return Candidate(text=cut, logprob=logprob, tokens=-(-len(cut) // _TOKEN), complete=cut == text)
