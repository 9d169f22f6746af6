"""Computed heads of prompts on disk, so that a restart of llama.cpp does not compute them again."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

MOST_KEPT = 8
SLOT = 0
"""The slot of llama.cpp that a head is computed in, saved from and restored to."""

_SECONDS = 60.0


class Heads:
    """States of heads in ``folder``, each for one model file, one version of llama.cpp and one text: 28 KiB a token for
    a model of 1.5B. The MOST_KEPT newest stay. All of it is a help: what cannot be read or written is as if not there.
    """

    def __init__(self, folder: Path, *, model: Path) -> None:
        self.folder = folder
        file = model.stat()
        self._maker = [str(model.resolve()), file.st_size, file.st_mtime_ns, version("xllamacpp")]

    def restore(self, messages: Sequence[Any], *, url: str, key: str) -> bool:
        """Put the state of these chat messages into the server at ``url`` (its root); False where there is none that it
        takes."""
        name = self._name(messages)
        return (self.folder / name).is_file() and _ask("restore", name, url=url, key=key)

    def save(self, messages: Sequence[Any], *, url: str, key: str) -> None:
        """Keep what the server has computed of these messages."""
        name = self._name(messages)
        part = f"{name}.{os.getpid()}.part"
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            if _ask("save", part, url=url, key=key):
                (self.folder / part).replace(self.folder / name)
            self._thin()

    def _name(self, messages: Sequence[Any]) -> str:
        return hashlib.sha256(json.dumps([self._maker, list(messages)]).encode()).hexdigest()[:32] + ".state"

    def _thin(self) -> None:
        newest_last = sorted(self.folder.glob("*.state*"), key=lambda file: file.stat().st_mtime)
        for file in newest_last[:-MOST_KEPT]:
            file.unlink(missing_ok=True)


def _ask(action: Literal["save", "restore"], name: str, *, url: str, key: str) -> bool:
    """Whether llama.cpp's own server has done it: its Python binding has no call for it."""
    import httpx

    asked = f"{url}/slots/{SLOT}?action={action}"
    try:
        answer = httpx.post(
            asked,
            json={"filename": name},
            headers={"Authorization": f"Bearer {key}"},
            timeout=_SECONDS,
            trust_env=False,
        )
    except httpx.HTTPError:
        return False
    return answer.is_success
