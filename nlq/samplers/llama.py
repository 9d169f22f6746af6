"""llama.cpp inside this process, through the wheel xllamacpp."""

from __future__ import annotations

import json
import os
import queue
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any, Self

from nlq.errors import InputError, SamplerError
from nlq.samplers.grammar import compact_schema, guidance_grammar
from nlq.samplers.llama_heads import SLOT, Heads
from nlq.samplers.request import chat_messages, mean_logprob, refuse_beams, round_seed
from nlq.types import Body, Candidate, Message, Prompt, SamplingParams
from nlq.wanted import LOOK_SECONDS, check_wanted

_STEP = 256
"""Prompt tokens computed between two looks at whether the caller has gone: about 7 s on two cores."""


class LlamaSampler:
    """One GGUF model. The n samples of a request share its prompt, and the next request what the prompts share.

    Safe to use from several threads: requests wait for one another. Make it with ``load``.
    """

    def __init__(
        self, server: Any, *, path: Path, key: str, n_ctx: int, slots: int, heads: Heads | None = None
    ) -> None:
        self._server = server
        self._path = path
        self._key = key
        self._n_ctx = n_ctx
        self._slots = slots
        self._heads = heads
        self._lock = threading.Lock()
        self._warming = threading.Lock()
        self._warm = False
        self._grammar = lru_cache(maxsize=32)(guidance_grammar)

    @classmethod
    def load(
        cls, path: Path, *, threads: int = 0, n_ctx: int = 8192, slots: int = 8, heads: Path | None = None
    ) -> Self:
        """Map the model into memory (seconds). ``threads=0``: one per core that this process may use.

        ``n_ctx`` is the room in tokens for a prompt and all its samples, ``slots`` how many are decoded together.
        In the folder ``heads`` the computed heads of prompts are kept for the next start.
        Raises SamplerError where the file is no model that llama.cpp can run.
        """
        if not path.is_file():
            raise SamplerError(f"There is no model at {path}; `nlq models fetch` gets one.")
        # OpenMP reads this once, when it is loaded. Threads that spin while they wait cost nothing on an idle machine
        # and made decoding 7 times slower beside two busy processes on two cores.
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")
        import xllamacpp

        key = secrets.token_urlsafe(24)
        params = _server_params(path, threads=threads or len(os.sched_getaffinity(0)), n_ctx=n_ctx, slots=slots)
        params.api_keys = [key]
        params.slot_save_path = f"{heads.resolve()}/" if heads else ""
        try:
            server = xllamacpp.Server(params)
        except RuntimeError as exc:
            raise SamplerError(f"llama.cpp cannot load {path}; is it a whole GGUF file, and is memory free?") from exc
        kept = Heads(heads, model=path) if heads else None
        return cls(server, path=path, key=key, n_ctx=n_ctx, slots=slots, heads=kept)

    @property
    def name(self) -> str:
        return f"llama.cpp {self._path.stem}"

    @cached_property
    def parameters(self) -> int:
        """Weights of the model, as its file lists them (seconds, the first time)."""
        import gguf

        return sum(int(tensor.n_elements) for tensor in gguf.GGUFReader(self._path).tensors)

    def prompt_tokens(self, prompt: Prompt) -> int:
        """Tokens of the messages. Computes those that the cache does not hold."""
        return self._prefill(_request(chat_messages(prompt), SamplingParams(), n_ctx=self._n_ctx))

    @property
    def endpoint(self) -> tuple[str, str]:
        """(base URL, key) of the OpenAI-compatible API that this model also has, on the loopback interface only."""
        return f"{self._running().listening_address}/v1", self._key

    def sample(self, prompt: Prompt, schema: Body | None, params: SamplingParams) -> Iterator[Candidate]:
        """See ``Sampler``. The end token counts neither in ``tokens`` nor in ``logprob``. Where heads are kept on disk,
        the first prompt's is read from there, or written, whether or not ``warm`` was called."""
        refuse_beams(params, "llama.cpp")
        self._running()
        if self._heads is not None and not self._warm:
            self.warm(prompt)
        request = _request(chat_messages(prompt), params, n_ctx=self._n_ctx)
        grammar = {} if schema is None else {"grammar": self._grammar(json.dumps(compact_schema(schema)))}
        return self._draw(request, grammar, params)

    def warm(self, prompt: Prompt) -> None:
        if not prompt.head:
            return
        # Many chat templates want a question after the system message.
        messages = chat_messages(Prompt(head=prompt.head, shots=(), tail=(Message("user", ""),)))
        request = _request(messages, SamplingParams(temperature=0), n_ctx=self._n_ctx)
        with self._warming:
            if self._heads is None:
                self._prefill(request)
                return
            server = {"url": self.endpoint[0].removesuffix("/v1"), "key": self._key}
            restored = self._heads.restore(messages, **server)
            self._prefill({**request, "id_slot": SLOT})  # what the state lacks, all of it where there is none
            if not restored:
                self._heads.save(messages, **server)
            self._warm = True

    def ready(self) -> None:
        self._running()

    def close(self) -> None:
        """Waits for the request that runs; closing twice is fine."""
        with self._lock:
            self._server = None

    def _running(self) -> Any:
        server = self._server
        if server is None:
            raise SamplerError("The llama.cpp sampler is closed; load it again.")
        return server

    def _draw(self, request: Body, grammar: Body, params: SamplingParams) -> Iterator[Candidate]:
        # The last prompt token gives slightly different numbers when it is computed among others. With the prompt in
        # the cache first, it is always computed alone, and the same seed draws the same texts.
        room = self._n_ctx - self._prefill(request)
        most = max(1, min(self._slots, room // params.max_tokens))
        wanted = 1 if params.greedy else params.n
        for number, first in enumerate(range(0, wanted, most)):
            size = min(most, wanted - first)
            draw = {**request, **grammar, "n": size, "seed": round_seed(params.seed, number)}
            for candidate in _candidates(self._events(draw), size):
                yield from [candidate] * (params.n if params.greedy else 1)

    def _prefill(self, request: Body) -> int:
        """Compute the prompt and leave it in the cache; returns its length in tokens."""
        length = 0
        for event in self._events({**request, "n": 1, "max_tokens": 1}):
            timings = event.get("timings", {})
            length = timings.get("cache_n", 0) + timings.get("prompt_n", 0)
        return length

    def _events(self, request: Body) -> Iterator[Body]:
        """One request. llama.cpp calls back from a thread of its own, so a slow reader holds nobody up."""
        events: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        gone = threading.Event()

        def heard(event: str) -> bool:
            events.put(event)
            return gone.is_set()

        def ask() -> None:
            try:
                with _held(self._lock, until=gone) as held:
                    if held:
                        self._running().handle_chat_completions(json.dumps(request), heard)
            except SamplerError as exc:
                events.put(json.dumps({"error": {"message": str(exc)}}))
            finally:
                events.put(None)

        thread = threading.Thread(target=ask, name="llama.cpp request")
        thread.start()
        try:
            for event in iter(partial(_heard, events), None):
                yield _checked(json.loads(event))
        finally:
            gone.set()
            thread.join()


def _server_params(path: Path, *, threads: int, n_ctx: int, slots: int) -> Any:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_ctx = n_ctx
    params.fit_params = False
    params.n_parallel = slots
    params.kv_unified = True
    params.n_batch = _STEP
    params.cache_ram_mib = 1024
    params.cpuparams.n_threads = threads
    params.cpuparams_batch.n_threads = threads
    params.verbosity = -1
    params.ui = False
    params.endpoint_slots = False
    return params


def _request(messages: list[dict[str, str]], params: SamplingParams, *, n_ctx: int) -> Body:
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


def _candidates(events: Iterator[Body], n: int) -> Iterator[Candidate]:
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


@contextmanager
def _held(lock: threading.Lock, *, until: threading.Event) -> Iterator[bool]:
    """The lock, waited for at most until the event is set: False then."""
    while not until.is_set():
        if lock.acquire(timeout=LOOK_SECONDS):
            try:
                yield not until.is_set()
            finally:
                lock.release()
            return
    yield False


def _heard(events: queue.SimpleQueue[str | None]) -> str | None:
    """The next event; raises where nobody waits for it any more."""
    while True:
        check_wanted()
        with suppress(queue.Empty):
            return events.get(timeout=LOOK_SECONDS)


def _checked(event: Body) -> Body:
    """The event; raises what an error event stands for."""
    error = event.get("error")
    if error is None:
        return event
    if error.get("type") == "exceed_context_size_error":
        raise InputError(
            f"The prompt has {error.get('n_prompt_tokens')} tokens, more than the context of {error.get('n_ctx')}; "
            "ask a shorter question or use fewer examples."
        )
    raise SamplerError(f"llama.cpp failed: {error.get('message', error)}")
