"""Samples that share every beginning they have in common, not the prompt alone.

At a low temperature most samples of a question are the same text for most of its length. So what a model says of a
beginning is asked once, kept in a tree, and every sample that comes past draws from it with numbers of its own: n
samples cost what their different texts cost, and further samples of the same prompt only what is new in them. Each
sample is drawn as if it were alone, but that rare tokens may be left out, mostly a hundredth of the weight at a place.
Text that the grammar leaves no choice about is taken over without asking.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from nlq.errors import SamplerError
from nlq.samplers.request import mean_logprob
from nlq.types import Candidate, SamplingParams

if TYPE_CHECKING:
    from llguidance import LLMatcher
    from numpy.typing import NDArray

FEW, MORE, ALL = 128, 1024, 1 << 20
"""How many of the likeliest tokens are asked for; more where the grammar allows too little of them."""
_MAY_LACK = {0: -math.inf, FEW: math.log(0.01), MORE: math.log(0.5)}
"""How much may be left out, in times of what the grammar allows of these, as a logarithm. All tokens take llama.cpp two
seconds."""
_STEP, _SAMPLE = 0.6, 0.4
"""What a token of n samples costs that are decoded together, in times of one alone: _STEP + _SAMPLE * n (llama.cpp, two
cores, 1 to 8 samples)."""
_HEAD_START = 10.0
"""Requests that are risked before a tree is given up."""
_WORDS_END = re.compile(r".*[^\W_](?=[\W_])", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Token:
    """A token that may come next, with its natural log-probability. ``data`` is empty for control tokens."""

    id: int
    data: bytes
    logprob: float


@dataclass(frozen=True, slots=True)
class Piece:
    """A token of a text. ``logprob`` is None where the grammar left no choice."""

    id: int
    data: bytes
    logprob: float | None = None


class Model(Protocol):
    """What a tree asks of a language model whose prompt is given."""

    def next(self, tokens: Sequence[int], most: int) -> Sequence[Token]:
        """The ``most`` likeliest tokens behind the prompt and ``tokens``, likeliest first."""

    def spell(self, text: str) -> Sequence[Piece]:
        """The tokens of a text, none of them a control token."""


class ByteGrammar:
    """A grammar over bytes, so that it needs no vocabulary. Raises SamplerError where llguidance cannot compile it."""

    def __init__(self, grammar: str) -> None:
        from llguidance import LLMatcher, LLTokenizer

        self._start = LLMatcher(LLTokenizer("byte"), grammar)
        if self._start.is_error():
            raise SamplerError(f"The schema cannot guide decoding: {self._start.get_error().splitlines()[0]}.")

    def after(self, text: bytes) -> LLMatcher:
        """A matcher behind ``text``, which the grammar allows."""
        matcher = self._start.deep_copy()
        if text and not matcher.consume_tokens(list(text)):
            raise SamplerError(f"The grammar of the query schema gave up: {matcher.get_error()[:200]}.")
        return matcher


@dataclass(slots=True)
class _Node:
    """A beginning. ``choices`` are what the grammar allows next, likeliest first; a control token among them ends the
    text. ``rest`` bounds what is not among them: the probability of all that was not asked for, and the logarithm of
    the largest one."""

    pieces: tuple[Piece, ...]
    ended: bool = False
    asked: int = 0
    choices: tuple[Token, ...] = ()
    rest: tuple[float, float] = (1.0, 0.0)
    children: dict[int, _Node] = field(default_factory=dict)

    @property
    def text(self) -> bytes:
        return b"".join(piece.data for piece in self.pieces)


class Tree:
    """What a model says below one prompt, as far as it was asked. Not safe to use from two threads at once."""

    def __init__(self, grammar: ByteGrammar) -> None:
        self._grammar = grammar
        self._root: _Node | None = None

    def draw(self, model: Model, params: SamplingParams) -> Iterator[Candidate]:
        """``params.n`` candidates as they end, those of the commonest beginning first. Sample i is fixed by
        ``seed + i``, as far as the model's arithmetic is. Greedy ones are all the same.

        ``logprob`` counts tokens that the grammar forced as certain. Raises what ``model`` raises, SamplerError.
        """
        numbers = [np.random.default_rng(params.seed + i).random(params.max_tokens) for i in range(params.n)]
        waiting = [(self._start(model), tuple(range(params.n)))]
        while waiting:
            node, samples = waiting.pop()
            if node.ended or len(node.pieces) >= params.max_tokens:
                yield from [_candidate(node, most=params.max_tokens)] * len(samples)
                continue
            weights = self._weights(model, node, params)
            taken: defaultdict[int, list[int]] = defaultdict(list)
            for sample in samples:
                taken[_pick(weights, numbers[sample][len(node.pieces)])].append(sample)
            rarest_first = sorted(taken.items(), key=lambda item: len(item[1]))
            waiting += [(self._child(model, node, node.choices[place]), tuple(who)) for place, who in rarest_first]

    def pays(self, model: Model, params: SamplingParams) -> bool:
        """Whether drawing from this tree is likely cheaper than having all samples decoded together, token by token.

        Walks the likeliest text, whose tokens are needed anyway, no further than it takes to see that samples leave it
        too early: one that left costs a request a token. It looks at probabilities alone, never at what was drawn, so
        that samples are as likely as without the question.
        """
        node, stay, ahead = self._start(model), 1.0, _HEAD_START
        while not node.ended and len(node.pieces) < params.max_tokens and ahead > 0:
            weights = self._weights(model, node, params)
            best = int(np.argmax(weights))
            child = self._child(model, node, node.choices[best])
            together = (_STEP + _SAMPLE * params.n) * (len(child.pieces) - len(node.pieces))
            ahead += together - 1 - params.n * (1 - stay)
            node, stay = child, stay * float(weights[best])
        return ahead > 0

    def _start(self, model: Model) -> _Node:
        if self._root is None:
            self._root = self._grown(model, ())
        return self._root

    def _weights(self, model: Model, node: _Node, params: SamplingParams) -> NDArray[np.float64]:
        """The probability of each of the node's choices, which are asked for as far as they are needed."""
        for most in (FEW, MORE, ALL):
            if node.asked < most and _lacking(node, params.temperature) > _MAY_LACK[node.asked]:
                self._look(model, node, most)
        if not node.choices:
            raise SamplerError("The model has no token that the grammar of the query schema allows: choose another.")
        return filtered(np.array([choice.logprob for choice in node.choices]), params)

    def _look(self, model: Model, node: _Node, most: int) -> None:
        found = model.next([piece.id for piece in node.pieces], most)
        matcher = self._grammar.after(node.text)
        ends = matcher.is_accepting()

        def allowed(token: Token) -> bool:
            return bool(matcher.validate_tokens(list(token.data)) == len(token.data) if token.data else ends)

        node.asked = most
        node.choices = tuple(token for token in found if allowed(token))
        left = max(0.0, 1 - math.fsum(math.exp(token.logprob) for token in found))
        node.rest = (left, found[-1].logprob) if len(found) == most else (0.0, 0.0)

    def _child(self, model: Model, node: _Node, token: Token) -> _Node:
        if token.id not in node.children:
            if token.data:
                child = self._grown(model, (*node.pieces, Piece(token.id, token.data, token.logprob)))
            else:
                child = _Node(node.pieces, ended=True)
            node.children[token.id] = child
        return node.children[token.id]

    def _grown(self, model: Model, pieces: tuple[Piece, ...]) -> _Node:
        """The node of these pieces and of what the grammar forces behind them."""
        text = b"".join(piece.data for piece in pieces)
        matcher = self._grammar.after(text)
        forced = bytes(matcher.compute_ff_bytes())
        ended = bool(self._grammar.after(text + forced).is_stopped())
        if not forced:
            return _Node(pieces, ended=ended)
        sure = forced.decode() if ended else _sure(forced.decode("utf-8", "ignore"))
        return _Node((*pieces, *(model.spell(sure) if sure else ())), ended=ended)


