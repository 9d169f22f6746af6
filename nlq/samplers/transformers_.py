"""Sampling with transformers and torch in this process, on CUDA or the CPU.

The prompt is read once for all n samples, and only as far as it differs from earlier prompts. Importing this module
loads torch, so only the place that chooses a sampler does.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any, TypeVar

import torch
from jinja2 import TemplateError

from nlq.errors import ConfigError, SamplerError
from nlq.samplers.request import chat_messages
from nlq.samplers.torch_attention import use_grouped_attention
from nlq.samplers.torch_batch import Batch
from nlq.samplers.torch_beam import Beams
from nlq.samplers.torch_cache import cache_argument
from nlq.samplers.torch_decode import Prefilled, Runtime
from nlq.samplers.torch_errors import torch_errors
from nlq.samplers.torch_grammar import Grammars
from nlq.samplers.torch_load import Dtype, Weights, load_model, pick_device, pick_dtype
from nlq.samplers.torch_rows import Request
from nlq.types import Body, Candidate, Prompt, SamplingParams
from nlq.wanted import LOOK_SECONDS, check_wanted

T = TypeVar("T")
_CLOSED = "The sampler is closed: load the model again."
KNOWN_LAYERS = frozenset({"full_attention", "sliding_attention"})


class TransformersSampler:
    """A causal language model of Hugging Face's transformers. Safe to share between threads: the samples of all their
    questions grow together, a token at a time, while a caller waits for one of them.

    ``Candidate.logprob`` is the mean, over the text's tokens, of the log-softmax of the model's own logits: before
    temperature, filters, repetition penalty and grammar. The end token is not counted (of an empty text it is).
    ``seed`` fixes sample i through ``seed + i`` alone, so it does not change with n, or with what else is asked, as far
    as the arithmetic of a batch does not. The repetition penalty looks at the prompt too, as in transformers and vLLM.
    Beam search gives the n likeliest texts, best first, and ignores temperature and the filters; its beams are no part
    of the common batch. A caller who is gone (``nlq.wanted``) stops waiting within LOOK_SECONDS.
    """

    def __init__(self, model: Any, tokenizer: Any, *, name: str, rows: int = 64, compiled: bool | None = None) -> None:
        """``model`` is in evaluation mode on its device. At most ``rows`` samples grow at a time, others wait.

        ``compiled`` decoding steps need a C compiler, and on CUDA become CUDA graphs; None: on CUDA where there is one.
        Raises ConfigError where model or tokenizer cannot be used.
        """
        self._name = name
        runtime = _runtime(model, tokenizer)
        use_grouped_attention(model)
        if compiled is None:
            compiled = model.device.type == "cuda" and _has_compiler()
        self._batch: Batch | None = Batch(runtime, rows=rows, compiled=compiled)
        # All that touches the model: CUDA graphs belong to the thread that recorded them, and turns are taken in order.
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="torch")

    @classmethod
    def load(
        cls,
        model: str | Path,
        *,
        device: str = "auto",
        dtype: Dtype = "auto",
        weights: Weights = "auto",
        rows: int = 64,
        compiled: bool | None = None,
    ) -> TransformersSampler:
        """From a folder or hub id of Hugging Face, or a .gguf file (unpacked; its tokenizer is kept beside it).

        ``weights`` of 8 or 4 bits need torchao. Raises ConfigError where the model, the device or torchao is not there
        or cannot be used.
        """
        found = pick_device(device)
        made, tokenizer, name = load_model(model, device=found, dtype=pick_dtype(dtype, found), weights=weights)
        return cls(made, tokenizer, name=name, rows=rows, compiled=compiled)

    @property
    def name(self) -> str:
        return f"transformers {self._name}"

    def sample(self, prompt: Prompt, schema: Body | None, params: SamplingParams) -> Iterator[Candidate]:
        """See ``Sampler.sample``. Greedy decodes once and yields the same candidate n times."""
        self._open()
        if params.strategy == "beam":
            return self._beams(prompt, schema, params)
        return self._greedy(prompt, schema, params) if params.greedy else self._decode(prompt, schema, params)

    def warm(self, prompt: Prompt) -> None:
        """Read the prompt's head and index now, so that questions below them pay for what follows alone."""
        if prompt.head:
            self._do(partial(self._warm, prompt))

    def ready(self) -> None:
        self._do(lambda: torch.zeros(1, device=self._open().runtime.device).item())

    def close(self) -> None:
        """Waits for the step that runs."""
        self._batch = None
        self._worker.shutdown(cancel_futures=True)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _greedy(self, prompt: Prompt, schema: Body | None, params: SamplingParams) -> Iterator[Candidate]:
        for candidate in self._decode(prompt, schema, params.with_(n=1)):
            yield from [candidate] * params.n

    def _decode(self, prompt: Prompt, schema: Body | None, params: SamplingParams) -> Iterator[Candidate]:
        gone = Event()
        try:
            request = self._do(partial(self._ask, prompt, schema=schema, params=params, gone=gone))
            while request.missing or request.ended:
                yield from self._do(partial(self._ended, request, after=self._open().steps))
        finally:
            gone.set()

    def _beams(self, prompt: Prompt, schema: Body | None, params: SamplingParams) -> Iterator[Candidate]:
        beams = self._do(lambda: Beams(self._open().runtime, self._prefill(prompt, params), schema, params))
        while beams.alive:
            yield from self._do(partial(self._beam, beams))

    def _do(self, job: Callable[[], T]) -> T:
        """What the job returns, done by the one thread that may use the model, after those that were asked before.

        Raises SamplerError where it fails or the sampler is closed, and what ``check_wanted`` raises.
        """
        try:
            asked: Future[T] = self._worker.submit(job)
        except RuntimeError as exc:
            raise SamplerError(_CLOSED) from exc
        try:
            while not wait([asked], timeout=LOOK_SECONDS).done:
                check_wanted()
            check_wanted()
        except BaseException:
            asked.cancel()
            raise
        with torch_errors():
            try:
                return asked.result()
            except CancelledError as exc:
                raise SamplerError(_CLOSED) from exc

    def _ask(self, prompt: Prompt, *, schema: Body | None, params: SamplingParams, gone: Event) -> Request:
        batch = self._open()
        request = Request(batch.runtime, self._prefill(prompt, params), schema=schema, params=params, gone=gone)
        batch.add(request)
        return request

    def _ended(self, request: Request, *, after: int) -> list[Candidate]:
        """Its candidates that ended. A step that others had made since ``after`` served this request too."""
        batch = self._open()
        if not request.ended and request.error is None and batch.steps == after:
            batch.step()
        if request.error is not None:
            raise SamplerError(request.error)
        ended, request.ended = request.ended, []
        return ended

    def _beam(self, beams: Beams) -> list[Candidate]:
        self._open()
        return beams.step()

    def _warm(self, prompt: Prompt) -> None:
        runtime = self._open().runtime
        try:
            ids = _encode(runtime.tokenizer, chat_messages(Prompt(prompt.head, (), (), prompt.index)), answer=False)
        except TemplateError:
            return  # a template that wants a question after its system message; the first question warms it then
        if ids and runtime.prefixes.longest(ids)[1] < len(ids):
            runtime.prefill(ids, head=prompt.head + prompt.index)

    def _prefill(self, prompt: Prompt, params: SamplingParams) -> Prefilled:
        runtime = self._open().runtime
        try:
            ids = _encode(runtime.tokenizer, chat_messages(prompt), answer=True)
        except TemplateError as exc:
            raise SamplerError(f"The model's chat template refuses the prompt ({exc}): choose another model.") from exc
        runtime.check_room(len(ids), params)
        return runtime.prefill(ids, head=prompt.head + prompt.index)

    def _open(self) -> Batch:
        batch = self._batch
        if batch is None:
            raise SamplerError(_CLOSED)
        return batch


