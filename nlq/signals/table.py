"""The signals, one function each: facts about a candidate become a number and, where something is off, words."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from nlq.grounding import View
from nlq.narrow import split, stem, stems
from nlq.signals.clauses import Value, values
from nlq.signals.facts import Facts, name_words
from nlq.signals.parts import base
from nlq.signals.shapes import asked_shapes, orders
from nlq.signals.uses import uses_link, uses_number
from nlq.sizes import SCORING
from nlq.types import Signal, Verdict
from nlq.values.words import fold
from nlq.vote import is_empty

Found = tuple[float, str]
Sign = Callable[[Facts], Found]
"""What is seen in the facts: the signal's value, and its note."""

_WRITTEN = re.compile(
    r"\b(?:mention(?:s|ed|ing)?|say(?:s|ing)?|writ(?:es|ten)|the (?:words?|phrases?)|talk(?:s|ing)? about|full[- ]text|"
    r"in the (?:text|title|content|description|subject|note)s?)\b",
    re.IGNORECASE,
)
_TERMS = frozenset({"term", "terms", "match", "match_phrase"})


def signals(verdict: Verdict, question: str, view: View, *, total: int | None = None) -> tuple[Signal, ...]:
    """The signals of SIGNALS, in its order; () for a candidate that did not execute. ``total`` is the number of
    documents in the index. Pure; notes are empty where there is nothing to say."""
    if verdict.query is None or verdict.result is None:
        return ()
    facts = Facts.of(verdict, question, view, total=total)
    return tuple(Signal(name, *sign(facts)) for name, sign in SIGNALS.items())


def _grounded(facts: Facts) -> Found:
    """Share of the query's values that the question says."""
    missing = [value for value in facts.parts.values if not facts.said(value)]
    share = _share(len(missing), len(facts.parts.values))
    return share, _list("not in the question: ", (_value(value) for value in missing))


def _numbers_used(facts: Facts) -> Found:
    """Share of the question's numbers that the query uses: in values, sizes, intervals, or names of its fields."""
    needed = [number for number in facts.asked.numbers if number.needed]
    unused = [number for number in needed if not uses_number(number, facts)]
    return _share(len(unused), len(needed)), _list("unused: ", (number.text for number in unused))


def _values_used(facts: Facts) -> Found:
    """Share of the linked values that the query uses, on their field or another."""
    links = facts.links()
    unused = [text for text, found in links.items() if not any(uses_link(link, facts) for link in found)]
    return _share(len(unused), len(links)), _list("unused: ", unused)


def _values_known(facts: Facts) -> Found:
    """Share of the values demanded of fields whose every value is known that are among these."""
    catalog = facts.view.seen.catalog
    exact = [v for c in facts.parts.clauses if c.kind in ("term", "terms") for v in values(c)]
    asked = [v for v in exact if isinstance(v.value, str) and v.field in catalog.complete]
    unknown = [v for v in asked if fold(str(v.value)) not in map(fold, catalog.values.get(v.field, ()))]
    return _share(len(unknown), len(asked)), _list("no such value: ", map(_value, unknown))


def _words_used(facts: Facts) -> Found:
    """Share of the question's words that occur in names of fields which are in the query, in its fields' names or its
    values. Words of linked values and of the index's name do not count; where whole documents come back, none does."""
    index = facts.view.index
    of_fields = {word for f in index.fields if f.parent is None for word in name_words(f.name)}
    elsewhere = stems(" ".join([index.index, *(link.text for link in facts.view.values)]))
    said = set() if facts.parts.shows_all else (of_fields & facts.asked.stems) - elsewhere
    used = {word for name in facts.parts.fields for word in name_words(base(name, index))}
    used |= stems(" ".join(str(value.value) for value in facts.parts.values))
    unused = [word for word in split(facts.asked.text) if stem(word) in said - used]
    return _share(len(said - used), len(said)), _list("unused words: ", unused)


def _fields_named(facts: Facts) -> Found:
    """Share of the query's fields that the question names, or names a value of."""
    unnamed = [name for name in facts.parts.fields if not facts.named(name)]
    return _share(len(unnamed), len(facts.parts.fields)), _list("not named: ", unnamed)


