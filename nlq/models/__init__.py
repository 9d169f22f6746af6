"""Model weights: one content hash, several places to get them from."""

from nlq.models.catalog import CATALOG, DEFAULT_MODEL, Model
from nlq.models.weights import fetch, installed

__all__ = ["CATALOG", "DEFAULT_MODEL", "Model", "fetch", "installed"]
