"""``nlq serve`` with an embedder that needs no weights, so that it starts in seconds; all else is as users run it."""

from __future__ import annotations

from unittest.mock import patch

from nlq.cli.root import main
from nlq.settings import Settings
from tests.fakes.embedder import HashEmbedder


def load_embedder(settings: Settings) -> HashEmbedder:
    del settings
    return HashEmbedder()


if __name__ == "__main__":
    with patch("nlq.bootstrap.load_embedder", load_embedder):
        main()
