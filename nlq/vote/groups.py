"""Groups of candidates and what they count. An edit of a sampled candidate is no sample of its own: it has no vote."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Sequence

from nlq.types import Outcome, Verdict
from nlq.vote.queries import query_text
from nlq.vote.results import result_key


def is_sampled(verdict: Verdict) -> bool:
    """Whether the model wrote the candidate, at first or at a second look."""
    return verdict.candidate.sampled


def votes(verdicts: Iterable[Verdict]) -> int:
    """How many of them the model wrote."""
    return sum(map(is_sampled, verdicts))


def by_result(verdicts: Iterable[Verdict]) -> list[list[Verdict]]:
    """Executed candidates of equal results together, in the order of their first ones."""
    return _together(verdicts, result_key)


def by_text(verdicts: Iterable[Verdict]) -> list[list[Verdict]]:
    """Executed candidates of equal queries together, in the order of their first ones."""
    return _together(verdicts, lambda v: query_text(v.query or {}))


def entropy(sizes: Iterable[float]) -> float:
    """Shannon's over groups of these sizes, in bits; 0 where there is none."""
    some = [size for size in sizes if size > 0]
    total = math.fsum(some)
    return math.fsum(size / total * math.log2(total / size) for size in some)


def shares(verdicts: Sequence[Verdict]) -> tuple[float, ...]:
    """For each verdict the share of all sampled candidates, failed ones too, whose results equal its own (0..1).

    0 for a failed one, and for an edit that leads where no sample does.
    """
    of = votes(verdicts)
    share = {id(v): votes(group) / of for group in by_result(verdicts) for v in group} if of else {}
    return tuple(share.get(id(v), 0.0) for v in verdicts)


def _together(verdicts: Iterable[Verdict], key: Callable[[Verdict], Hashable]) -> list[list[Verdict]]:
    """A list is searched, not a mapping: a key within the tolerance of two others would join either of them as their
    hashes say. Candidates of one text share their query and result, and so need one key."""
    groups: list[tuple[Hashable, list[Verdict]]] = []
    known: dict[tuple[int, int], list[Verdict]] = {}
    for verdict in verdicts:
        if verdict.outcome is not Outcome.EXECUTED:
            continue
        same = (id(verdict.query), id(verdict.result))
        if same not in known:
            known[same] = _group_of(key(verdict), groups)
        known[same].append(verdict)
    return [members for _, members in groups]


def _group_of(key: Hashable, groups: list[tuple[Hashable, list[Verdict]]]) -> list[Verdict]:
    """The members of that key, in a new group where there is none."""
    found = next((members for known, members in groups if known == key), None)
    if found is None:
        found = []
        groups.append((key, found))
    return found
