"""llama.cpp's server as a model that is asked what comes next: the other side of ``Tree``."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from nlq.errors import SamplerError
from nlq.samplers.tree import Piece, Token
from nlq.types import Body

_SECONDS = 60.0
_SPELLED = 4096


class Gone(Exception):
    """Nobody waits for the answer."""


class Texts:
    """Texts as tokens, by the server at ``url`` (its root): its Python binding has no call for it."""

    def __init__(self, url: str, key: str) -> None:
        import httpx

        self._client = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=_SECONDS, trust_env=False
        )
        self.spell = lru_cache(maxsize=_SPELLED)(self._spell)

    def prompt(self, messages: Sequence[Any]) -> list[int]:
        """The tokens of chat messages up to the answer, as the chat endpoint reads them."""
        text = self._ask("/apply-template", {"messages": list(messages)})["prompt"]
        asked = {"content": text, "add_special": True, "parse_special": True}
        return list(self._ask("/tokenize", asked)["tokens"])

    def close(self) -> None:
        self._client.close()

    def _spell(self, text: str) -> tuple[Piece, ...]:
        tokens = self._ask("/tokenize", {"content": text, "with_pieces": True})["tokens"]
        return tuple(Piece(token["id"], _data(token["piece"])) for token in tokens)

    def _ask(self, path: str, body: Body) -> Body:
        import httpx

        try:
            answer = self._client.post(path, json=body).raise_for_status()
        except httpx.HTTPError as exc:
            raise SamplerError(f"llama.cpp does not turn text into tokens ({exc}); start again.") from exc
        found: Body = answer.json()
        return found


class Behind:
    """``Model`` behind the tokens of a prompt. ``ask`` sends a completion request and yields its events; once ``gone``
    is set, asking raises Gone."""

    def __init__(
        self, prompt: Sequence[int], texts: Texts, ask: Callable[[Body], Iterator[Body]], *, gone: threading.Event
    ) -> None:
        self._prompt = list(prompt)
        self._ask = ask
        self._gone = gone
        self._harmless = texts.spell("0")[0].id
        self.spell = texts.spell

    def next(self, tokens: Sequence[int], most: int) -> Sequence[Token]:
        request = {
            "prompt": [*self._prompt, *tokens],
            "n_predict": 1,
            "n_probs": most,
            "temperature": 0,
            # What the server draws is not looked at, but an end or half a character would come without probabilities.
            # These are told from before the bias.
            "logit_bias": [[self._harmless, 1000.0]],
            "cache_prompt": True,
            "stream": True,
            "return_progress": True,
        }
        found: list[Token] = []
        for event in self._ask(request):
            for choice in event.get("choices", ()):
                for place in (choice.get("logprobs") or {}).get("content") or ():
                    found = [Token(t["id"], bytes(t["bytes"]), t["logprob"]) for t in place["top_logprobs"]]
        if self._gone.is_set():
            raise Gone
        if not found:
            raise SamplerError("llama.cpp told no probabilities; is the context (n_ctx) large enough?")
        return found


def _data(piece: str | list[int]) -> bytes:
    """A piece of the server's: a string, or bytes where it is not one."""
    return piece.encode() if isinstance(piece, str) else bytes(piece)
