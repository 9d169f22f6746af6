"""A deterministic reading of a search body in plain English, so that a person can see what was asked."""

from __future__ import annotations

from nlq.readback.body import sentence
from nlq.readback.words import UNSAID
from nlq.types import Body

__all__ = ["UNSAID", "readback"]


def readback(body: Body, index: str) -> str:
    """One sentence that names every clause, field and value of ``body``; what no phrase knows is shown as JSON.

    Left out are only the keys of UNSAID. Never raises, whatever JSON object ``body`` is.
    """
    return sentence(body, index)
