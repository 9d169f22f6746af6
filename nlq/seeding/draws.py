"""Queries as people would ask them, with real values of the index: one function for each kind of ``coverage.KINDS``.

A query holds by what the index answers, not by its shape alone: ``strict`` in ``sieve`` drops those that say nothing.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nlq.query_schema import NUMBER
from nlq.query_schema.kinds import runs
from nlq.seeding.conditions import Conditions, nice
from nlq.seeding.coverage import CLAUSES, Target
from nlq.seeding.facts import Facts
from nlq.types import Body, Field, IndexSchema, Result

Run = Callable[[Body], Result | None]
"""What the engine answers to a body; None where it refuses it."""

_SIZES = (1, 1, 3, 3, 5, 5, 10, 20)


@dataclass(frozen=True, slots=True)
class Draws:
    """Draws one body after another of ``index``. ``run`` is asked for the numbers that a limit is set between."""

    index: IndexSchema
    facts: Facts
    rng: random.Random
    run: Run

    @property
    def where(self) -> Conditions:
        return Conditions(self.index, self.facts, self.rng)

    def body(self, target: Target) -> Body | None:
        """A body of the target's kind around its clause and field; None where no value suits it."""
        return _DRAWERS[target.kind.name](self, target)

    def _conditions(self, target: Target, *more: int) -> Body | None:
        first = self.where.one(target.clause, target.field)
        return self.where.query([first, *self._further(target, *more)]) if first else None

    def _further(self, target: Target, *numbers: int) -> list[Body]:
        """As many further conditions as one of ``numbers`` says."""
        return self.where.some(self.rng.choice(numbers), besides=target.field)

    def _count(self, target: Target) -> Body | None:
        query = self._conditions(target, 0, 1, 1, 2)
        return {"query": query, "size": 0} if query else None

    def _list(self, target: Target) -> Body | None:
        query = self._conditions(target, 0, 1, 1, 2)
        return {"query": query} if query else None

    def _fields(self, target: Target) -> Body | None:
        query, shown = self._conditions(target, 0, 0, 1), self._shown(3, besides=target.field)
        return {"query": query, "_source": shown} if query and shown else None

    def _lookup(self, target: Target) -> Body | None:
        query, shown = self._conditions(target, 0), self._shown(2, besides=target.field)
        return {"query": query, "_source": shown} if query and shown else None

    def _top(self, target: Target) -> Body | None:
        return self._sorted(target) | {"size": self.rng.choice(_SIZES)} | self._maybe_shown(target)

    def _in_order(self, target: Target) -> Body | None:
        conditions = self._further(target, 1, 2)
        found = self._sorted(target) | {"query": self.where.query(conditions)} | self._maybe_shown(target)
        return found if conditions else None

    def _sorted(self, target: Target) -> Body:
        conditions = self._further(target, 0, 0, 1)
        key: Body = {"order": self.rng.choice(("asc", "desc", "desc"))}
        if target.field.nested:
            key["nested"] = {"path": target.field.nested}
        return {"query": self.where.query(conditions), "sort": [{target.field.name: key}]}

    def _maybe_shown(self, target: Target) -> Body:
        shown = self._shown(2, besides=None)
        return {"_source": shown} if shown and self.rng.random() < 0.6 else {}

    def _shown(self, most: int, *, besides: Field | None) -> list[str]:
        """Fields that somebody wants to see, in the order of the mapping."""
        skipped = {besides.parent or besides.name} if besides else set()
        names = [f.name for f in self.index.fields if f.parent is None and f.nested is None and f.name not in skipped]
        names = [n for n in names if self.facts.values.get(n)]
        chosen = self.rng.sample(names, min(self.rng.randint(1, most), len(names)))
        return [n for n in names if n in chosen]

    def _metric(self, target: Target) -> Body | None:
        value = {"value": {target.clause: {"field": target.field.name}}}
        return self._aggregated(target, value, 0, 1, 1, 2)

    def _groups(self, target: Target) -> Body | None:
        groups = {"groups": {"terms": {"field": target.field.name}}}
        return self._aggregated(target, groups, 0, 0, 1)

    def _best_group(self, target: Target) -> Body | None:
        terms = {"field": target.field.name, "size": self.rng.choice((1, 1, 3, 5))}
        return self._aggregated(target, {"groups": {"terms": terms}}, 0, 0, 1)

    def _group_numbers(self, target: Target) -> Body | None:
        value = self._number(target.field)
        if not value:
            return None
        terms: Body = {"field": target.field.name}
        if self.rng.random() < 0.6:
            terms["order"] = {"value": self.rng.choice(("desc", "desc", "asc"))}
            if self.rng.random() < 0.5:
                terms["size"] = self.rng.choice((1, 3, 5))
        return self._aggregated(target, {"groups": {"terms": terms, "aggs": {"value": value}}}, 0, 0, 1)

    def _having(self, target: Target) -> Body | None:
        limited = runs(self.index, frozenset({"lang-painless"}))  # a limit on a number is a script
        value = self._number(target.field) if limited and self.rng.random() < 0.5 else None
        groups: Body = {"terms": {"field": target.field.name}} | ({"aggs": {"value": value}} if value else {})
        body = self._aggregated(target, {"groups": groups}, 0, 0, 1)
        limit = _limit(self.run(body), self.rng)
        if limit is None:
            return None
        if not value:
            groups["terms"]["min_doc_count"] = int(limit)
        else:
            script = f"params.a {self.rng.choice(('>', '>=', '<'))} {limit}"
            groups["aggs"]["keep"] = {"bucket_selector": {"buckets_path": {"a": "value"}, "script": script}}
        return body

    def _timeline(self, target: Target) -> Body | None:
        moments = [v for v in self.facts.of(target.field) if isinstance(v, datetime)]
        if not moments:
            return None
        days = (max(moments) - min(moments)).days
        units = (
            ("year", "quarter") if days > 2000 else ("month", "quarter", "year") if days > 500 else ("month", "week")
        )
        histogram = {"field": target.field.name, "calendar_interval": self.rng.choice(units if days > 60 else ("day",))}
        groups: Body = {"date_histogram": histogram}
        if self.rng.random() < 0.4 and (value := self._number(target.field)):
            groups["aggs"] = {"value": value}
        return self._aggregated(target, {"groups": groups}, 0, 0, 1)

    def _over(self, target: Target) -> Body | None:
        over = {self.rng.choice(("avg_bucket", "avg_bucket", "max_bucket")): {"buckets_path": "groups>_count"}}
        aggs = {"groups": {"terms": {"field": target.field.name}}, "over": over}
        return self._aggregated(target, aggs, 0, 0, 1)

    def _number(self, beside: Field) -> Body | None:
        """A metric over a field in the scope of ``beside``."""
        fields = [f for f in self.index.fields if f.nested == beside.nested and f.name != beside.name]
        options = [(c, f.name) for c in ("avg", "sum", "max", "min") for f in fields if CLAUSES[c].fits(f, self.facts)]
        options += [("avg", name) for clause, name in options if clause == "avg"]
        options = [(c, n) for c, n in options if c in ("avg", "sum") or self._is_number(n)]
        if not options:
            return None
        clause, name = self.rng.choice(options)
        return {clause: {"field": name}}

    def _is_number(self, name: str) -> bool:
        found = self.index.field(name)
        return found is not None and found.kind in NUMBER

    def _aggregated(self, target: Target, aggs: Body, *conditions: int) -> Body:
        if path := target.field.nested:
            aggs = {"groups": {"nested": {"path": path}, "aggs": aggs}}
        query = self.where.query(self._further(target, *conditions))
        return {"query": query, "size": 0, "aggs": aggs}


