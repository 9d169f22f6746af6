"""Choosing among candidates. Pure functions: verdicts in, a Ballot, a yes or no, or a number out.

Two candidates agree when they return the same result: the same documents for a search (in order only where the query
sorts), the same numbers for aggregations whatever they are named. Agreement on results is the stronger signal than
agreement on texts.
"""

from nlq.vote.groups import entropy, shares, votes
from nlq.vote.likeness import likeness
from nlq.vote.queries import query_text
from nlq.vote.results import Key, is_empty, is_everything, result_key
from nlq.vote.rules import RULES, Rule, best, first, mbr, scored, text, vote, weighted
from nlq.vote.stopping import STOPS, Stop, beta, decided, unanimous, window

__all__ = [
    "RULES",
    "STOPS",
    "Key",
    "Rule",
    "Stop",
    "best",
    "beta",
    "decided",
    "entropy",
    "first",
    "is_empty",
    "is_everything",
    "likeness",
    "mbr",
    "query_text",
    "result_key",
    "scored",
    "shares",
    "text",
    "unanimous",
    "vote",
    "votes",
    "weighted",
    "window",
]
