"""What a pattern or a tree of aggregations costs the cluster, as far as the body tells."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping

from nlq.policy.grammar import COUNTED, HISTOGRAMS, RANGES, SINGLE_BUCKET, SIZED
from nlq.policy.limits import PolicyLimits
from nlq.policy.refusal import shown

OPTIONS: Mapping[str, str] = {
    "max_expansions": "expansions",
    "max_query_terms": "expansions",
    "max_determinized_states": "determinized_states",
    "k": "candidates",
    "num_candidates": "candidates",
    "window_size": "candidates",
    "shard_size": "buckets",
    "initial_buffer": "buckets",
    "compression": "compression",
}
"""Options with a cap: the field of ``PolicyLimits`` that holds it."""

_DEFAULT_SIZE = 10
_DEFAULT_TOP_HITS = 3
_OPERATORS = frozenset("*?.+|{[(~&<@#")
_REPEAT = re.compile(r"\{(\d*),?(\d*)\}")
_ESCAPED = re.compile(r"\\.", re.DOTALL)


def number(value: object, default: float = 0) -> float:
    """A number as Elasticsearch reads it: numeric strings too. What is none costs nothing and is refused there."""
    if isinstance(value, bool):
        return default
    if isinstance(value, int | float):
        return value
    try:
        found = float(value) if isinstance(value, str) else default
    except ValueError:
        return default
    return default if math.isnan(found) else found


def pattern_problem(pattern: str, limits: PolicyLimits) -> str | None:
    """Why a wildcard, a regular expression or a prefix is too dear."""
    if len(pattern) > limits.pattern_chars:
        return f"a pattern has more than {limits.pattern_chars} characters: shorten '{shown(pattern)}'"
    plain = _ESCAPED.sub("", pattern)
    if sum(char in _OPERATORS for char in plain) > limits.pattern_operators:
        return f"a pattern has more than {limits.pattern_operators} operators: simplify '{shown(pattern)}'"
    repeats = math.prod(max(int(low or 1), int(high or 1), 1) for low, high in _REPEAT.findall(plain))
    if repeats > limits.repetitions:
        return f"the repetitions of a pattern multiply to more than {limits.repetitions}: simplify '{shown(pattern)}'"
    return None


def aggregations_problem(aggs: object, limits: PolicyLimits) -> str | None:
    """Why the tree below ``aggs`` is too deep or asks for too much."""
    return next(_problems(aggs, limits, level=1, above=1), None) or (
        f"the aggregations ask for more than {limits.buckets} buckets: lower their sizes"
        if _buckets(aggs) > limits.buckets
        else None
    )


def _problems(aggs: object, limits: PolicyLimits, *, level: int, above: float) -> Iterator[str]:
    for agg in _each(aggs):
        if level > limits.aggregation_depth:
            yield f"aggregations nest deeper than {limits.aggregation_depth} levels: leave some out"
            return
        if isinstance(hits := agg.get("top_hits"), Mapping):
            documents = above * number(hits.get("size"), _DEFAULT_TOP_HITS)
            if documents > limits.top_documents:
                yield f"top_hits asks for more than {limits.top_documents} documents in all buckets: lower the sizes"
        inside = above * max(_own(agg), 1)
        for key in ("aggs", "aggregations"):
            yield from _problems(agg.get(key), limits, level=level + 1, above=inside)


def _buckets(aggs: object) -> float:
    """Buckets asked for: those of each aggregation, and again for each of them those below."""
    return sum(_own(agg) * (1 + _buckets(agg.get("aggs")) + _buckets(agg.get("aggregations"))) for agg in _each(aggs))


def _each(aggs: object) -> list[Mapping[str, object]]:
    return [agg for agg in aggs.values() if isinstance(agg, Mapping)] if isinstance(aggs, Mapping) else []


def _own(agg: Mapping[str, object]) -> float:
    return max((_of_kind(kind, value) for kind, value in agg.items() if isinstance(value, Mapping)), default=0)


def _of_kind(kind: str, value: Mapping[str, object]) -> float:
    """Buckets of one aggregation, 0 where it makes none; what the body does not tell counts as one."""
    if kind in SIZED:
        return max(number(value.get("size"), 1 if kind.endswith("grid") else _DEFAULT_SIZE), 1)
    if kind in COUNTED:
        return max(number(value.get("buckets"), _DEFAULT_SIZE), 1)
    if kind in RANGES:
        return _length(value.get("ranges"))
    if kind == "filters":
        return _length(value.get("filters")) + 1
    if kind == "adjacency_matrix":
        filters = _length(value.get("filters"))
        return filters * (filters + 1) / 2
    return 1 if kind in HISTOGRAMS or kind in SINGLE_BUCKET else 0


def _length(value: object) -> int:
    return len(value) if isinstance(value, list | Mapping) else 0
