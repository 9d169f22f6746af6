"""Ask Elasticsearch in plain language with a small local model that is asked many times.

    with nlq.connect() as client:
        answer = client.ask("movies", "films by Tim Burton after 2000")

Names are loaded when they are first used: importing the package is light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nlq.bootstrap import open_translator
    from nlq.client import Client, connect
    from nlq.errors import (
        AccessError,
        BackendError,
        ConfigError,
        InputError,
        NlqError,
        NoAnswerError,
        UnknownIndexError,
    )
    from nlq.run_body import Ran
    from nlq.settings import Settings, load_settings
    from nlq.translator import AskOptions, Translator
    from nlq.types import Answer, Question, Result

__all__ = [
    "AccessError",
    "Answer",
    "AskOptions",
    "BackendError",
    "Client",
    "ConfigError",
    "InputError",
    "NlqError",
    "NoAnswerError",
    "Question",
    "Ran",
    "Result",
    "Settings",
    "Translator",
    "UnknownIndexError",
    "connect",
    "load_settings",
    "open_translator",
]

_HOMES = {
    "bootstrap": ("open_translator",),
    "client": ("Client", "connect"),
    "errors": (
        "AccessError",
        "BackendError",
        "ConfigError",
        "InputError",
        "NlqError",
        "NoAnswerError",
        "UnknownIndexError",
    ),
    "run_body": ("Ran",),
    "settings": ("Settings", "load_settings"),
    "translator": ("AskOptions", "Translator"),
    "types": ("Answer", "Question", "Result"),
}


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"nlq.{module}"), name)
    raise AttributeError(f"module 'nlq' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
