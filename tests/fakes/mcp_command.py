"""``nlq mcp`` over the fixture index and recorded candidates, as a process of its own; a library in it is talkative."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from nlq.bootstrap import load_sampler
from nlq.cli.root import main
from nlq.settings import Settings
from nlq.translator import Translator
from nlq.types import SamplingParams
from tests.fakes.store import FakeStore
from tests.support import library_engine

PARAMS = SamplingParams(n=2)


class TalkativeStore(FakeStore):
    def warm(self) -> None:
        print("loading …")  # noqa: T201  # what standard output must not hear

    def nearest(self, *args: Any, **kwargs: Any) -> Any:
        os.write(1, b"searching ...\n")
        return super().nearest(*args, **kwargs)


@contextmanager
def opened(settings: Settings, **_: object) -> Iterator[Translator]:
    yield Translator(library_engine(), load_sampler(settings), TalkativeStore(), params=PARAMS)


if __name__ == "__main__":
    with patch("nlq.bootstrap.open_translator", opened):
        main()
