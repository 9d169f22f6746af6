"""Computed beginnings of prompts on disk, so that a restart of llama.cpp does not compute them again."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from nlq.samplers.request import chat_messages
from nlq.samplers.turns import turn
from nlq.types import Message, Prompt

MOST_KEPT = MOST_HELD = 16
SLOT = 0
"""The slot of llama.cpp that a beginning is computed in, saved from and restored to."""

_SECONDS = 60.0


class Heads:
    """States of heads, and of heads with an index, in ``folder``, each for one model file, one version of llama.cpp and
    one text: 28 KiB a token for a model of 1.5B. The MOST_KEPT last used stay. All of it is a help: what cannot be read
    or written is as if not there.
    """

    def __init__(self, folder: Path, *, model: Path, url: str, key: str) -> None:
        """``url`` is the root of llama.cpp's own server, which saves and restores: its Python binding has no call."""
        self.folder = folder
        self._url = url
        self._key = key
        file = model.stat()
        self._maker = [str(model.resolve()), file.st_size, file.st_mtime_ns, version("xllamacpp")]

    def restore(self, messages: Sequence[Any]) -> bool:
        """Put the state of these chat messages into the server; False where there is none that it takes."""
        name = self._name(messages)
        with suppress(OSError):
            os.utime(self.folder / name)
            return self._ask("restore", name)
        return False

    def save(self, messages: Sequence[Any]) -> None:
        """Keep what the server has computed of these messages."""
        name = self._name(messages)
        part = f"{name}.{os.getpid()}.part"
        with suppress(OSError):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self._ask("save", part):
                (self.folder / part).replace(self.folder / name)
            self._thin()

    def _name(self, messages: Sequence[Any]) -> str:
        return hashlib.sha256(json.dumps([self._maker, list(messages)]).encode()).hexdigest()[:32] + ".state"

    def _thin(self) -> None:
        last_used = sorted(self.folder.glob("*.state*"), key=lambda file: file.stat().st_mtime)
        for file in last_used[:-MOST_KEPT]:
            file.unlink(missing_ok=True)

    def _ask(self, action: Literal["save", "restore"], name: str) -> bool:
        """Whether the server has done it."""
        import httpx

        try:
            answer = httpx.post(
                f"{self._url}/slots/{SLOT}?action={action}",
                json={"filename": name},
                headers={"Authorization": f"Bearer {self._key}"},
                timeout=_SECONDS,
                trust_env=False,
            )
        except httpx.HTTPError:
            return False
        return answer.is_success


class Beginnings:
    """What prompts begin with, held by the server: read from ``heads`` where there are any, else computed and kept.

    ``compute`` computes chat messages in SLOT; ``lock`` is held by whoever uses the server.
    """

    def __init__(
        self, compute: Callable[[list[dict[str, str]]], None], heads: Heads | None, *, lock: threading.Lock
    ) -> None:
        self._compute = compute
        self._heads = heads
        self._lock = lock
        self._one_at_a_time = threading.Lock()
        self._held: OrderedDict[tuple[Message, ...], None] = OrderedDict()

    def hold(self, prompt: Prompt) -> None:
        """Nothing happens for a head and index that were among the MOST_HELD last ones."""
        whole = prompt.head + prompt.index
        if not whole or whole in self._held:
            return
        with turn(self._one_at_a_time):
            if not self._restored(whole):
                if prompt.head and not self._restored(prompt.head):
                    self._begin(prompt.head)
                if prompt.index:
                    self._begin(whole)
            self._held[whole] = None
            while len(self._held) > MOST_HELD:
                self._held.popitem(last=False)

    def _begin(self, beginning: tuple[Message, ...]) -> None:
        messages = _opened(beginning)
        self._compute(messages)
        if self._heads is not None:
            with turn(self._lock):
                self._heads.save(messages)

    def _restored(self, beginning: tuple[Message, ...]) -> bool:
        if self._heads is None:
            return False
        with turn(self._lock):
            return self._heads.restore(_opened(beginning))


def _opened(beginning: tuple[Message, ...]) -> list[dict[str, str]]:
    """Many chat templates want a question at the end."""
    return chat_messages(Prompt(head=beginning, shots=(), tail=(Message("user", ""),)))
