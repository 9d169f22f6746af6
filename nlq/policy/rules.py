"""What is refused and why, as one table; docs/policy.md shows it.

The policy knows the Query DSL by position (``nlq.policy.grammar``), so a rule speaks of a DSL key, never of a field, an
aggregation or a value that happens to be named like it. Search keys, queries and aggregations that neither the grammar
nor this table knows are refused as well: the policy fails closed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Place(StrEnum):
    """Where a key stands."""

    ANYWHERE = "any DSL key"
    SEARCH = "search key"
    QUERY = "query"
    AGGREGATION = "aggregation"
    OPTION = "option"


@dataclass(frozen=True, slots=True)
class Rule:
    """``keys`` may not stand at ``place``; ``instead`` is the fix."""

    place: Place
    keys: tuple[str, ...]
    why: str
    instead: str

    def says(self, key: str) -> str:
        return f"{key} is not allowed: {self.why}; {self.instead}"


def _rule(place: Place, keys: str, why: str, instead: str) -> Rule:
    return Rule(place, tuple(keys.split()), why, instead)


RULES: tuple[Rule, ...] = (
    _rule(
        Place.ANYWHERE,
        "script scripts _script script_score script_fields script_heuristic scripted_metric init_script map_script "
        "combine_script reduce_script minimum_should_match_script lang",
        "scripts run code on the cluster",
        "use a field, field_value_factor, or a closed expression in bucket_selector, bucket_script or moving_fn",
    ),
    _rule(
        Place.ANYWHERE,
        "runtime_mappings",
        "runtime fields run code and shadow the index's own fields",
        "name fields of the index",
    ),
    _rule(
        Place.ANYWHERE,
        "include_unmapped",
        "it returns what the mapping, and so the schema, does not list",
        "name fields of the index",
    ),
    _rule(
        Place.ANYWHERE,
        "stored_fields",
        "stored fields bypass what `_source` is limited to",
        "use _source or fields",
    ),
    _rule(
        Place.ANYWHERE,
        "pit scroll slice",
        "it holds resources on the cluster after the answer, or names another index",
        "page with from and size or search_after",
    ),
    _rule(Place.ANYWHERE, "indices_boost", "the index comes from the address alone", "leave it out"),
    _rule(Place.ANYWHERE, "indexed_shape", "it reads a document of another index", "write the shape itself"),
    _rule(
        Place.ANYWHERE,
        "query_vector_builder inference_id model_id model_text learning_to_rank",
        "it calls a model that the cluster hosts",
        "give query_vector",
    ),
    _rule(
        Place.ANYWHERE,
        "retriever rank sub_searches",
        "retrievers can call other services and read other indices",
        "use query and knn",
    ),
    _rule(
        Place.ANYWHERE,
        "ext",
        "it belongs to plug-ins that this policy cannot know",
        "leave it out",
    ),
    _rule(
        Place.ANYWHERE,
        "profile explain",
        "the answer grows with every clause and document and shows the cluster's internals",
        "read the query's readback",
    ),
    _rule(
        Place.ANYWHERE,
        "hdr",
        "an HDR histogram takes memory per bucket that no circuit breaker counts: 1,000 buckets with 5 digits ended a "
        "node with a heap of 1 GB",
        "leave it out; percentiles then keep t-digests",
    ),
    _rule(Place.SEARCH, "suggest", "it lists terms of fields whatever the query filters", "use a match with fuzziness"),
    _rule(Place.SEARCH, "stats", "every new name makes the cluster keep statistics for ever", "leave it out"),
    _rule(
        Place.SEARCH,
        "index indices routing preference",
        "the index comes from the address alone",
        "ask the index in the address",
    ),
    _rule(
        Place.ANYWHERE,
        "query_string",
        "its syntax names fields, patterns and ranges that no check sees",
        "use simple_query_string, match or bool",
    ),
    _rule(Place.ANYWHERE, "wrapper", "its Base64 hides a query from every check", "write the query itself"),
    _rule(
        Place.ANYWHERE,
        "percolate",
        "it runs stored queries and reads documents of other indices",
        "use more_like_this or match",
    ),
    _rule(
        Place.ANYWHERE,
        "pinned rule rule_query",
        "it reads documents or rules kept outside the index",
        "use ids in a bool's should with a boost",
    ),
    _rule(
        Place.ANYWHERE,
        "semantic text_expansion weighted_tokens",
        "it calls a model that the cluster hosts",
        "use match, knn, or sparse_vector with query_vector",
    ),
    _rule(Place.QUERY, "type common template", "Elasticsearch no longer has it", "use match or term"),
    _rule(Place.AGGREGATION, "inference", "it calls a model that the cluster hosts", "use metrics of fields"),
    _rule(Place.AGGREGATION, "moving_avg", "Elasticsearch no longer has it", "use moving_fn"),
    _rule(Place.OPTION, "query", "a sparse_vector with query asks a model that the cluster hosts", "give query_vector"),
    _rule(
        Place.OPTION,
        "categorization_analyzer",
        "an analyzer made for one request can hold a regular expression without bounds",
        "leave it out",
    ),
)

BY_PLACE: dict[Place, dict[str, Rule]] = {
    place: {key: rule for rule in RULES if rule.place is place for key in rule.keys} for place in Place
}

SHAPES: tuple[tuple[str, str, str], ...] = (
    (
        "`script` outside bucket_selector, bucket_script and moving_fn, or in them other than a closed expression",
        "scripts run code on the cluster",
        'write a string such as "params.a > 5"',
    ),
    (
        '`terms` with an object: {"index", "id", "path"}',
        "a terms lookup reads a document of another index",
        "list the values",
    ),
    (
        "`like` or `unlike` with `_index`, `doc`, or anything but texts and `_id`",
        "it reads a document of another index",
        'write texts or {"_id": "…"}',
    ),
    (
        "a metadata field (`_index`, `_routing`, `_ignored`, `_field_names`, `_seq_no`, `_tier`, …), or a pattern that "
        "matches one; `_id` as a value that is sorted by or aggregated",
        "they tell of the cluster, not of the documents; values of `_id` are held on the heap",
        "name a field of the index; queries may name `_id`, sorts `_score` and `_doc`",
    ),
    (
        "a field, an object or a pattern that the index does not list (where the caller passes its fields)",
        "what the schema does not list cannot be asked",
        "name a field of the index",
    ),
    (
        "a search key, query or aggregation that this policy does not know",
        "it fails closed",
        "use those listed below",
    ),
)
"""What no single key tells: (shape, why, instead). The checks stand in ``nlq.policy.visit``."""

METADATA = frozenset(
    "_index _routing _ignored _ignored_source _field_names _seq_no _primary_term _version _tier _type _size _doc_count "
    "_source _nested_path _tsid _ts_routing_hash _feature _uid _parent _data_stream_timestamp _inference_fields "
    "_recovery_source _all _timestamp _ttl _shard_doc _slice".split()
)
"""Fields that Elasticsearch keeps of its own."""
