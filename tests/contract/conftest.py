"""Fixtures of the contract tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console


@pytest.fixture(scope="session")
def engine_url() -> Iterator[str]:
    """The URL of a real node: one that runs is used and left running, else one is started for the session."""
    from nlq.elastic import node
    from nlq.settings import default_home

    home = Path(os.environ.get("NLQ_TEST_HOME") or default_home())
    ran = node.status(home) is not None
    yield node.start(home).url
    if not ran:
        node.stop(home)


@pytest.fixture(scope="session")
def model_path() -> Path:
    """The real 1.5B model, fetched once."""
    from nlq.models import DEFAULT_MODEL, fetch
    from nlq.settings import default_home

    home = Path(os.environ.get("NLQ_TEST_HOME") or default_home())
    return fetch(DEFAULT_MODEL, home, console=Console(stderr=True))
