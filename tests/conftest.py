"""Real parts for the tests that need them, started once for a whole run and kept apart from the user's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

if TYPE_CHECKING:
    from tests.secured import Secured

pytest_plugins = ["tests.fixtures.tiny_model"]


@pytest.fixture(scope="session")
def home() -> Path:
    """Where downloads are kept between runs: the same place that the demo uses."""
    from nlq.settings import load_settings

    return load_settings().home


@pytest.fixture(scope="session")
def engine_url(home: Path) -> Iterator[str]:
    """The URL of a real node with data of its own, below ``home``/tests."""
    from nlq.elastic import node

    package = node.fetch(home, console=Console(stderr=True))
    own = home / "tests"
    shared = own / "elasticsearch" / package.name
    shared.parent.mkdir(parents=True, exist_ok=True)
    if not shared.exists():
        shared.symlink_to(package)
    yield node.start(own).url
    node.stop(own)


@pytest.fixture(scope="session")
def secured(home: Path) -> Iterator[Secured]:
    """A real node that asks who its callers are, with the data of ``tests.secured_data``."""
    from tests.secured import secured_node
    from tests.secured_data import fill

    with secured_node(home) as node:
        fill(node)
        yield node


@pytest.fixture(scope="session")
def model_path(home: Path) -> Path:
    """The real 1.5B model, fetched once."""
    from nlq.models import DEFAULT_MODEL, fetch

    return fetch(DEFAULT_MODEL, home, console=Console(stderr=True))
