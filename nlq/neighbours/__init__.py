"""Cheap edits of sampled candidates: what a small model writes too much, too little or on the wrong field.

An edit costs no sampling, only a search; its result is verified like any candidate's and counted as a source of its
own. Pure functions.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice, zip_longest

from nlq.canonical import canonical
from nlq.grounding import View
from nlq.json_schema import minified
from nlq.neighbours.edits import AFTER_NOTHING, EDITS, Edit
from nlq.signals.facts import Facts
from nlq.types import Body, Candidate, IndexSchema, Verdict
from nlq.written import as_written

__all__ = ["EDITS", "Edit", "neighbour_candidates", "neighbours"]

_ANY_SIZE = -1


def neighbours(verdict: Verdict, question: str, view: View, *, most: int = 4) -> tuple[tuple[Body, str], ...]:
    """At most ``most`` edits of the verdict's query in the order of EDITS, each with what was changed in words; ()
    where it has no query.

    Bodies are written as a model writes them: whoever runs one finishes it again, which changes nothing but the edit.
    None is the query itself, none comes twice.
    """
    if verdict.query is None:
        return ()
    return tuple(islice(_edited(verdict, question, view, seen=set()), max(most, 0)))


def neighbour_candidates(verdicts: Sequence[Verdict], question: str, view: View, *, most: int) -> tuple[Candidate, ...]:
    """At most ``most`` edits of all these candidates, of those sampled most often first, one of each in turn; their
    queries differ from each other and from the sampled ones. Each has the log-probability of what it is an edit of."""
    sampled = [verdict for verdict in verdicts if verdict.query is not None and verdict.candidate.sampled]
    queries = {id(verdict.query): verdict.query or {} for verdict in sampled}  # candidates of one text share theirs
    keys = {same: _key(query, view.index) for same, query in queries.items()}
    votes = Counter(keys[id(verdict.query)] for verdict in sampled)
    leaders: dict[str, Verdict] = {}
    for verdict in sorted(sampled, key=lambda v: (-votes[keys[id(v.query)]], -v.candidate.logprob)):
        leaders.setdefault(keys[id(verdict.query)], verdict)
    seen = set(leaders)
    turns = [_candidates(verdict, question, view, seen) for verdict in leaders.values()]
    found = (candidate for turn in zip_longest(*turns) for candidate in turn if candidate is not None)
    return tuple(islice(found, max(most, 0)))


def _candidates(verdict: Verdict, question: str, view: View, seen: set[str]) -> Iterator[Candidate]:
    for body, edit in _edited(verdict, question, view, seen=seen):
        yield Candidate(minified(body), verdict.candidate.logprob, origin="neighbour", edit=edit)


def _edited(verdict: Verdict, question: str, view: View, *, seen: set[str]) -> Iterator[tuple[Body, str]]:
    """Edits whose keys are not in ``seen``, which they are added to."""
    facts = Facts.of(verdict, question, view)
    seen.add(_key(facts.body, view.index))
    first = AFTER_NOTHING if facts.found_nothing else ()
    for edit in (EDITS[name] for name in dict.fromkeys((*first, *EDITS))):
        for body, change in edit(facts):
            written = _written(body, view.index)
            if (key := json.dumps(written, sort_keys=True)) not in seen:
                seen.add(key)
                yield written, change


def _key(body: Body, index: IndexSchema) -> str:
    return json.dumps(_written(body, index), sort_keys=True)


def _written(body: Body, index: IndexSchema) -> Body:
    return canonical(as_written(body, max_results=_ANY_SIZE), index)
