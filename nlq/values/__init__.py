"""Values of the index that a question names, and values of a body that the index lacks.

Small models invent values ("sci-fi" for "Science Fiction") and turn printed sample values into filters nobody asked
for. So the values that the question itself mentions are looked up and only these are shown to the model; after
decoding, terms that do not exist become those they clearly mean. All of it is pure: ``lookup`` says what to ask the
engine in one call, ``Lookup.read`` takes the answers, ``link`` and ``repair`` work on what was read.
"""

from nlq.values.catalog import Catalog
from nlq.values.links import link
from nlq.values.lookup import KINDS, SHOWN, Kind, Lookup, Seen, lookup
from nlq.values.repairs import repair

__all__ = ["KINDS", "SHOWN", "Catalog", "Kind", "Lookup", "Seen", "link", "lookup", "repair"]
