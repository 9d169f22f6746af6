"""Selection rules: from verdicts, in the order of sampling, to a Ballot.

What they share: empty results lead only where all are empty; ties go to more distinct queries, then to the higher mean
log-probability, then to the first sampled; failed candidates count against the leader. Edits ("neighbours") join the
groups of their results without a vote: only ``best`` and ``scored`` let one lead that no sample supports.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean

from nlq.types import Ballot, Group, Outcome, Verdict
from nlq.vote.content import content
from nlq.vote.groups import by_result, by_text, entropy, is_sampled, votes
from nlq.vote.likeness import closeness
from nlq.vote.queries import query_texts
from nlq.vote.results import is_empty

Rule = Callable[[Sequence[Verdict]], Ballot]

_Group = Sequence[Verdict]


def vote(verdicts: Sequence[Verdict]) -> Ballot:
    """The largest group of equal results first; confidence is its share of all sampled candidates."""
    return _elected(verdicts, by_result(verdicts), weight=votes, total=votes(verdicts))


def weighted(verdicts: Sequence[Verdict]) -> Ballot:
    """As ``vote``, with each vote weighing exp(mean log-probability); confidence is the leader's share of the weight
    of all sampled candidates."""
    return _elected(verdicts, by_result(verdicts), weight=_likelihood, total=_likelihood(verdicts))


def text(verdicts: Sequence[Verdict]) -> Ballot:
    """The commonest query first, whatever the results: equal results of two queries are two groups."""
    return _elected(verdicts, by_text(verdicts), weight=votes, total=votes(verdicts))


def mbr(verdicts: Sequence[Verdict]) -> Ballot:
    """The group most like all sampled candidates first (minimum Bayes risk under ``likeness``); confidence is its mean
    likeness to them, failed ones being like none."""
    groups = by_result(verdicts)
    says = {id(g): (content(g[0]), votes(g)) for g in groups if votes(g)}
    support = {
        name: math.fsum(count * closeness(own, other) for other, count in says.values())
        for name, (own, _) in says.items()
    }
    return _elected(verdicts, groups, weight=lambda g: support.get(id(g), 0.0), total=votes(verdicts))


def first(verdicts: Sequence[Verdict]) -> Ballot:
    """The group of the first sampled candidate that found something leads; else of the first that executed. The others
    follow as ``vote`` ranks them."""
    ballot = vote(verdicts)
    executed = [v for v in verdicts if v.outcome is Outcome.EXECUTED and is_sampled(v)]
    passing = next((v for v in executed if not is_empty(v)), next(iter(executed), None))
    if passing is None:
        return ballot
    leads = next(g for g in ballot.groups if any(v is passing for v in g.verdicts))
    place = next(i for i, v in enumerate(leads.verdicts) if v is passing)
    own = (passing, *leads.verdicts[:place], *leads.verdicts[place + 1 :])
    others = (g.verdicts for g in ballot.groups if g is not leads)
    return _ballot((own, *others), verdicts, confidence=votes(own) / votes(verdicts))


def best(verdicts: Sequence[Verdict]) -> Ballot:
    """The candidate of the highest score leads with its group, and its score is the confidence. Where an executed
    candidate has no score: the sampled one of the highest mean log-probability, with the confidence of ``vote``."""
    if _is_scored(verdicts):
        return _by_score(verdicts, weight=lambda group: max(_scores(group)))
    groups = by_result(verdicts)
    return _elected(verdicts, groups, weight=_highest, total=0, speaks=lambda v: -v.candidate.logprob)


def scored(verdicts: Sequence[Verdict]) -> Ballot:
    """The group with the largest sum of scores first, spoken for by its best, whose score is the confidence. Where an
    executed candidate has no score: as ``weighted``."""
    if not _is_scored(verdicts):
        return weighted(verdicts)
    return _by_score(verdicts, weight=lambda group: math.fsum(_scores(group)))


RULES: Mapping[str, Rule] = {
    "vote": vote,
    "first": first,
    "weighted": weighted,
    "scored": scored,
    "best": best,
    "mbr": mbr,
    "text": text,
}
"""What ``select`` may name."""


def _elected(
    verdicts: Sequence[Verdict],
    groups: Iterable[_Group],
    *,
    weight: Callable[[_Group], float],
    total: float,
    speaks: Callable[[Verdict], float] = lambda v: 0.0,
) -> Ballot:
    """Groups that have votes, heaviest first; then the others. The leader's confidence is its share of ``total``, of
    the votes where that is 0."""
    ranked = sorted(groups, key=lambda g: (votes(g) == 0, *_rank(g, weight(g))))
    confidence = 0.0
    if ranked and votes(ranked[0]):
        confidence = weight(ranked[0]) / total if total else votes(ranked[0]) / votes(verdicts)
    members = (_spokesman_first(g, key=lambda v: (not is_sampled(v), speaks(v))) for g in ranked)
    return _ballot(members, verdicts, confidence=confidence)


def _by_score(verdicts: Sequence[Verdict], *, weight: Callable[[_Group], float]) -> Ballot:
    ranked = sorted(by_result(verdicts), key=lambda g: _rank(g, weight(g)))
    members = [_spokesman_first(g, key=lambda v: (-(v.score or 0.0), not is_sampled(v))) for g in ranked]
    return _ballot(members, verdicts, confidence=(members[0][0].score or 0.0) if members else 0.0)


def _ballot(groups: Iterable[_Group], verdicts: Sequence[Verdict], *, confidence: float) -> Ballot:
    made = tuple(Group(tuple(g)) for g in groups)
    return Ballot(made, of=votes(verdicts), confidence=confidence, entropy=entropy(votes(g.verdicts) for g in made))


def _rank(group: _Group, weight: float) -> tuple[bool, float, int, float]:
    sampled = [v for v in group if is_sampled(v)]
    queries = set(query_texts(v.query for v in sampled))
    mean = fmean(v.candidate.logprob for v in sampled or group)
    return (is_empty(group[0]), -weight, -len(queries), -mean)


def _spokesman_first(group: _Group, *, key: Callable[[Verdict], tuple[float, ...]]) -> tuple[Verdict, ...]:
    """By ``key``; else the commonest query of a group speaks for it (equal documents can show different fields)."""
    if len(group) == 1:
        return tuple(group)
    texts = query_texts(v.query for v in group)

    def rank(place: int) -> tuple[float, ...]:
        return (*key(group[place]), -texts.count(texts[place]), -group[place].candidate.logprob)

    return tuple(group[place] for place in sorted(range(len(group)), key=rank))


def _likelihood(group: _Group) -> float:
    return math.fsum(math.exp(v.candidate.logprob) for v in group if is_sampled(v))


def _highest(group: _Group) -> float:
    return max((v.candidate.logprob for v in group if is_sampled(v)), default=-math.inf)


def _is_scored(verdicts: Iterable[Verdict]) -> bool:
    return all(v.score is not None for v in verdicts if v.outcome is Outcome.EXECUTED)


def _scores(group: _Group) -> list[float]:
    return [v.score or 0.0 for v in group]