def _has_compiler() -> bool:
    return any(shutil.which(name) for name in (os.environ.get("CC", "cc"), "gcc", "clang"))


def _runtime(model: Any, tokenizer: Any) -> Runtime:
    if not getattr(tokenizer, "is_fast", False):
        raise ConfigError("The model has no fast tokenizer, which the grammar needs: set NLQ_MODEL to one that has.")
    if not tokenizer.chat_template:
        raise ConfigError("The model has no chat template: set NLQ_MODEL to an instruction-tuned model.")
    config = model.config.get_text_config()
    unknown = set(getattr(config, "layer_types", None) or ()) - KNOWN_LAYERS
    if unknown:
        kinds = ", ".join(sorted(unknown))
        raise ConfigError(f"Models with layers of {kinds} cannot share a prompt: set NLQ_MODEL to another.")
    stops = _stops(model, tokenizer)
    return Runtime(
        model=model,
        tokenizer=tokenizer,
        device=model.device,
        vocabulary=config.vocab_size,
        stops=frozenset(stops),
        context=config.max_position_embeddings,
        grammars=Grammars(tokenizer, vocabulary=config.vocab_size, stops=stops),
        takes_cache=cache_argument(model),
    )


def _stops(model: Any, tokenizer: Any) -> list[int]:
    """Every token that the tokenizer, the model or its generation settings call an end, the tokenizer's first."""
    found: list[int] = []
    for value in (tokenizer.eos_token_id, model.generation_config.eos_token_id, model.config.eos_token_id):
        found += value if isinstance(value, list) else [value] if value is not None else []
    if not found:
        raise ConfigError("The model names no end token: set eos_token in its tokenizer_config.json.")
    return list(dict.fromkeys(found))


def _encode(tokenizer: Any, messages: Sequence[dict[str, str]], *, answer: bool) -> list[int]:
    """Token ids of a chat. Control tokens spelled out in a message's text are broken up, so that text stays text."""
    control = [token for token in tokenizer.get_added_vocab() if len(token.strip()) > 1]
    chat = [{**message, "content": _harmless(message["content"], control)} for message in messages]
    text = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=answer)
    return list(tokenizer(text, add_special_tokens=False).input_ids)


def _harmless(content: str, control: Sequence[str]) -> str:
    for token in control:
        content = content.replace(token, f"{token[0]} {token[1:]}")
    return content