def _named_used(facts: Facts) -> Found:
    """Share of the fields named in full that the query uses; where whole documents come back, it shows them all."""
    named = [] if facts.parts.shows_all else facts.fully_named()
    unused = [name for name in named if name not in facts.parts.fields]
    return _share(len(unused), len(named)), _list("named but unused: ", unused)


def _empty(facts: Facts) -> Found:
    return (1.0, "found nothing") if is_empty(facts.verdict) else (0.0, "")


def _everything(facts: Facts) -> Found:
    """Whether conditions let every document through."""
    result = facts.verdict.result
    every = facts.total is not None and result is not None and 0 < facts.total <= result.total
    if every and any(c.role != "fixed" and c.path[0] == "query" for c in facts.parts.clauses):
        return 1.0, "its conditions fit every document"
    return 0.0, ""


def _unfiltered(facts: Facts) -> Found:
    return (0.0, "") if facts.parts.clauses else (1.0, "no condition")


def _asked_shape(facts: Facts) -> Found:
    """Whether the kind of result suits the question's words: 1 it does, 0 it does not, 0.5 they do not tell."""
    asked = asked_shapes(facts)
    if asked is None:
        return 0.5, ""
    words, shapes = asked
    if shapes & facts.parts.shapes:
        return 1.0, ""
    return 0.0, f'"{words}" asks for {" or ".join(sorted(shapes))}, not {" and ".join(sorted(facts.parts.shapes))}'


def _asked_text(facts: Facts) -> Found:
    """Whether words are looked for in texts where the question speaks of what is written: 1 they are, 0 they are not,
    0.5 it does not."""
    cue = _WRITTEN.search(facts.asked.text)
    if cue is None:
        return 0.5, ""
    if any(clause.kind in SCORING for clause in facts.parts.clauses):
        return 1.0, ""
    return 0.0, f'"{cue[0]}" asks for words in a text'


def _repeated_value(facts: Facts) -> Found:
    """Whether one value is demanded of two fields."""
    demanded = [v for c in facts.parts.clauses if c.role == "must" and c.kind in _TERMS for v in values(c)]
    fields: dict[str, set[str]] = {}
    for value in demanded:
        if not isinstance(value.value, bool):
            fields.setdefault(fold(str(value.value)), set()).add(base(value.field, facts.view.index))
    twice = [text for text, names in fields.items() if len(names) > 1]
    return float(bool(twice)), _list("on two fields: ", twice)


def _extra_sort(facts: Facts) -> Found:
    extra = facts.parts.sorted if not orders(facts) else ()
    return float(bool(extra)), _list("sorted though no order is asked for: ", extra)


def _result_size(facts: Facts) -> Found:
    """ln(1 + documents or groups returned)."""
    result = facts.verdict.result
    count = (len(result.hits) or max(map(_groups, result.aggregations.values()), default=0)) if result else 0
    return round(math.log1p(count), 4), ""


def _clauses(facts: Facts) -> Found:
    """How many conditions there are."""
    return float(len(facts.parts.clauses)), ""


SIGNALS: Mapping[str, Sign] = {
    "grounded": _grounded,
    "numbers_used": _numbers_used,
    "values_used": _values_used,
    "values_known": _values_known,
    "words_used": _words_used,
    "fields_named": _fields_named,
    "named_used": _named_used,
    "empty": _empty,
    "everything": _everything,
    "unfiltered": _unfiltered,
    "asked_shape": _asked_shape,
    "asked_text": _asked_text,
    "repeated_value": _repeated_value,
    "extra_sort": _extra_sort,
    "result_size": _result_size,
    "clauses": _clauses,
}


def _groups(agg: Any) -> int:
    """The number of groups of an aggregation, or of those inside it."""
    if not isinstance(agg, Mapping):
        return 0
    if "buckets" in agg:
        return len(agg["buckets"])
    return max(map(_groups, agg.values()), default=0)


def _share(missing: int, of: int) -> float:
    """The share that is not missing, 1 where nothing could be."""
    return round(1 - missing / of, 4) if of else 1.0


def _value(value: Value) -> str:
    shown = f'"{value.value}"' if isinstance(value.value, str) else str(value.value)
    return f"{value.field} {shown}".strip()


def _list(intro: str, items: Iterable[str]) -> str:
    found: Sequence[str] = list(dict.fromkeys(items))
    return intro + ", ".join(found) if found else ""
