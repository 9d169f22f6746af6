"""The words of a question: folded so that spellings of one thing are equal, and cut into phrases."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from nlq.types import IndexSchema

MAX_WORDS = 8
MOST_WORDS = 100
_EDGES = " \t\n?!.,;:'\"()[]{}<>“”‘’«»„`。，？！、؟"
_MARKS = re.compile("[\u0300-\u036f]")  # accents of European scripts; other scripts' marks make other words
_BREAKS = re.compile(r"[\s\-‐-―_/+.,:;!?()\[\]\"“”«»]+")
_QUOTES = re.compile(r"\"([^\"]+)\"|“([^”]+)”|«([^»]+)»|„([^“”]+)[“”]|`([^`]+)`|(?<!\w)['‘]([^'’]+)['’](?!\w)")
_CONNECTORS = frozenset("of the and de del der la le van von du di da & in on a for to".split())

STOP = frozenset(
    "a about after again all also among an and any are as at back be been before being below best between both but by "
    "can could did do does down during each either else ever every few first for from get give had has have he her "
    "here his how i if in into is it its just last least less like list many may me more most much must my name near "
    "need neither no none nor not now number of off on once one only or other our out over own per please same she "
    "should show since so some still such tell than that the their them then there these they this those through to "
    "too total under until up us use used using very was we were what when where whether which while who whose why "
    "will with within without would yes yet you your".split()
)
COMMON = frozenset(
    "above across amount amounts around average averages bigger biggest broken called certain cheapest closest column "
    "compare compared contain contains containing contents count counts created current daily dates details different "
    "directed display distinct document documents earlier earliest entries exactly exclude excluding expensive "
    "fastest fewest figure filter following greater greatest group grouped groups having higher highest ignore "
    "include included including inside largest latest letter listed locate longer longest lowest matching maximum "
    "median mention mentioned mentioning mentions minimum missing monthly months newest number numbers occurred "
    "oldest opened ordered others outside percent percentage period please present previous quarter ranked recent "
    "recently record recorded records related released result results retrieve return returned search second selected "
    "service several shorter shortest should similar single slowest smallest sorted starting started stated states "
    "summary things titled together total totals unique values various weekly whichever without worked working worst "
    "written yearly years".split()
)


@dataclass(frozen=True, slots=True)
class Span:
    """Neighbouring words of a question from character ``start`` to ``end``, without the punctuation around them.

    ``capital`` says that every word begins with a capital letter where none has to ("of", "the", … aside).
    """

    text: str
    start: int
    end: int
    words: int
    quoted: bool
    capital: bool

    @property
    def strong(self) -> bool:
        """Whether the writer marked it as a name."""
        return self.quoted or self.capital

    @property
    def plain(self) -> str:
        return fold(self.text)


@lru_cache(maxsize=4096)
def fold(text: str) -> str:
    """One spelling for what differs by case, accents, hyphens, spaces, punctuation, "&" or a possessive alone."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("&", " and ")
    folded = _MARKS.sub("", unicodedata.normalize("NFD", folded))
    folded = re.sub(r"['’](s\b)?", "", unicodedata.normalize("NFC", folded))
    return _BREAKS.sub(" ", folded).strip(_EDGES) or text.strip()


def forms(plain: str) -> list[str]:
    """The text itself, then its singulars and plurals."""
    out = [plain]
    if len(plain) > 3 and plain.isascii():
        endings = (("ies", "y"), ("es", ""), ("s", ""), ("", "s"))
        out += [plain[: len(plain) - len(old)] + new for old, new in endings if plain.endswith(old)]
    return out


@lru_cache(maxsize=64)
def spans(question: str) -> tuple[Span, ...]:
    """Every phrase of at most MAX_WORDS words, and what is in quotes as one; longest first, then from left to right."""
    quotes = _quotes(question)
    words = list(re.finditer(r"\S+", question))[:MOST_WORDS]
    capital = _capitals(question, words)
    joins = [c or word[0].casefold() in _CONNECTORS for c, word in zip(capital, words, strict=True)]
    found = [Span(question[a:b], a, b, words=MAX_WORDS + 1, quoted=True, capital=False) for a, b in quotes]
    for size in range(min(MAX_WORDS, len(words)), 0, -1):
        for first in range(len(words) - size + 1):
            last = first + size - 1
            start, end = _trimmed(question, words[first].start(), words[last].end())
            if start < end and not any(start < b and a < end for a, b in quotes):
                named = capital[first] and capital[last] and all(joins[first:last])
                found.append(Span(question[start:end], start, end, size, quoted=False, capital=named))
    return tuple(found)


