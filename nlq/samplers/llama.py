"""llama.cpp inside this process, through the wheel xllamacpp."""

from __future__ import annotations

import json
import os
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any, Self

from nlq.errors import SamplerError
from nlq.samplers.grammar import compact_schema, guidance_grammar
from nlq.samplers.llama_chat import candidates, chat_request, checked, too_long
from nlq.samplers.llama_heads import SLOT, Beginnings, Heads
from nlq.samplers.llama_next import Behind, Gone, Texts
from nlq.samplers.request import chat_messages, refuse_beams, round_seed
from nlq.samplers.streamed import streamed
from nlq.samplers.tree import ByteGrammar, Tree
from nlq.samplers.turns import turn_until
from nlq.types import Body, Candidate, Prompt, SamplingParams

_STEP = 256
"""Prompt tokens computed between two looks at whether the caller has gone: about 7 s on two cores."""

_TREES = 32
"""Prompts whose trees are kept: one has some hundred nodes of ten tokens, a megabyte at most."""


@dataclass(frozen=True, slots=True)
class _Branch:
    """The tokens of a prompt and what the model says below it."""

    prompt: tuple[int, ...]
    tree: Tree


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
        self._beginnings = Beginnings(self._compute, heads, lock=self._lock)
        self._grammar = lru_cache(maxsize=32)(guidance_grammar)
        self._bytes = lru_cache(maxsize=32)(ByteGrammar)
        self._branches: OrderedDict[str, _Branch] = OrderedDict()

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
        kept = Heads(heads, model=path, url=server.listening_address, key=key) if heads else None
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
        return self._prefill(chat_request(chat_messages(prompt), SamplingParams(), n_ctx=self._n_ctx))

    @property
    def endpoint(self) -> tuple[str, str]:
        """(base URL, key) of the OpenAI-compatible API that this model also has, on the loopback interface only."""
        return f"{self._url}/v1", self._key

    def sample(self, prompt: Prompt, schema: Body | None, params: SamplingParams) -> Iterator[Candidate]:
        """See ``Sampler``. The end token counts neither in ``tokens`` nor in ``logprob``. Where heads are kept on disk,
        that of the prompt, and with it the index, is read from there, or written, whether or not ``warm`` was called.

        Under a schema, samples share all that they have in common (``Tree``), and tokens that it forces count as
        certain in ``logprob``. Not so with a repetition penalty, which needs what the server does not tell.
        """
        refuse_beams(params, "llama.cpp")
        self._running()
        if self._heads is not None:
            self.warm(prompt)
        messages = chat_messages(prompt)
        grammar = None if schema is None else self._grammar(json.dumps(compact_schema(schema)))
        if grammar is not None and params.repetition_penalty == 1:
            return self._grow(messages, grammar, params)
        request = chat_request(messages, params, n_ctx=self._n_ctx)
        return self._draw(request, {"grammar": grammar} if grammar else {}, params)

    def warm(self, prompt: Prompt) -> None:
        """Have the prompt's head, and the index behind it, computed or read from disk, unless that was done lately."""
        self._running()
        self._beginnings.hold(prompt)

    def ready(self) -> None:
        self._running()

    def close(self) -> None:
        """Waits for the request that runs; closing twice is fine."""
        with self._lock:
            if self._server is not None and "_texts" in self.__dict__:
                self._texts.close()
            self._server = None

    @property
    def _url(self) -> str:
        return str(self._running().listening_address)

    @cached_property
    def _texts(self) -> Texts:
        return Texts(self._url, self._key)

    def _running(self) -> Any:
        server = self._server
        if server is None:
            raise SamplerError("The llama.cpp sampler is closed; load it again.")
        return server

    def _compute(self, messages: list[dict[str, str]]) -> None:
        request = chat_request(messages, SamplingParams(temperature=0), n_ctx=self._n_ctx)
        self._prefill({**request, "id_slot": SLOT})

    def _draw(self, request: Body, grammar: Body, params: SamplingParams) -> Iterator[Candidate]:
        # The last prompt token gives slightly different numbers when it is computed among others. With the prompt in
        # the cache first, it is always computed alone, and the same seed draws the same texts.
        room = self._n_ctx - self._prefill(request)
        most = max(1, min(self._slots, room // params.max_tokens))
        wanted = 1 if params.greedy else params.n
        for number, first in enumerate(range(0, wanted, most)):
            size = min(most, wanted - first)
            draw = {**request, **grammar, "n": size, "seed": round_seed(params.seed, number)}
            for candidate in candidates(self._events(draw), size):
                yield from [candidate] * (params.n if params.greedy else 1)

    def _prefill(self, request: Body) -> int:
        """Compute the prompt and leave it in the cache; returns its length in tokens."""
        length = 0
        for event in self._events({**request, "n": 1, "max_tokens": 1}):
            timings = event.get("timings", {})
            length = timings.get("cache_n", 0) + timings.get("prompt_n", 0)
        return length

    def _grow(self, messages: list[dict[str, str]], grammar: str, params: SamplingParams) -> Iterator[Candidate]:
        """``params.n`` candidates out of the tree below the messages, where that pays."""

        def draw(put: Callable[[Candidate | None], None], gone: threading.Event) -> None:
            with turn_until(self._lock, gone) as mine, suppress(Gone):
                if not mine:
                    return
                self._running()
                branch = self._branch(messages, grammar)
                room = self._n_ctx - len(branch.prompt)
                if room < 1:
                    raise too_long(len(branch.prompt), n_ctx=self._n_ctx)
                model = Behind(branch.prompt, self._texts, partial(self._complete, gone=gone), gone=gone)
                one = params.with_(max_tokens=min(params.max_tokens, room))
                if not branch.tree.pays(model, one):
                    put(None)
                    return
                for candidate in branch.tree.draw(model, one):
                    put(candidate)

        for found in streamed(draw, name="llama.cpp tree"):
            if found is None:
                yield from self._draw(chat_request(messages, params, n_ctx=self._n_ctx), {"grammar": grammar}, params)
            else:
                yield found

    def _branch(self, messages: list[dict[str, str]], grammar: str) -> _Branch:
        """The tree of these messages, as far as earlier draws have grown it."""
        key = json.dumps([messages, grammar])
        if key not in self._branches:
            self._branches[key] = _Branch(tuple(self._texts.prompt(messages)), Tree(self._bytes(grammar)))
            while len(self._branches) > _TREES:
                self._branches.popitem(last=False)
        self._branches.move_to_end(key)
        return self._branches[key]

    def _complete(self, request: Body, *, gone: threading.Event) -> Iterator[Body]:
        """One request of who holds the model. Ends early once ``gone`` is set."""
        events: list[str] = []

        def heard(event: str) -> bool:
            events.append(event)
            return gone.is_set()

        self._running().handle_completions(json.dumps(request), heard)
        return (checked(json.loads(event)) for event in events)

    def _events(self, request: Body) -> Iterator[Body]:
        """One request."""

        def ask(put: Callable[[str], None], gone: threading.Event) -> None:
            def heard(event: str) -> bool:
                put(event)
                return gone.is_set()

            with turn_until(self._lock, gone) as mine:
                if mine:
                    self._running().handle_chat_completions(json.dumps(request), heard)

        for event in streamed(ask, name="llama.cpp request"):
            yield checked(json.loads(event))


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
