"""The canonical spelling of queries: compound clauses as plain as they can be, their leaves as ``leaves`` has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nlq.canonical.bools import Bool
from nlq.canonical.leaves import leaf
from nlq.canonical.parts import Scores, mapped, one_item, ordered, without_boost, without_defaults
from nlq.canonical.scores import is_constant
from nlq.types import Body, IndexSchema

_MATCH_ALL: Mapping[str, Any] = {"match_all": {}}


@dataclass(frozen=True, slots=True)
class Queries:
    """Rewrites the queries of one index's bodies. Clauses of unknown shape stay as they are."""

    index: IndexSchema

    def query(self, node: Any, scores: Scores) -> Any:
        found = one_item(node)
        if found is None:
            return node
        if scores is Scores.ORDER and is_constant(node, self.index):
            out = self.query(node, Scores.UNUSED)
            return out if is_constant(out, self.index) else {"bool": {"filter": [out]}}
        kind, content = found
        compound = _COMPOUND.get(kind)
        if compound is None or not isinstance(content, dict):
            return leaf(kind, content, self.index, scores)
        boost_counts = "min_score" in content
        return compound(self, without_boost(content, Scores.EXACT if boost_counts else scores), scores)

    def filters(self, node: Any) -> Any:
        """A filter or a list of them."""
        if isinstance(node, list):
            return [self.query(each, Scores.UNUSED) for each in node]
        return self.query(node, Scores.UNUSED)

    def bool(self, content: Body, scores: Scores) -> Any:
        return Bool(self.index, self.query).clause(content, scores)

    def constant_score(self, content: Body, scores: Scores) -> Any:
        inner = self.query(content.get("filter"), Scores.UNUSED)
        if scores is Scores.UNUSED and content.keys() == {"filter"}:
            return inner
        return {"constant_score": ({**content, "filter": inner} if "filter" in content else content)}

    def dis_max(self, content: Body, scores: Scores) -> Any:
        queries = content.get("queries")
        if not isinstance(queries, list) or not queries:
            return {"dis_max": content}
        if scores is Scores.UNUSED and "_name" not in content:
            return self.bool({"should": queries, "minimum_should_match": 1}, scores)
        if len(queries) == 1 and not content.keys() - {"queries", "tie_breaker"}:
            return self.query(queries[0], scores)
        return {"dis_max": {**content, "queries": [self.query(q, Scores.EXACT) for q in queries]}}

    def boosting(self, content: Body, scores: Scores) -> Any:
        if scores is Scores.UNUSED and "positive" in content and "_name" not in content:
            return self.query(content["positive"], scores)
        parts = {"positive": Scores.EXACT, "negative": Scores.UNUSED}
        return {"boosting": self._inside(content, parts)}

    def function_score(self, content: Body, scores: Scores) -> Any:
        if scores is Scores.UNUSED and not content.keys() & {"min_score", "_name"}:
            return self.query(content.get("query", dict(_MATCH_ALL)), scores)
        out = self._inside(content, {"query": Scores.EXACT})
        if isinstance(functions := out.get("functions"), list):
            filtered = {"filter": Scores.UNUSED}
            out["functions"] = [self._inside(f, filtered) if isinstance(f, dict) else f for f in functions]
        return {"function_score": out}

    def nested(self, content: Body, scores: Scores) -> Any:
        out = without_defaults(content, {"ignore_unmapped": False, "score_mode": "avg"})
        if mapped(out.get("path"), self.index):
            out.pop("ignore_unmapped", None)
        if scores is Scores.UNUSED:
            out.pop("score_mode", None)
        inside = Scores.UNUSED if scores is Scores.UNUSED or out.get("score_mode") == "none" else Scores.EXACT
        out = self._inside(out, {"query": Scores.EXACT if "inner_hits" in out else inside})
        deeper = one_item(out.get("query"))
        inner = deeper[1] if deeper and deeper[0] == "nested" else None
        if scores is Scores.UNUSED and isinstance(inner, dict) and inner.keys() == out.keys() == {"path", "query"}:
            return {"nested": inner}
        return {"nested": ordered(out, ("path", "query"))}

    def has_child(self, content: Body, scores: Scores) -> Any:
        defaults = {"ignore_unmapped": False, "score_mode": "none", "min_children": 1}
        return {"has_child": ordered(self._joined(without_defaults(content, defaults), scores), ("type", "query"))}

    def has_parent(self, content: Body, scores: Scores) -> Any:
        defaults = {"ignore_unmapped": False, "score": False}
        joined = self._joined(without_defaults(content, defaults), scores)
        return {"has_parent": ordered(joined, ("parent_type", "query"))}

    def _joined(self, out: Body, scores: Scores) -> Body:
        if any(f.relations and not f.partial for f in self.index.fields):
            out.pop("ignore_unmapped", None)
        if scores is Scores.UNUSED:
            out.pop("score_mode", None)
            out.pop("score", None)
        scored = "inner_hits" in out or "score_mode" in out or "score" in out
        inside = {"query": Scores.EXACT if scored else Scores.UNUSED}
        return self._inside(out, inside)

    def knn(self, content: Body, scores: Scores) -> Any:
        del scores
        if "filter" in content:
            content = {**content, "filter": self.filters(content["filter"])}
        return {"knn": ordered(content, ("field", "query_vector", "k"))}

    def _inside(self, content: Body, parts: Mapping[str, Scores]) -> Body:
        done = {k: self.query(content[k], scores) for k, scores in parts.items() if k in content}
        return content | done


_COMPOUND: Mapping[str, Callable[[Queries, Body, Scores], Any]] = {
    "bool": Queries.bool,
    "constant_score": Queries.constant_score,
    "dis_max": Queries.dis_max,
    "boosting": Queries.boosting,
    "function_score": Queries.function_score,
    "nested": Queries.nested,
    "has_child": Queries.has_child,
    "has_parent": Queries.has_parent,
    "knn": Queries.knn,
}