def _quotes(question: str) -> list[tuple[int, int]]:
    """Where something is quoted, but for a question that is quoted as a whole."""
    found = [_trimmed(question, m.start(), m.end()) for m in _QUOTES.finditer(question)]
    return [(start, end) for start, end in found if start < end and 4 * (end - start) < 3 * len(question)]


def names(question: str) -> tuple[Span, ...]:
    """The longest phrases that the writer marked as names, none inside another."""
    out: list[Span] = []
    for span in sorted(spans(question), key=lambda s: (not s.quoted, -s.words, s.start)):
        if span.strong and not any(span.start < o.end and o.start < span.end for o in out):
            out.append(span)
    return tuple(sorted(out, key=lambda s: s.start))


def worth(span: Span, taken: frozenset[str]) -> bool:
    """Whether a phrase may be a value: no stop word, no bare number of one or two digits, none of the names that are
    ``taken``; whatever is quoted may."""
    plain = span.plain
    if not any(c.isalnum() for c in plain):
        return False
    if span.quoted:
        return True
    if re.fullmatch(r"\d{1,2}", plain) or any(form in taken for form in forms(plain)):
        return False
    return not all(word in STOP for word in plain.split()) or _code(span)


def exact_only(span: Span) -> bool:
    """Whether the phrase is too short to mean a value of another spelling."""
    return not span.quoted and (len(span.plain) <= 2 or (_code(span) and span.plain in STOP))


def common(span: Span) -> bool:
    """Whether the phrase, were it no value, would mean nothing but its usual words ("US" in "US sales")."""
    return not span.quoted and all(word in STOP or word in COMMON for word in span.plain.split())


def _code(span: Span) -> bool:
    """Letters like "OR" and "US", which are stop words in small letters."""
    return span.capital and span.text.isupper() and 2 <= len(span.text) <= 3


def unspaced(question: str) -> Iterator[tuple[int, str]]:
    """Phrases of scripts that are written without spaces, longest first, with their places."""
    for run in re.finditer("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]{2,60}", question):
        for size in range(min(16, len(run[0])), 1, -1):
            for first in range(len(run[0]) - size + 1):
                yield run.start() + first, run[0][first : first + size]


def split_name(name: str) -> str:
    """A part of a field's name as words: "inStock" and "in_stock" are "in stock"."""
    return fold(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name))


@lru_cache(maxsize=64)
def taken_names(schema: IndexSchema) -> frozenset[str]:
    """The names of the index and its fields, as words, and the last word of each; singular and plural."""
    out = {split_name(schema.index)}
    for field in schema.fields:
        if field.parent is None:
            for part in field.name.split("."):
                words = split_name(part).split()
                out |= {" ".join(words), *words[-1:]}
    return frozenset(form for name in out for form in forms(name))


def _capitals(question: str, words: list[re.Match[str]]) -> list[bool]:
    """Of each word, whether it begins with a capital inside a sentence; of none where most words do."""
    stripped = [word[0].strip(_EDGES) for word in words]
    upper = [text[:1].isupper() for text in stripped]
    if len(words) > 3 and sum(upper) > 0.6 * len(words):
        return [False] * len(words)
    opens = [i == 0 or words[i - 1][0].rstrip("\"'”’)")[-1:] in ("?", "!", ".", ":", "…") for i in range(len(words))]
    return [big and not first and text != "I" for big, first, text in zip(upper, opens, stripped, strict=True)]


def _trimmed(question: str, start: int, end: int) -> tuple[int, int]:
    while start < end and question[start] in _EDGES:
        start += 1
    while start < end and question[end - 1] in _EDGES:
        end -= 1
    return start, end
