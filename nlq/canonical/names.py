"""Fixed names for aggregations: those of the decoded schema, on every level where there is one for each.

Orders, paths and scripts' parameters follow. The metric that orders buckets comes first and is called "value"; of two
that a script names, the first is "value" and the second "value2".
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nlq.canonical.parts import ordered
from nlq.query_schema.agg_table import BUCKETS, IN_SERIES, METRICS, SIBLINGS
from nlq.types import Body

_METRICS = ("value", "value2", "value3")
_ORDER = ("top", "groups", *_METRICS, "ratio", "keep", "order", "change", "over")
_ROLES: Mapping[str, str] = {
    **dict.fromkeys(METRICS, "value"),
    **dict.fromkeys((*BUCKETS, "significant_text"), "groups"),
    **dict.fromkeys(SIBLINGS, "over"),
    **dict.fromkeys(IN_SERIES, "change"),
    "top_hits": "top",
    "bucket_selector": "keep",
    "bucket_script": "ratio",
    "bucket_sort": "order",
}
_MOST = {"value": len(_METRICS)}
_ONE_NUMBER = frozenset(
    {"avg", "sum", "min", "max", "value_count", "cardinality", "median_absolute_deviation", "weighted_avg"}
)
_STEP = re.compile(r"([^.\[>]+)(.*)", re.DOTALL)
_SCRIPTED = ("bucket_script", "bucket_selector")


def fixed_names(aggs: Any) -> Any:
    """Aggregations under their fixed names. For aggregations whose content is canonical."""
    return _Level.of(aggs, ()).renamed() if isinstance(aggs, dict) else aggs


@dataclass(frozen=True, slots=True)
class _Level:
    """Aggregations that stand beside each other: their new names, and the levels below by their old ones."""

    aggs: Mapping[str, Any]
    names: Mapping[str, str]
    below: Mapping[str, _Level]

    @classmethod
    def of(cls, aggs: Mapping[str, Any], wanted: tuple[str, ...]) -> _Level:
        """``wanted`` are the paths by which the level above is ordered."""
        below = {
            name: cls.of(agg["aggs"], tuple(_order_paths(agg)))
            for name, agg in aggs.items()
            if isinstance(agg, dict) and isinstance(agg.get("aggs"), dict)
        }
        return cls(aggs, _names(aggs, wanted), below)

    def renamed(self) -> Body:
        out = {self.names[name]: self._agg(name, agg) for name, agg in self.aggs.items()}
        return ordered(out, _ORDER) if set(out) <= set(_ORDER) else out

    def _agg(self, name: str, agg: Any) -> Any:
        if not isinstance(agg, dict):
            return agg
        out = {kind: self._content(kind, content) for kind, content in agg.items()}
        if name not in self.below:
            return out
        below = self.below[name]
        for kind, content in out.items():
            if isinstance(content, dict) and "order" in content and kind not in ("aggs", "meta"):
                out[kind] = _reordered(content, below)
        out["aggs"] = below.renamed()
        return out

    def _content(self, kind: str, content: Any) -> Any:
        """A pipeline with its paths renamed."""
        if not isinstance(content, dict) or _ROLES.get(kind) not in ("over", "change", "keep", "ratio", "order"):
            return content
        out = dict(content)
        if "buckets_path" in out:
            count = ">_count" if kind in SIBLINGS else "._count"
            out["buckets_path"] = _each_path(out["buckets_path"], lambda path: self._counted(path, count))
        if kind == "bucket_sort" and isinstance(out.get("sort"), list):
            out["sort"] = [
                {self.path(path): how for path, how in key.items()} if isinstance(key, dict) else key
                for key in out["sort"]
            ]
        return out

    def _counted(self, path: str, count: str) -> str:
        """A path with the number of documents of a bucket spelled in one way."""
        steps = path.replace("._count", ">_count").split(">")
        new = self.path(path)
        if len(steps) == 2 and steps[1] == "_count" and steps[0] in self.names:
            return self.names[steps[0]] + count
        return new

    def path(self, path: str) -> str:
        """The path with the new names of what it leads through."""
        found = _STEP.fullmatch(path)
        head, _, rest = path.partition(">")
        step = _STEP.fullmatch(head)
        if found is None or step is None or step[1] not in self.names:
            return path
        name, tail = step[1], step[2]
        kind = _kind(self.aggs[name])
        tail = "" if tail == ".value" and kind in _ONE_NUMBER else tail
        new = self.names[name] + tail
        if not rest:
            return new
        return new + ">" + (self.below[name].path(rest) if name in self.below else rest)


def _names(aggs: Mapping[str, Any], wanted: tuple[str, ...]) -> dict[str, str]:
    """The new name of each; its own where a level holds more than there are names for."""
    roles = {name: _ROLES.get(_kind(agg), "") for name, agg in aggs.items()}
    counts = Counter(roles.values())
    if "" in counts or any(n > _MOST.get(role, 1) for role, n in counts.items()):
        return {name: name for name in aggs}
    asked = [found[1] for path in (*wanted, *_paths(aggs)) if (found := _STEP.fullmatch(path))]
    first = sorted(aggs, key=lambda name: asked.index(name) if name in asked else len(asked))
    metrics = iter(_METRICS)
    return {name: next(metrics) if roles[name] == "value" else roles[name] for name in first}


def _kind(agg: Any) -> str:
    kinds = [key for key in agg if key not in ("aggs", "meta")] if isinstance(agg, dict) else []
    return kinds[0] if len(kinds) == 1 and isinstance(kinds[0], str) else ""


def _order_paths(agg: Body) -> Iterator[str]:
    """The paths by which a bucket aggregation orders its buckets."""
    content = agg.get(_kind(agg))
    order = content.get("order") if isinstance(content, dict) else None
    for each in order if isinstance(order, list) else [order]:
        if isinstance(each, dict):
            yield from each


def _paths(aggs: Mapping[str, Any]) -> Iterator[str]:
    """The paths that the pipelines of a level read, those of its scripts first."""
    contents = [(_kind(agg), agg.get(_kind(agg))) for agg in aggs.values() if isinstance(agg, dict)]
    rank = {kind: number for number, kind in enumerate((*_SCRIPTED, "bucket_sort"))}
    for kind, content in sorted(contents, key=lambda pair: rank.get(pair[0], len(rank))):
        if not isinstance(content, dict) or _ROLES.get(kind) in ("value", "groups", "top", None):
            continue
        path = content.get("buckets_path")
        if isinstance(path, str):
            yield path
        elif isinstance(path, dict):
            yield from (p for p in path.values() if isinstance(p, str))
        if kind == "bucket_sort" and isinstance(content.get("sort"), list):
            yield from (p for key in content["sort"] if isinstance(key, dict) for p in key)


def _each_path(paths: Any, change: Callable[[str], str]) -> Any:
    if isinstance(paths, str):
        return change(paths)
    if isinstance(paths, dict):
        return {name: change(path) if isinstance(path, str) else path for name, path in paths.items()}
    return paths


def _reordered(content: Body, below: _Level) -> Body:
    """An order with the new names. One by a metric is written before the size, as the decoded schema has it."""
    order = content["order"]
    orders = order if isinstance(order, list) else [order]
    if not orders:
        return content
    new = [{below.path(path): how for path, how in o.items()} if isinstance(o, dict) else o for o in orders]
    out = {**content, "order": new if isinstance(order, list) else new[0]}
    by_count = isinstance(new[0], dict) and not new[0].keys() - {"_count", "_key"}
    return out if by_count else ordered(out, ("field", "order", "size", "min_doc_count"))
