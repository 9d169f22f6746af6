"""Questions with queries known to be right, kept in SQLite and found by the nearness of their patterns."""

from examples_db.embed import Embedder, SentenceEmbedder
from examples_db.mask import mask
from examples_db.store import SqliteStore, seed

__all__ = ["Embedder", "SentenceEmbedder", "SqliteStore", "mask", "seed"]
