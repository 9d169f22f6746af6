"""The canonical spelling of a search body: the query, which documents are shown, the aggregations."""

from __future__ import annotations

from typing import Any

from nlq.canonical.aggregations import Aggregations
from nlq.canonical.names import fixed_names
from nlq.canonical.parts import Scores, one_item, ordered, too_deep
from nlq.canonical.queries import Queries
from nlq.canonical.sorts import by_score, sort_keys, source
from nlq.types import Body, IndexSchema

_WITHOUT_MEANING = frozenset({"track_total_hits", "track_scores", "timeout"})
_OF_HITS = frozenset({"sort", "from", "_source"})
_EXACT = frozenset({"min_score", "knn", "highlight", "rescore", "explain", "retriever", "rank"})
_OTHER_RETRIEVERS = frozenset({"knn", "retriever"})
_KEYS = ("query", "sort", "from", "size", "_source", "aggs")
_MOST_PASSES = 20


def canonical(body: Body, index: IndexSchema) -> Body:
    """``body`` in the spelling of the decoded schema where it has one; what it has none for stays as it is.

    The same documents come back, in the same order where they are sorted, and the same numbers. What only names or
    shows is dropped: names of aggregations and filters (see ``names``), labels and formats of buckets, counting of
    all matches. Scores stay only as far as they decide which documents come first: clauses that score every match
    alike become filters (see ``scores``). Without ``size``, a body with aggregations returns documents too, so none is
    added. Never raises, whatever the body; ``canonical(canonical(b)) == canonical(b)``.
    """
    if too_deep(body):
        return body
    for _ in range(_MOST_PASSES):  # a clause that became simpler can make the one around it simpler
        before, body = body, _once(body, index)
        if body == before:
            break
    return body


def _once(body: Body, index: IndexSchema) -> Body:
    out = {k: v for k, v in body.items() if k not in _WITHOUT_MEANING}
    if "aggregations" in out and "aggs" not in out:
        out["aggs"] = out.pop("aggregations")
    if out.get("aggs") in ({}, None):
        out.pop("aggs", None)
    _page(out, index)
    queries = Queries(index)
    scores = _scores(out)
    if "query" in out or not out.keys() & _OTHER_RETRIEVERS:
        out["query"] = queries.query(out.get("query", {"match_all": {}}), scores)
        _filter_after(out, scores)
    if "post_filter" in out:
        out["post_filter"] = queries.query(out["post_filter"], Scores.UNUSED)
    if "aggs" in out:
        out["aggs"] = fixed_names(Aggregations(index).aggs(out["aggs"]))
    return ordered(out, _KEYS)


def _page(out: Body, index: IndexSchema) -> None:
    """Which documents are shown, in which order."""
    if out.get("size") == 0 and out["size"] is not False and "search_after" not in out:
        for key in _OF_HITS & out.keys():
            del out[key]
    if "sort" in out:
        keys = sort_keys(out.pop("sort"), index, paged="search_after" in out)
        if keys or "search_after" in out:
            out["sort"] = keys or ["_score"]
    if "_source" in out and (shown := source(out.pop("_source"))) is not None:
        out["_source"] = shown
    if out.get("from") == 0:
        del out["from"]


def _scores(out: Body) -> Scores:
    """How the scores of the query are used."""
    if out.keys() & _EXACT:
        return Scores.EXACT
    sorted_otherwise = "sort" in out and "collapse" not in out and not by_score(out["sort"])
    if (out.get("size") == 0 or sorted_otherwise) and not _counts_on_scores(out.get("aggs")):
        return Scores.UNUSED
    return Scores.EXACT if "sort" in out else Scores.ORDER


def _counts_on_scores(aggs: Any) -> bool:
    """Whether an aggregation looks at the best documents only."""
    if not isinstance(aggs, dict):
        return False
    for agg in aggs.values():
        if not isinstance(agg, dict):
            continue
        if agg.keys() & {"sampler", "diversified_sampler"}:
            return True
        for kind in ("top_hits", "top_metrics"):
            inside = agg.get(kind)
            if isinstance(inside, dict) and ("sort" not in inside or "_score" in repr(inside["sort"])):
                return True
        if any(_counts_on_scores(agg.get(key)) for key in ("aggs", "aggregations")):
            return True
    return False


def _filter_after(out: Body, scores: Scores) -> None:
    """A filter after the aggregations filters all where there are none."""
    if (
        "post_filter" not in out
        or scores is Scores.EXACT
        or out.keys() & {"aggs", "aggregations", "knn", "rescore", "collapse"}
    ):
        return
    after = out.pop("post_filter")
    if (found := one_item(out["query"])) and found[0] == "match_all":
        out["query"] = after if scores is Scores.UNUSED else {"bool": {"filter": [after]}}
    else:
        out["query"] = {"bool": {"must": [out["query"]], "filter": [after]}}
