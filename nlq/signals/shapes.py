"""Which shapes of result the words of a question ask for: one table of cues, the first that fits decides."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from nlq.narrow import split, stem
from nlq.query_schema import NUMBER
from nlq.signals.facts import Facts, name_words
from nlq.signals.parts import Shape


@dataclass(frozen=True, slots=True)
class Cue:
    """Words, and the shapes that suit them. A cue holds ``only`` where a field is called like what "what" matched, or
    ``not`` there, as its words then name the field."""

    words: re.Pattern[str]
    shapes: frozenset[Shape]
    field: Literal["", "only", "not"] = ""


def _cue(words: str, shapes: str, field: Literal["", "only", "not"] = "") -> Cue:
    return Cue(re.compile(rf"\b(?:{words})\b", re.IGNORECASE), frozenset(shapes.split()), field)


_MOST = (
    r"(?<!at )(?:most|least|fewest|best|worst|top|bottom|(?:high|low|larg|small|bigg|great|long|short|old|young|new"
    r"|late|earl|cheap|fast|slow|heav|light|tall|deep|wid|clos|near|rich|poor|strong|weak|bus|dens)(?:i?est))"
)
CUES: tuple[Cue, ...] = (
    _cue(r"(?:top|bottom) (?:\d+|\w+(?= \w+ by))", "ranked"),
    _cue(rf"(?:{_MOST}|maximum|minimum) (?:number|count|amount) of", "ranked metric"),
    _cue(r"(?:show|list|give|find|display|print|return|name|tell) (?:me )?each", "hits groups"),
    _cue(r"per|(?:for|in|of|by) each|each|grouped by|broken down by|distribution of|breakdown", "groups"),
    _cue(r"(?<!sorted )(?<!ordered )(?<!ranked )by (?:the )?(?P<what>\w+)", "groups", "only"),
    _cue(r"how many (?:of )?(?:the )?(?P<what>\w+)", "count", "not"),
    _cue(r"(?:number|count) of (?:all )?(?:the )?(?P<what>\w+)|count", "count", "not"),
    _cue(r"how many|number of", "count metric hits"),
    _cue(_MOST, "ranked metric"),
    _cue(r"average|mean|avg|median|sum|combined|altogether|total", "metric"),
    _cue(r"maximum|minimum|max|min", "ranked metric"),
    _cue(r"which|what|who|whose|where|when|list|show|find|give|name|tell|display|return", "hits groups ranked"),
)
"""The words of a cue and the shapes that suit them, in the order of precedence."""

_ORDER = re.compile(
    rf"\b(?:{_MOST}|first|last|sort(?:ed)?|order(?:ed)?|rank(?:ed|ing)?|alphabetical(?:ly)?|ascending|descending"
    r"|maximum|minimum|max|min|increasing|decreasing|recent|leading|chronological(?:ly)?)\b",
    re.IGNORECASE,
)


_EACH = re.compile(r"\b(?:each|per|every)\b", re.IGNORECASE)
_MEASURED: frozenset[Shape] = frozenset({"ranked", "metric"})


def asked_shapes(facts: Facts) -> tuple[str, frozenset[Shape]] | None:
    """The words that decide, and the shapes that suit them; None where no cue fits. Words of a field's name are no
    cue where the question says the name in full."""
    named = {word for name in facts.fully_named() for word in split(name)}
    for cue in CUES:
        for found in cue.words.finditer(facts.asked.text):
            if named.issuperset(split(found[0])) or not _holds(cue, found, facts):
                continue
            grouped = cue.shapes & _MEASURED and _EACH.search(facts.asked.text)
            return found[0], cue.shapes | ({"groups"} if grouped else set())
    return None


def _holds(cue: Cue, found: re.Match[str], facts: Facts) -> bool:
    if not cue.field:
        return True
    return _is_field(found["what"], facts, numeric=cue.field == "not") == (cue.field == "only")


def orders(facts: Facts) -> bool:
    """Whether anything in the question orders or picks the first."""
    return bool(_ORDER.search(facts.asked.text))


def _is_field(word: str | None, facts: Facts, *, numeric: bool) -> bool:
    """Whether a field, one of numbers where ``numeric``, has the word in its name."""
    fields = [f for f in facts.view.index.fields if not numeric or f.kind in NUMBER]
    return word is not None and any(stem(word.casefold()) in name_words(f.name) for f in fields)
