"""How far two results agree where they are not equal."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from statistics import fmean
from typing import TypeVar

from nlq.types import Verdict
from nlq.vote.content import Aggregations, Bucket, Buckets, Content, Count, Documents, Numbers, content, listed, single
from nlq.vote.tolerance import Number, Unordered

_COUNTED = 0.5
"""A list and the number of its items answer one question in two ways, one of them likely not the one asked for."""

T = TypeVar("T")
Like = Callable[[T, T], float]


def likeness(one: Verdict, other: Verdict) -> float:
    """Soft agreement of the results of two executed verdicts: 0..1, symmetric, 1 where their keys are equal.

    Documents: shared of all (Jaccard); where both queries sort, the mean of that over every depth (average overlap,
    Fagin et al. 2003). Buckets: the same by key, each shared one by the closeness of its numbers. Numbers: one minus
    the relative difference, 0 across signs. Several aggregations: each with the one most like it. A list and a number
    that counts it: 0.5. Other shapes: 0. ValueError where one has not executed.
    """
    return closeness(content(one), content(other))


def closeness(a: Content, b: Content) -> float:
    """``likeness`` of what two results say."""
    return 1.0 if a == b else _best_matches(_parts(a), _parts(b), _between)


def _parts(item: Content) -> tuple[Content, ...]:
    """What is to be compared: a lone bucket around other aggregations says what they say."""
    if isinstance(item, Aggregations):
        return tuple(part for inner in _contents(item.items) for part in _parts(inner))
    if isinstance(item, Bucket) and single(item):
        return _parts(item.below) or (_number(item.count),)
    return (_number(item.total),) if isinstance(item, Count) else (item,)


def _between(a: Content, b: Content) -> float:
    match a, b:
        case Documents(), Documents():
            return _overlap(_ids(a), _ids(b), ordered=_ordered(a.ids, b.ids), like=_same)
        case Buckets(), Buckets():
            return _overlap(_named(a), _named(b), ordered=_ordered(a.items, b.items), like=_buckets)
        case Numbers(), Numbers():
            return _best_matches(tuple(a.values), tuple(b.values), _near)
    counted = listed(a)
    return _COUNTED if counted and counted == listed(b) and Numbers in (type(a), type(b)) else 0.0


def _overlap(
    one: Sequence[tuple[Hashable, T]], other: Sequence[tuple[Hashable, T]], *, ordered: bool, like: Like[T]
) -> float:
    """The shared items' likeness among all items: at the end or, where ``ordered``, on average over all depths."""
    if not one and not other:
        return 1.0
    seen: tuple[dict[Hashable, T], dict[Hashable, T]] = ({}, {})
    shares: list[float] = []
    worth, shared = 0.0, 0
    for depth in range(max(len(one), len(other))):
        for own, others, items in ((seen[0], seen[1], one), (seen[1], seen[0], other)):
            if depth < len(items):
                name, item = items[depth]
                own[name] = item
                if name in others:
                    worth, shared = worth + like(item, others[name]), shared + 1
        shares.append(worth / (len(seen[0]) + len(seen[1]) - shared))
    return fmean(shares) if ordered else shares[-1]


def _best_matches(one: Sequence[T], other: Sequence[T], like: Like[T]) -> float:
    """The mean over the items of both sides of how like the most similar item of the other side is."""
    if not one or not other:
        return float(len(one) == len(other))
    table = [[like(a, b) for b in other] for a in one]
    best = [max(row) for row in table] + [max(column) for column in zip(*table, strict=True)]
    return fmean(best)


def _buckets(a: Bucket, b: Bucket) -> float:
    count = _near(Number(a.count), Number(b.count))
    inside, others = _parts(a.below), _parts(b.below)
    return fmean((count, _best_matches(inside, others, _between))) if inside or others else count


def _near(a: Hashable, b: Hashable) -> float:
    if a == b:
        return 1.0
    if not isinstance(a, Number) or not isinstance(b, Number) or not math.isfinite(a.value - b.value):
        return 0.0
    return max(0.0, 1 - abs(a.value - b.value) / max(abs(a.value), abs(b.value)))


def _same(a: object, b: object) -> float:
    return float(a == b)


def _ids(item: Documents) -> list[tuple[Hashable, Hashable]]:
    return [(i, i) for i in item.ids]


def _named(item: Buckets) -> list[tuple[Hashable, Bucket]]:
    """By name; those that have none, as of filters in a list, by their places. Numbers are exact here, as those of one
    hash make slow names."""
    seen: Counter[Hashable] = Counter()
    named: list[tuple[Hashable, Bucket]] = []
    for bucket in _contents(item.items):
        if isinstance(bucket, Bucket):
            name = tuple(part.value if isinstance(part, Number) else part for part in bucket.name)
            named.append(((*name, seen[name]), bucket))
            seen[name] += 1
    return named


def _ordered(*items: tuple[Hashable, ...] | Unordered) -> bool:
    return not any(isinstance(i, Unordered) for i in items)


def _contents(items: Iterable[Hashable]) -> Iterable[Content]:
    return (i for i in items if isinstance(i, Content))


def _number(value: int) -> Numbers:
    return Numbers(Unordered((Number(value),)))