def _sure(text: str) -> str:
    """The part of a text whose tokens do not depend on what follows: up to a word with a sign behind it. Tokenizers
    join signs (``":{"``) and letters, and a model that finds them split has not seen such a text before."""
    found = _WORDS_END.match(text)
    return found.group() if found else ""


def filtered(logprobs: NDArray[np.float64], params: SamplingParams) -> NDArray[np.float64]:
    """Probabilities [tokens] of log-probabilities [tokens] that come likeliest first: temperature, then top_k, top_p
    and min_p, as in transformers and vLLM; all of it is the first one's at temperature 0."""
    scaled: NDArray[np.float64]
    if params.temperature == 0:
        scaled = np.zeros(len(logprobs))
        scaled[0] = 1
        return scaled
    scaled = np.exp((logprobs - logprobs[0]) / params.temperature)
    if params.top_k:
        scaled[params.top_k :] = 0
    scaled /= scaled.sum()
    scaled[np.cumsum(scaled) - scaled >= params.top_p] = 0
    scaled[scaled < params.min_p * scaled[0]] = 0
    kept: NDArray[np.float64] = scaled / scaled.sum()
    return kept


def _lacking(node: _Node, temperature: float) -> float:
    """At most so much weight has what was not asked for, in times of the choices' weight at this temperature, as a
    logarithm. (Above 1 by their weights at 1: the tail of a vocabulary is then worth more, and left out.)"""
    if not node.choices:
        return math.inf
    power = 1 / min(temperature, 1.0) if temperature else math.inf
    left, largest = node.rest
    if not left or power == math.inf:
        return -math.inf
    best = node.choices[0].logprob
    known = math.fsum(math.exp((choice.logprob - best) * power) for choice in node.choices)
    # p^power = p * p^(power - 1) <= p * largest^(power - 1), both sides over best^power.
    return math.log(left) + largest * (power - 1) - best * power - math.log(known)


def _pick(weights: NDArray[np.float64], number: float) -> int:
    """The place whose part of the weights ``number``, in 0..1, falls into."""
    place = int(np.searchsorted(np.cumsum(weights), number * weights.sum(), side="right"))
    return min(place, int(np.flatnonzero(weights)[-1]))


def _candidate(node: _Node, *, most: int) -> Candidate:
    pieces = node.pieces[:most]
    text = b"".join(piece.data for piece in pieces).decode("utf-8", "replace")
    complete = node.ended and len(pieces) == len(node.pieces)
    return Candidate(text, mean_logprob([piece.logprob or 0.0 for piece in pieces]), len(pieces), complete)
