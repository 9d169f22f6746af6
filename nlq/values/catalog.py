"""The values of an index's keyword fields, and how to find one by a spelling near to its own."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from nlq.values.words import fold

Place = tuple[str, str]
"""A field and one of its values."""

Index = Mapping[str, tuple[Place, ...]]
LONG = 500
SHORTEST_NEAR = 5


@dataclass(frozen=True, slots=True)
class Catalog:
    """Values per keyword field. ``complete`` names the fields whose every value is here.

    The rest follows from these: places by folded value, by folded value without spaces, by each word of a value of
    several, by the initials of such a value, by each side of a slash; and the words that a mistyped one may mean.
    """

    values: Mapping[str, tuple[str, ...]]
    complete: frozenset[str] = frozenset()
    wholes: Index = field(init=False, repr=False, compare=False)
    joined: Index = field(init=False, repr=False, compare=False)
    words: Index = field(init=False, repr=False, compare=False)
    initials: Index = field(init=False, repr=False, compare=False)
    sides: Index = field(init=False, repr=False, compare=False)
    sorted: tuple[str, ...] = field(init=False, repr=False, compare=False)
    near: Mapping[str, tuple[str, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        made: dict[str, dict[str, list[Place]]] = {k: {} for k in ("wholes", "joined", "words", "initials", "sides")}
        for name, values in self.values.items():
            for value in values:
                for kind, key in _keys(value):
                    made[kind].setdefault(key, []).append((name, value))
        for kind, index in made.items():
            object.__setattr__(self, kind, {key: tuple(dict.fromkeys(places)) for key, places in index.items()})
        near: dict[str, list[str]] = {}
        for text in dict.fromkeys((*self.wholes, *self.words)):
            if len(text) >= SHORTEST_NEAR and not any(c.isdigit() for c in text):
                near.setdefault(text[0] + str(len(text)), []).append(text)
        object.__setattr__(self, "near", {key: tuple(texts) for key, texts in near.items()})
        object.__setattr__(self, "sorted", tuple(sorted(self.wholes)))

    def long(self, name: str) -> bool:
        """Whether the field has so many values that common words are among them."""
        return name not in self.complete or len(self.values[name]) > LONG

    def beginning(self, plain: str) -> list[Place]:
        """Values that begin with these letters."""
        first = bisect_left(self.sorted, plain)
        out: list[Place] = []
        for text in self.sorted[first : first + 50]:
            if not text.startswith(plain):
                break
            out += self.wholes[text]
        return out

    def containing(self, plain: str) -> list[Place]:
        """Values of several words that hold these in a row."""
        lists = [self.words.get(word, ()) for word in plain.split()]
        rarest = min(lists, key=len, default=())
        return [place for place in rarest if f" {plain} " in f" {fold(place[1])} "]

    def neighbours(self, plain: str, *, most: int) -> list[tuple[int, str]]:
        """Folded values and words of values within ``most`` edits and with the same first letter, with their
        distances."""
        out = []
        for length in range(max(SHORTEST_NEAR, len(plain) - most), len(plain) + most + 1):
            for text in self.near.get(plain[0] + str(length), ()):
                if (edits := distance(plain, text, most=most)) <= most:
                    out.append((edits, text))
        return out


def distance(one: str, other: str, *, most: int) -> int:
    """Insertions, deletions, changes and swaps of neighbours between two texts (optimal string alignment); ``most`` + 1
    where there are more."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        row = [i]
        for j, b in enumerate(other, 1):
            best = min(last[j] + 1, row[-1] + 1, last[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                best = min(best, before[j - 2] + 1)
            row.append(best)
        if min(row) > most:
            return most + 1
        before, last = last, row
    return last[-1]


def _keys(value: str) -> Iterator[tuple[str, str]]:
    plain = fold(value)
    words = plain.split()
    yield "wholes", plain
    yield "joined", plain.replace(" ", "")
    if len(words) > 1:
        yield "initials", "".join(word[0] for word in words)
        yield from (("words", word) for word in words)
    if "/" in value and any(c.isalpha() for c in value):
        yield from (("sides", fold(side)) for side in value.split("/") if side.strip())
