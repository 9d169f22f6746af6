"""What llama.cpp's server is asked for chats, and what its events say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from nlq.errors import InputError, SamplerError
from nlq.samplers.request import mean_logprob
from nlq.types import Body, Candidate, SamplingParams


def chat_request(messages: list[dict[str, str]], params: SamplingParams, *, n_ctx: int) -> Body:
    return {
        "messages": messages,
        "stream": True,
        "return_progress": True,
        "cache_prompt": True,
        "logprobs": True,
        "top_logprobs": 1,
        "max_tokens": params.max_tokens,
        "temperature": params.temperature,
        "top_p": params.top_p,
        "top_k": params.top_k,
        "min_p": params.min_p,
        "repeat_penalty": params.repetition_penalty,
        "repeat_last_n": n_ctx,
        # The order of vLLM and transformers, so that the same numbers mean the same draw everywhere.
        "samplers": ["penalties", "temperature", "top_k", "top_p", "min_p"],
    }


@dataclass(slots=True)
class _Draft:
    parts: list[str] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)

    def add(self, choice: Body) -> None:
        self.parts.append(choice["delta"].get("content") or "")
        self.logprobs += [t["logprob"] for t in (choice.get("logprobs") or {}).get("content") or ()]

    def finish(self, *, complete: bool, tokens: int) -> Candidate:
        text = "".join(self.parts)
        return Candidate(text=text, logprob=mean_logprob(self.logprobs), tokens=tokens, complete=complete)


def candidates(events: Iterator[Body], n: int) -> Iterator[Candidate]:
    """Put the tokens of ``n`` interleaved samples together; each sample is yielded with its last event."""
    drafts = [_Draft() for _ in range(n)]
    ended = 0
    for event in events:
        for choice in event.get("choices", ()):
            draft = drafts[choice["index"]]
            draft.add(choice)
            if choice["finish_reason"]:
                ended += 1
                complete = choice["finish_reason"] == "stop"
                yield draft.finish(complete=complete, tokens=event["timings"]["predicted_n"] - complete)
    if ended < n:
        raise SamplerError(f"llama.cpp ended {ended} of {n} samples; is the context (n_ctx) large enough?")


def checked(event: Body) -> Body:
    """The event; raises what an error event stands for."""
    error = event.get("error")
    if error is None:
        return event
    if error.get("type") == "exceed_context_size_error":
        raise too_long(error.get("n_prompt_tokens"), n_ctx=error.get("n_ctx"))
    raise SamplerError(f"llama.cpp failed: {error.get('message', error)}")


def too_long(tokens: int | None, *, n_ctx: int | None) -> InputError:
    return InputError(
        f"The prompt has {tokens} tokens, more than the context of {n_ctx}; "
        "ask a shorter question or use fewer examples."
    )
