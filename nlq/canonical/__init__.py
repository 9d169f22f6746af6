"""The canonical spelling of search bodies: of the ways to say a thing, the one that the decoded schema writes."""

from nlq.canonical.body import canonical

__all__ = ["canonical"]
