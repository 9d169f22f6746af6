"""How much one body may ask for. Every number says why it is what it is; docs/policy.md lists them."""

from __future__ import annotations

from dataclasses import dataclass, field


def _cap(default: int, reason: str) -> int:
    value: int = field(default=default, metadata={"reason": reason})
    return value


@dataclass(frozen=True, slots=True)
class PolicyLimits:
    """The most of each thing, inclusive."""

    body_bytes: int = _cap(32_000, "room for a vector of 1,024 numbers; questions need a few hundred bytes")
    depth: int = _cap(40, "levels of objects and arrays; the checks and Elasticsearch's parser recurse")
    keys: int = _cap(512, "keys of all objects together: what checking a body costs")
    items: int = _cap(5_000, "items of all arrays together: a vector has at most 4,096")
    string_chars: int = _cap(2_000, "characters of one string, as many as a question may have")
    key_chars: int = _cap(512, "characters of one key")
    clauses: int = _cap(128, "queries and aggregations together; each costs the cluster at least one pass")
    window: int = _cap(10_000, "`from` + `size`, as `index.max_result_window`")
    inner_window: int = _cap(100, "`from` + `size` of top_hits and inner_hits, as `index.max_inner_result_window`")
    buckets: int = _cap(
        65_536,
        "buckets asked for by sizes, ranges and filters, multiplied down the levels, as `search.max_buckets`; "
        "histograms count as one, Elasticsearch stops those itself",
    )
    top_documents: int = _cap(
        10_000, "documents of top_hits or inner_hits asked for in all; 10,000 took 1.3 s, 50,000 5.3 s"
    )
    aggregation_depth: int = _cap(8, "levels of aggregations")
    terms: int = _cap(1_024, "values of one list (terms, ids, include)")
    patterns: int = _cap(10, "wildcard, regexp and prefix clauses; one takes up to 0.2 s per 50,000 distinct values")
    pattern_chars: int = _cap(100, "characters of one pattern")
    pattern_operators: int = _cap(
        20,
        "operators (* ? . + | { [ ( ~ & < @ #) of one pattern; what is dearer to compile `max_determinized_states` "
        "stops after 0.4 s. Leading wildcards are allowed: *a*b*c*d* took 0.07 s over 50,000 distinct values",
    )
    repetitions: int = _cap(1_000, "product of a regexp's {n}: nested ones multiply before Elasticsearch counts states")
    determinized_states: int = _cap(10_000, "`max_determinized_states`, Elasticsearch's default")
    expansions: int = _cap(1_000, "`max_expansions` and `max_query_terms`; 1,000 took 0.05 s over 20,000 terms")
    candidates: int = _cap(1_000, "`k`, `num_candidates` and a rescore's `window_size`")
    compression: int = _cap(1_000, "`compression` of percentiles; a digest is kept per bucket and the default is 100")
