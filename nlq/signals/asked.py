"""What a question says, in forms that the values of a query can be compared with."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from nlq.narrow import stem, stems
from nlq.periods import Period
from nlq.types import LinkedValue
from nlq.values.mentions import dates
from nlq.values.words import STOP, fold, forms

_SMALL = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen".split()
_SMALL += "seventeen eighteen nineteen".split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_WORDS = {word: float(i) for i, word in enumerate(_SMALL)} | {word: 10.0 * i for i, word in enumerate(_TENS, 2)}
_WORDS |= {"dozen": 12.0, "couple": 2.0, "pair": 2.0, "twice": 2.0, "once": 1.0, "single": 1.0}
_SCALES = {"hundred": 1e2, "thousand": 1e3, "k": 1e3, "million": 1e6, "m": 1e6, "mn": 1e6, "billion": 1e9, "bn": 1e9}
_UNASKED = frozenset({"zero", "one", "once", "single", "dozen", "couple", "pair", "twice"})
"""Words that say a number, though not always one that the query must hold ("which one", "a single table")."""

_DIGITS = r"(?<![\w.])(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
_SCALE = r"(?:[ -]?(?P<scale>hundred|thousand|million|billion|bn|mn|k|m))?(?![a-z])"
_NUMERAL = re.compile(rf"{_DIGITS}(?:{_SCALE}|(?:st|nd|rd|th)\b)?\s?(?P<percent>%|percent\b)?", re.IGNORECASE)
_SPELLED = re.compile(
    rf"\b(?P<tens>{'|'.join(_TENS)})[ -](?P<ones>{'|'.join(_SMALL[1:10])})\b"
    rf"|\b(?P<word>{'|'.join(_WORDS)}|an?(?= (?:hundred|thousand|million|billion)))\b"
    rf"(?: (?P<scale>{'|'.join(_SCALES)})\b)?",
    re.IGNORECASE,
)
_RELATIVE = re.compile(
    r"\b(ago|last|past|previous|next|recent(ly)?|latest|today|yesterday|tomorrow|this|current(ly)?|now|since|until"
    r"|so far|to date|upcoming|coming|future|so old|older than|within)\b",
    re.IGNORECASE,
)
_NOTHING = re.compile(r"\b(no|none|not|zero|without|never|positive|negative|any|some|non)\b", re.IGNORECASE)
_DAY = re.compile(r"(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?(?:T.*|\|\|.*)?$")


@dataclass(frozen=True, slots=True)
class Number:
    """A number of the question. ``needed`` says whether a query that leaves it out leaves something out."""

    value: float
    text: str
    start: int
    needed: bool = True
    percent: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """``plain`` is the folded question between spaces; ``days`` are first days of the dates it names and of what
    follows them, with the last days too."""

    text: str
    plain: str
    stems: frozenset[str]
    numbers: tuple[Number, ...]
    days: frozenset[date]
    relative: bool
    links: tuple[LinkedValue, ...]

    @classmethod
    def of(cls, question: str, values: Sequence[LinkedValue], periods: Sequence[Period]) -> Asked:
        plain = fold(question)
        named = [(p.start, p.end) for p in periods] + [
            (first, after) for d in dates(question) if (first := day(d.value)) and (after := day(d.end))
        ]
        return cls(
            text=question,
            plain=f" {plain} ",
            stems=stems(question) | stems(plain),
            numbers=tuple(numbers(question)),
            days=frozenset(d for a, b in named for d in (a, b, b - timedelta(days=1))),
            relative=bool(_RELATIVE.search(question)),
            links=tuple(values),
        )

    def has_number(self, number: float, *, near: bool = False) -> bool:
        """Whether the question says the number, its sign aside; with ``near`` the next whole ones are as good: more
        than 15 is 16 or more."""
        wanted = abs(number)
        if wanted == 0 and _NOTHING.search(self.text):
            return True
        said = [n.value for n in self.numbers] + [n.value / 100 for n in self.numbers if n.percent]
        said += [float(d.year) for d in self.days]
        said += [float(v.value) for v in self.links if isinstance(v.value, int | float)]
        return any(_equal(wanted, n) or (near and _equal(abs(wanted - n), 1)) for n in said)

    def has_day(self, when: date) -> bool:
        return when in self.days

    def has_text(self, text: str) -> bool:
        """Whether the question says the text: as a phrase, or all its words, endings aside."""
        plain = fold(text)
        if any(f" {form} " in self.plain for form in forms(plain)):
            return True
        if not plain.isascii() and plain in self.plain:
            return True
        words = [word for word in plain.split() if word not in STOP and word.isalnum()] or plain.split()
        return bool(words) and all(self.has_word(word) for word in words)

    def has_word(self, word: str) -> bool:
        """Whether a word of the question has the same stem, or is a form of the same name (Italy, Italian)."""
        root = stem(word)
        return root in self.stems or (root.isalpha() and any(_kin(root, other) for other in self.stems))


def day(text: object) -> date | None:
    """The first day of an ISO date, month or year; None for what is none."""
    found = _DAY.match(str(text))
    if not found:
        return None
    try:
        return date(int(found[1]), int(found[2] or 1), int(found[3] or 1))
    except ValueError:
        return None


def numbers(question: str) -> Iterator[Number]:
    """The numbers of a question, in digits and in words, but for those in names ("B2B")."""
    for found in _NUMERAL.finditer(question):
        value = float(found["digits"].replace(",", "")) * _SCALES.get((found["scale"] or "").lower(), 1)
        yield Number(value, found[0].strip(), found.start(), percent=bool(found["percent"]))
    for found in _SPELLED.finditer(question):
        if found["tens"]:
            value, needed = _WORDS[found["tens"].lower()] + _WORDS[found["ones"].lower()], True
        else:
            scale = (found["scale"] or "").lower()
            value = _WORDS.get(found["word"].lower(), 1.0) * _SCALES.get(scale, 1)
            needed = bool(scale) or found["word"].lower() not in _UNASKED
        yield Number(value, found[0], found.start(), needed=needed)


def _equal(one: float, other: float) -> bool:
    return abs(one - other) <= 1e-9 * max(1.0, abs(one), abs(other))


def _kin(one: str, other: str) -> bool:
    """Whether two words begin alike but for the last letter of the shorter: Italy, Italian."""
    short = min(len(one), len(other)) - 1
    return short >= 4 and one[:short] == other[:short] and abs(len(one) - len(other)) <= 4
