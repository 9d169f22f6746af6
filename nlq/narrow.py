"""Wide mappings: the fields nearest to a question, so that neither prompt nor grammar grows with the index.

A field counts by the words that its name shares with the question and by how near their embeddings are.
"""

from __future__ import annotations

import math
import operator
import re
import unicodedata
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

from nlq.periods import MONTHS
from nlq.query_schema.kinds import DATE
from nlq.types import Field, IndexSchema

Embed = Callable[[Sequence[str]], Sequence[Sequence[float]]]
"""Texts become vectors of length 1 (``Embedder.embed`` of the ports)."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|\d+")
_STOP = frozenset(
    "a an and are at by did do does for from has have how in is it of on or that the to was were with".split()
)
_TIME = re.compile(
    r"\b(when|dates?|times?|today|yesterday|tomorrow|ago|since|until|before|after|during|recent(ly)?|latest|newest|oldest"
    r"|earliest|seconds?|minutes?|hours?|days?|weeks?|months?|quarters?|years?|decades?|hourly|daily|weekly|monthly"
    rf"|quarterly|yearly|annual(ly)?|{'|'.join(MONTHS)}"
    r"|(mon|tues|wednes|thurs|fri|satur|sun)days?|(19|20)\d\d(-\d\d){0,2})\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Name:
    """Stems of a field's name: of its words, of those after its last dot, and of the latter written as one."""

    words: frozenset[str]
    last: frozenset[str]
    joined: str

    @classmethod
    def of(cls, name: str) -> _Name:
        last = split(name.rpartition(".")[2])
        return cls(frozenset(map(stem, split(name))), frozenset(map(stem, last)), stem("".join(last)))


class FieldNames:
    """The fields of one index, ready to be ranked; worth keeping as long as the index keeps its fields.

    Their names are embedded when a question first needs it, then never again.
    """

    def __init__(self, index: IndexSchema, embed: Embed) -> None:
        self._index = index
        self._embed = embed
        self._fields = {field.name: field for field in index.fields}
        self._families: dict[str, set[str]] = {}
        for field in index.fields:
            self._families.setdefault(field.parent or field.name, set()).add(field.name)
        heads = [field for field in index.fields if field.parent not in self._fields]
        self._heads = [field for field in heads if field.kind != "nested"]
        self._names = [_Name.of(field.name) for field in self._heads]
        counts = Counter(word for name in self._names for word in name.words)
        self._weights = {word: math.log1p(len(self._heads) / count) for word, count in counts.items()}
        self._vectors: list[array[float]] | None = None

    def narrow(self, question: str, *, most: int, keep: Iterable[str] = ()) -> IndexSchema:
        """The index with ``most`` of its fields in their order: those named by ``keep``, a date where the question
        speaks of time, then the nearest. Each brings its multi-fields, its parent and the nested paths around it.

        Only ``keep`` and the date may exceed ``most``. An index that has no more comes back as the same object.
        """
        if len(self._index.fields) <= most:
            return self._index
        nearest = self._nearest(question)
        needed = [self._fields[name] for name in keep if name in self._fields]
        if _TIME.search(question):
            needed += [field for field in nearest if field.kind in DATE and field.searchable][:1]
        kept = {name for field in needed for name in self._with(field)}
        for field in nearest:
            more = kept | self._with(field)
            kept = more if len(more) <= most else kept
        return replace(self._index, fields=tuple(field for field in self._index.fields if field.name in kept))

    def _nearest(self, question: str) -> list[Field]:
        asked, plain = stems(question), _fold(question)
        [vector] = [array("d", row) for row in self._embed([question])]
        scores = [
            self._said(name, asked, plain) + sum(map(operator.mul, vector, own))
            for name, own in zip(self._names, self._name_vectors(), strict=True)
        ]
        order = sorted(range(len(scores)), key=lambda place: -scores[place])
        return [self._heads[place] for place in order]

    def _said(self, name: _Name, asked: frozenset[str], plain: str) -> float:
        """How much of a name the question says, 0 to 1; words that few names have weigh most."""
        said = {word for word in name.words if word in asked or _unspaced(word, plain)}
        if name.joined in asked:
            said |= name.last
        whole = sum(self._weights[word] for word in name.words)
        return sum(self._weights[word] for word in said) / whole if whole else 0.0

    def _name_vectors(self) -> list[array[float]]:
        if self._vectors is None:
            rows = self._embed([" ".join(split(field.name)) for field in self._heads])
            self._vectors = [array("d", row) for row in rows]
        return self._vectors

    def _with(self, field: Field) -> set[str]:
        """The names that make no sense apart: the field, its parent, their multi-fields, the nested paths around."""
        names = {field.name} | self._families[field.parent or field.name]
        path = field.nested
        while path is not None and path not in names:
            names.add(path)
            path = self._fields[path].nested if path in self._fields else None
        return names


def narrow(index: IndexSchema, question: str, *, embed: Embed, most: int, keep: Iterable[str] = ()) -> IndexSchema:
    """``FieldNames.narrow`` for a single question."""
    return FieldNames(index, embed).narrow(question, most=most, keep=keep)


def split(name: str) -> list[str]:
    """The words of a field's name, folded: "user.firstName_ID2" has user, first, name, id and 2."""
    return [_fold(word) for word in _WORD.findall(name)]


@lru_cache(maxsize=1024)
def stems(question: str) -> frozenset[str]:
    """Stems of the question's words, and of neighbours written as one ("first name": firstname)."""
    words = [*split(question), *(_fold(word) for word in re.findall(r"\w+", question))]
    glued = [one + other for one, other in pairwise(split(question))]
    return frozenset(stem(word) for word in (*words, *glued) if word not in _STOP)


def stem(word: str) -> str:
    """One form of a singular and its plural: movi for movie and movies, box for boxes, citi for city and cities."""
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    if len(word) > 3 and word.endswith("e"):
        word = word[:-1]
    return word[:-1] + "i" if word.endswith("y") else word


def _unspaced(word: str, plain: str) -> bool:
    """Whether a word of a script that may be written without spaces stands in the question."""
    return len(word) > 1 and not word.isascii() and word in plain


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
