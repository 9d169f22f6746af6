"""Indices with real content to try things on: films, scientific articles, books (docs/demo-data.md)."""

from nlq.demo.load import DEMOS, Demo, load_demos

__all__ = ["DEMOS", "Demo", "load_demos"]