def _limit(result: Result | None, rng: random.Random) -> float | None:
    """A round number between those of the groups, so that some are kept and some are not."""
    numbers = sorted(_numbers(result.aggregations if result else {}))
    if len(numbers) < 3 or numbers[0] == numbers[-1]:
        return None
    whole = all(float(n).is_integer() for n in numbers)
    drawn = rng.choice(numbers[1:-1])
    limits = (nice(drawn, whole=whole, digits=digits) for digits in (1, 2))
    return next((limit for limit in limits if numbers[0] < limit < numbers[-1]), None)


def _numbers(aggregations: Mapping[str, Any]) -> list[float]:
    """The value of each group, or its count where it has none."""
    groups = aggregations.get("groups", {})
    if "buckets" not in groups:
        return _numbers(groups) if "groups" in groups else []
    found = [b.get("value", {}).get("value") if "value" in b else b["doc_count"] for b in groups["buckets"]]
    return [n for n in found if n is not None]


_DRAWERS: Mapping[str, Callable[[Draws, Target], Body | None]] = {
    "count": Draws._count,
    "list": Draws._list,
    "fields": Draws._fields,
    "lookup": Draws._lookup,
    "top": Draws._top,
    "sorted": Draws._in_order,
    "metric": Draws._metric,
    "groups": Draws._groups,
    "best group": Draws._best_group,
    "group numbers": Draws._group_numbers,
    "having": Draws._having,
    "timeline": Draws._timeline,
    "over groups": Draws._over,
}
