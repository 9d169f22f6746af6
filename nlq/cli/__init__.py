"""The command ``nlq``."""

from nlq.cli.root import main

__all__ = ["main"]
