"""Conditions with real values of an index, worded as people would choose them: round numbers, whole years."""

from __future__ import annotations

import math
import random
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from nlq.query_schema import BOOLEAN, DATE, INTEGER
from nlq.seeding.coverage import CLAUSES, yearly
from nlq.seeding.facts import Facts
from nlq.types import Body, Field, IndexSchema
from nlq.values.words import COMMON, STOP

_WORD = re.compile(r"[^\W\d_]{4,}")
_FREQUENT = 0.3
_TRIES = 4
_TIMES = "match match_phrase term term range range terms must_not exists".split()
"""Clauses of further conditions, the likelier the oftener."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """Draws clauses on fields of ``index``; a clause on a nested field comes wrapped in its nested query."""

    index: IndexSchema
    facts: Facts
    rng: random.Random

    def query(self, parts: list[Body]) -> Body:
        """All of these at once, as the decoded schema spells it."""
        if not parts:
            return {"match_all": {}}
        negated = [p["bool"]["must_not"][0] for p in parts if p.keys() == {"bool"} and p["bool"].keys() == {"must_not"}]
        filters = [p for p in parts if not (p.keys() == {"bool"} and p["bool"].keys() == {"must_not"})]
        if len(parts) == 1:
            return parts[0]
        joined = {"filter": filters} if filters else {}
        return {"bool": joined | ({"must_not": negated} if negated else {})}

    def some(self, number: int, *, besides: Field | None = None) -> list[Body]:
        """``number`` further conditions on different fields outside nested objects; fewer where none suits."""
        found: list[Body] = []
        used = {besides.parent or besides.name} if besides else set()
        for _ in range(_TRIES * number):
            clause = self.rng.choice(_TIMES)
            fields = [f for f in self.index.fields if not f.nested and (f.parent or f.name) not in used]
            fields = [f for f in fields if CLAUSES[clause].fits(f, self.facts)]
            chosen = self.rng.choice(fields) if fields and len(found) < number else None
            if chosen and (part := self.one(clause, chosen)):
                found.append(part)
                used.add(chosen.parent or chosen.name)
        return found

    def one(self, clause: str, field: Field) -> Body | None:
        """A clause on a field; None where no value suits it."""
        if clause == "must_not":
            found = self.one("term", field)
            return {"bool": {"must_not": [found]}} if found else None
        leaf = _LEAVES[clause](self, field)
        if leaf is None or not field.nested:
            return leaf
        if leaf.keys() == {"bool"}:
            [inner] = leaf["bool"]["must_not"]
            return {"bool": {"must_not": [{"nested": {"path": field.nested, "query": inner}}]}}
        return {"nested": {"path": field.nested, "query": leaf}}

    def _values(self, field: Field) -> list[Any]:
        return list(self.facts.literals(field))

    def _term(self, field: Field) -> Body | None:
        values = self._values(field)
        if field.kind in INTEGER:
            values = [v for v in values if isinstance(v, int) and not isinstance(v, bool)]
        elif field.kind in BOOLEAN:
            values = [True, False]
        else:
            values = [v for v in values if isinstance(v, str)]
        return {"term": {field.name: self.rng.choice(values)}} if values else None

    def _terms(self, field: Field) -> Body | None:
        values = sorted({v for v in self._values(field) if isinstance(v, str)})
        if len(values) < 3:
            return None
        return {"terms": {field.name: self.rng.sample(values, 2 if len(values) < 6 else self.rng.choice((2, 2, 3)))}}

    def _exists(self, field: Field) -> Body | None:
        there = {"exists": {"field": field.name}}
        return there if self.rng.random() < 0.4 else {"bool": {"must_not": [there]}}

    def _prefix(self, field: Field) -> Body | None:
        """The first word of names, the first letters of what is a single word."""
        values = [v.split() for v in self._values(field) if isinstance(v, str)]
        starts = [words[0] for words in values if len(words) > 1]
        starts += [words[0][:3] for words in values if len(words) == 1 and len(words[0]) > 4]
        if not starts:
            return None
        return {"prefix": {field.name: {"value": self.rng.choice(starts), "case_insensitive": True}}}

    def _match(self, field: Field) -> Body | None:
        words = self._words(field)
        if not words:
            return None
        chosen = self.rng.choice(words)
        return {"match": {field.name: {"query": " ".join(chosen[: self.rng.choice((1, 1, 2))]), "operator": "and"}}}

    def _phrase(self, field: Field) -> Body | None:
        words = [pair for pair in self._words(field) if len(pair) == 2]
        return {"match_phrase": {field.name: " ".join(self.rng.choice(words))}} if words else None

    def _words(self, field: Field) -> list[tuple[str, ...]]:
        """Telling words of a text, with the word behind where that tells something too."""
        texts = [str(v) for v in self.facts.of(field)]
        counts = Counter(word for text in texts for word in {w.lower() for w in _WORD.findall(text)})
        telling = {w for w, n in counts.items() if n <= max(2, _FREQUENT * len(texts)) and w not in STOP | COMMON}
        out: list[tuple[str, ...]] = []
        for text in texts:
            for found in _WORD.finditer(text):
                behind = _WORD.match(text, found.end() + 1) if text[found.end() : found.end() + 1] == " " else None
                if found[0].lower() in telling:
                    both = behind is not None and behind[0].lower() in telling
                    out.append((found[0], behind[0]) if both and behind else (found[0],))
        return out

    def _range(self, field: Field) -> Body | None:
        if field.kind in DATE:
            return self._days(field)
        values = sorted(v for v in self.facts.of(field) if isinstance(v, int | float) and not isinstance(v, bool))
        if not values or values[0] == values[-1]:
            return None
        low, high = (_quantile(values, self.rng.uniform(*span)) for span in ((0.1, 0.5), (0.5, 0.9)))
        plain = yearly(field, self.facts)
        whole = field.kind in INTEGER
        low, high = (v if plain else nice(v, whole=whole) for v in (low, high))
        bound = self.rng.choice((low, high))
        spans = [{"gt": bound}, {"lt": bound}, {"gte": bound}, {"gt": high}, {"lt": low}]
        spans += [{"gte": low, "lte": high}] if low < high else []
        return {"range": {field.name: self.rng.choice(spans)}}

    def _days(self, field: Field) -> Body | None:
        if field.format and "date_optional_time" not in field.format:
            return None  # a format of its own, in which an ISO day may not be read
        moments = sorted(v for v in self.facts.of(field) if isinstance(v, datetime) and 1000 <= v.year < 9999)
        if not moments:
            return None
        drawn = self.rng.choice(moments)
        years = moments[-1].year - moments[0].year
        by_month = years < 2 or self.rng.random() < 0.3
        first, after = _month(drawn) if by_month else (f"{drawn.year:04}-01-01", f"{drawn.year + 1:04}-01-01")
        spans = [{"gte": first, "lt": after}] * 3 + [{"gte": first}, {"lt": first}, {"gte": after}]
        return {"range": {field.name: self.rng.choice(spans)}}


def _month(moment: datetime) -> tuple[str, str]:
    first = moment.replace(day=1)
    return f"{first:%Y-%m-%d}", f"{(first + timedelta(days=32)).replace(day=1):%Y-%m-%d}"


def _quantile(values: list[Any], share: float) -> Any:
    return values[min(int(share * len(values)), len(values) - 1)]


def nice(number: float, *, whole: bool, digits: int = 2) -> int | float:
    """The number as somebody would say it: so many leading digits at most, whole where it must or can be."""
    if number == 0 or not math.isfinite(number):
        return 0
    places = digits - 1 - math.floor(math.log10(abs(number)))
    rounded = round(number, places if abs(number) < 10 or places < 0 else 0)
    return int(rounded) if whole or rounded == int(rounded) else rounded


_LEAVES: Mapping[str, Callable[[Conditions, Field], Body | None]] = {
    "term": Conditions._term,
    "lookup": Conditions._term,
    "terms": Conditions._terms,
    "exists": Conditions._exists,
    "prefix": Conditions._prefix,
    "match": Conditions._match,
    "match_phrase": Conditions._phrase,
    "range": Conditions._range,
}


def literal_samples(facts: Facts, field: Field, rng: random.Random, *, most: int) -> list[Any]:
    """Some different values of a field, as JSON writes them, days of dates; none of multi-fields and objects."""
    if field.parent or field.kind == "nested":
        return []
    values = [v.date().isoformat() if isinstance(v, datetime) else v for v in facts.literals(field)]
    distinct = sorted(set(values), key=str)
    return sorted(rng.sample(distinct, min(most, len(distinct))), key=str)
