"""A query held against its question: which values are in the question, which fields it names, what is left over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from nlq.grounding import View
from nlq.narrow import split, stem
from nlq.query_schema import DATE
from nlq.signals.asked import Asked, day, numbers
from nlq.signals.clauses import Clause, Value, fields, values
from nlq.signals.parts import Parts, base, parts
from nlq.types import Body, LinkedValue, Verdict
from nlq.values.words import STOP, fold
from nlq.vote import is_empty

_OF_TRUTH = frozenset({"is", "are", "has", "have", "was", "were", "can", "flag"})
_PRESENT = "has have having with without missing lack lacks no known unknown given recorded exist exists any".split()
_PATTERN_MARKS = str.maketrans(dict.fromkeys("*?.^$[]()|\\+{}", " "))
_TIME_WORDS = frozenset(map(stem, "when date time day month year week hour today yesterday ago since".split()))


@dataclass(frozen=True, slots=True)
class Facts:
    """``total`` is the number of documents in the index, where it is known."""

    verdict: Verdict
    body: Body
    view: View
    asked: Asked
    parts: Parts
    total: int | None = None

    @classmethod
    def of(cls, verdict: Verdict, question: str, view: View, *, total: int | None = None) -> Facts:
        """``verdict`` must have a query."""
        body = verdict.query or {}
        asked = Asked.of(question, view.values, view.periods)
        return cls(verdict, body, view, asked, parts(body, view.index), total)

    @property
    def found_nothing(self) -> bool:
        """Whether the query ran and its result is empty."""
        return self.verdict.result is not None and is_empty(self.verdict)

    def said(self, value: Value) -> bool:
        """Whether the question says the value, by itself or through a linked or repaired one."""
        held = value.value
        if isinstance(held, bool):
            return self._said_truth(value.field, truth=held != value.negated)
        if isinstance(held, int | float):
            return self.asked.has_number(float(held), near=bool(value.bound))
        text = str(held)
        if any(repair.now == text for repair in self.verdict.repairs) or self.linked(text):
            return True
        return self._said_date(text) if self._dated(value, text) else self._said_text(value, text)

    def grounded(self, clause: Clause) -> bool:
        """Whether the question says any value of a clause; of one without values, any of its fields."""
        held = values(clause)
        if held:
            return any(map(self.said, held))
        names = fields(clause)
        asks = any(word in self.asked.plain.split() for word in _PRESENT) or clause.kind != "exists"
        return not names or (asks and any(map(self.named, names)))

    def linked(self, text: str) -> bool:
        plain = fold(text)
        return any(isinstance(v.value, str) and plain in (fold(v.value), fold(v.text)) for v in self.view.values)

    def named(self, field: str) -> bool:
        """Whether the question says half of the words of a field's name or more, or a value that is linked to it."""
        if any(base(v.field, self.view.index) == base(field, self.view.index) for v in self.view.values):
            return True
        words = name_words(base(field, self.view.index))
        if 2 * sum(self._says(word) for word in words) >= len(words):
            return True
        found = self.view.index.field(field)
        timed = bool(self.asked.days) or bool(self.asked.stems & _TIME_WORDS)
        return found is not None and found.kind in DATE and timed

    def fully_named(self) -> list[str]:
        """Fields whose every word the question says; of "name" and "customer name" the longer alone, and none that is
        called like the index."""
        heads = [f.name for f in self.view.index.fields if f.parent is None and f.kind not in ("nested", "object")]
        said = {name: _name_stems(name.rpartition(".")[2]) for name in heads}
        index = _name_stems(self.view.index.index)
        named = {n: w for n, w in said.items() if all(map(self._says, w)) and not w <= index and not w <= STOP}
        return [name for name, words in named.items() if not any(words < other for other in named.values())]

    def links(self) -> dict[str, list[LinkedValue]]:
        """The linked values by the words of the question that they are."""
        found: dict[str, list[LinkedValue]] = {}
        for link in self.view.values:
            found.setdefault(link.text, []).append(link)
        return found

    def _says(self, word: str) -> bool:
        return word in self.asked.stems or (not word.isascii() and word in self.asked.plain)

    def _said_truth(self, field: str, *, truth: bool) -> bool:
        links = [v.value for v in self.view.values if v.field == field and isinstance(v.value, bool)]
        if links:
            return truth in links
        words = [w for w in split(field.rpartition(".")[2]) if w not in _OF_TRUTH]
        return any(self.asked.has_word(word) for word in words)

    def _dated(self, value: Value, text: str) -> bool:
        found = self.view.index.field(value.field)
        dated = found is not None and found.kind in DATE | {"date_range"}
        return dated and (day(text) is not None or text.startswith("now"))

    def _said_date(self, text: str) -> bool:
        if "||" in text or text.startswith("now"):
            return self.asked.relative
        when: date | None = day(text)
        return when is not None and self.asked.has_day(when)

    def _said_text(self, value: Value, text: str) -> bool:
        if value.kind in ("prefix", "wildcard", "regexp"):
            pieces = [fold(piece) for piece in text.translate(_PATTERN_MARKS).split()]
            return bool(pieces) and all(piece in self.asked.plain for piece in pieces)
        if self.asked.has_text(text):
            return True
        found = [number.value for number in numbers(text)]
        letters = "".join(c for c in text if c.isalpha())
        near = bool(value.bound) or value.kind.startswith("geo_")
        return bool(found) and len(letters) <= 2 and all(self.asked.has_number(n, near=near) for n in found)


@lru_cache(maxsize=4096)
def name_words(field: str) -> tuple[str, ...]:
    """Stems of the last part of a field's name, but for words that say nothing."""
    words = split(field.rpartition(".")[2])
    return tuple(stem(word) for word in words if word not in STOP)


@lru_cache(maxsize=4096)
def _name_stems(name: str) -> frozenset[str]:
    """Stems of every word of a field's last part or an index's name."""
    return frozenset(map(stem, split(name)))
