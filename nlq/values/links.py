"""Which words of a question are values of the index.

What is linked is shown to a small model, which makes a filter of it; so a doubtful link is none. The kinds:

    keyword   the phrase is a value: case, accents, hyphens, spaces, "&", possessives and plurals aside
    prefix    a name begins one value only; or an abbreviation does, word by word ("sci-fi": "Science Fiction")
    part      a name is a word of one short value only ("Spielberg"); or the phrase is a side of one's slash
    fuzzy     a word of five letters or more is a value, or the one word of a name, mistyped
    boolean   a boolean field is called like the word, which may be negated ("unpaid", "not premium")
    number    a number of three digits or more, or with decimals, is a value of one or two numeric fields
    date      a day, month or year lies in one or two date fields, and is no number there
    text      a name that is no value occurs in one or two text fields

What the question says to be mentioned or written ("mentioning climate", "with the word sea") is text, whatever values
it spells, where the index has texts. Months and parts of dates begin no name. A name is what the question puts in
quotes or begins with a capital inside a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from nlq.periods import MONTHS
from nlq.query_schema import BOOLEAN, TEXT
from nlq.types import IndexSchema, LinkedValue
from nlq.values.catalog import SHORTEST_NEAR, Catalog, Place
from nlq.values.lookup import KINDS, Kind, Occurrence, Seen
from nlq.values.mentions import dates
from nlq.values.words import (
    COMMON,
    STOP,
    Span,
    exact_only,
    fold,
    forms,
    names,
    spans,
    split_name,
    taken_names,
    unspaced,
    worth,
)

MAX_FIELDS = 3
MAX_OCCURRENCES = 2
_NOT = re.compile(
    r"(?:\b(?:not|non|never|isn['’]?t|aren['’]?t|wasn['’]?t|weren['’]?t|without|no)[\s-]+(?:yet\s+)?)$", re.I
)
_ASKED = re.compile(r"\b(?:by|per|each|whether|if|how|or|vs\.?|versus|group(?:ed)? by)\s+$", re.I)

_WRITTEN = re.compile(
    r"\b(?:mention(?:s|ed|ing)?|sa(?:y|ys|id|ying)|writ(?:e|es|ten|ing)|talk(?:s|ed|ing)? about|read(?:s|ing)|"
    r"(?:the |an? )?(?:word|phrase|term)s?|contain(?:s|ed|ing)? the (?:word|phrase|term)s?)\s+"
    r"(?:both |either |the (?:word|phrase|term)s? )?[\"'“‘]?(?:\w+[\"'”’]?,? (?:and|or) [\"'“‘]?)?$",
    re.IGNORECASE,
)

Found = tuple[int, int, LinkedValue]
"""Where the words are in the question, and what they are."""


def link(question: str, schema: IndexSchema, seen: Seen, *, kinds: frozenset[Kind] = KINDS) -> tuple[LinkedValue, ...]:
    """The values that the question names, in its order; of overlapping phrases the longest, of kinds the surest."""
    found: list[Found] = []
    taken = taken_names(schema)
    whole = [span for span in names(question) if worth(span, taken)]
    days = [(day.start, day.start + len(day.text)) for day in dates(question)]
    for phrases in (whole, [span for span in spans(question) if worth(span, taken)]):  # a name before its parts
        untimed = [s for s in phrases if s.plain not in MONTHS and not any(a < s.end and s.start < b for a, b in days)]
        for kind in ("keyword", "prefix", "part", "fuzzy"):
            if kind in kinds:
                _add_values(found, phrases if kind == "keyword" else untimed, kind, schema=schema, seen=seen)
    if "keyword" in kinds:
        _add_unspaced(found, question, seen)
    if any(f.kind in TEXT for f in schema.fields):
        found = [each for each in found if not _WRITTEN.search(question, 0, each[0])]
    if "boolean" in kinds:
        _add(found, _booleans(question, schema))
    for kind in ("number", "date", "text"):
        if kind in kinds:
            _add(found, _occurrences(seen.occurrences, kind))
    return tuple(dict.fromkeys(value for _, _, value in sorted(found, key=lambda f: f[0])))


def _add(found: list[Found], more: Iterable[Found]) -> None:
    """Adds those that overlap nothing that is there."""
    there = list(found)
    found += [new for new in more if not any(new[0] < end and start < new[1] for start, end, _ in there)]


def _add_values(found: list[Found], phrases: Sequence[Span], kind: Kind, *, schema: IndexSchema, seen: Seen) -> None:
    for span in phrases:
        places = dict.fromkeys(
            place
            for catalog in (seen.catalog, seen.more)
            for place in _FINDERS[kind](span, catalog, seen.catalog, schema)
        )
        if kind != "keyword" and len({fold(value) for _, value in places}) != 1:
            continue
        if 0 < len({name for name, _ in places}) <= MAX_FIELDS:
            _add(found, [(span.start, span.end, LinkedValue(span.text, *place)) for place in places])


def _keyword(span: Span, catalog: Catalog, listed: Catalog, schema: IndexSchema) -> list[Place]:
    del schema
    plain = span.plain
    places = next((catalog.wholes[form] for form in forms(plain) if form in catalog.wholes), ())
    if not places and span.words == 1:
        places = catalog.joined.get(plain.replace(" ", ""), ())
    exact = [place for place in places if place[1] == span.text]
    if exact or exact_only(span):
        return exact
    return [place for place in places if span.words > 1 or span.strong or not listed.long(place[0])]


def _prefix(span: Span, catalog: Catalog, listed: Catalog, schema: IndexSchema) -> list[Place]:
    words = span.plain.split()
    if span.strong and len(span.plain) > 3 and (begun := catalog.beginning(span.plain)):
        return _of_whole_lists(begun, listed, schema)
    short = all(len(word) <= 3 for word in words) and not STOP.intersection(words)
    if not 2 <= len(words) <= 4 or not (short or span.strong or span.words == 1):
        return []
    places = catalog.initials.get("".join(word[0] for word in words), ())
    return [place for place in places if _abbreviates(words, fold(place[1]).split())]


def _abbreviates(short: Sequence[str], long: Sequence[str]) -> bool:
    return all(len(s) > 1 and word.startswith(s) for s, word in zip(short, long, strict=True))


def _part(span: Span, catalog: Catalog, listed: Catalog, schema: IndexSchema) -> list[Place]:
    plain = span.plain
    if sides := [p for form in forms(plain) for p in catalog.sides.get(form, ()) if not listed.long(p[0])]:
        return sides
    if not span.strong or len(plain) < 4:
        return []
    return _of_whole_lists(catalog.containing(plain), listed, schema)


def _of_whole_lists(places: Iterable[Place], listed: Catalog, schema: IndexSchema) -> list[Place]:
    """Places where it is sure that no other value has the same word: of long lists, only those that are analysed as
    text too were asked for it. Fields where the word is in a long value are left out: titles share words with what a
    question is about."""
    every = list(places)
    texts = {f.name for f in schema.fields if f.kind in TEXT}
    analyzed = {f.name for f in schema.fields if f.parent in texts}
    titles = {name for name, value in every if len(fold(value).split()) > (3 if name in analyzed else 6)}
    return [place for place in every if place[0] not in titles and (place[0] in analyzed | listed.complete)]


def _fuzzy(span: Span, catalog: Catalog, listed: Catalog, schema: IndexSchema) -> list[Place]:
    plain = span.plain
    letters = plain.replace(" ", "")
    if len(letters) < SHORTEST_NEAR or not letters.isalpha() or span.words > 3 or _known(plain, catalog):
        return []
    if not span.strong and (span.words > 1 or len(letters) == SHORTEST_NEAR or plain in COMMON or plain in STOP):
        return []
    near = catalog.neighbours(plain, most=2 if span.strong and len(plain) > 8 else 1)
    best = min((edits for edits, _ in near), default=0)
    places: list[Place] = []
    for text in (text for edits, text in near if edits == best):
        places += [p for p in catalog.wholes.get(text, ()) if span.strong or not _title(p, listed, schema)]
        if len(letters) > SHORTEST_NEAR:
            places += _of_whole_lists(catalog.words.get(text, ()), listed, schema)
    return places


def _title(place: Place, listed: Catalog, schema: IndexSchema) -> bool:
    """Whether the value is one of a long list of free text, where words are like other words by chance."""
    field = schema.field(place[0])
    return listed.long(place[0]) and field is not None and field.parent is not None


def _known(plain: str, catalog: Catalog) -> bool:
    """Whether these are words of values as they are, or but for a plural."""
    return any(form in catalog.words or form in catalog.wholes for form in forms(plain))


_FINDERS = {"keyword": _keyword, "prefix": _prefix, "part": _part, "fuzzy": _fuzzy}


def _add_unspaced(found: list[Found], question: str, seen: Seen) -> None:
    for start, text in unspaced(question):
        places = [p for catalog in (seen.catalog, seen.more) for p in catalog.wholes.get(fold(text), ())]
        if 0 < len({name for name, _ in places}) <= MAX_FIELDS:
            _add(found, [(start, start + len(text), LinkedValue(text, *place)) for place in dict.fromkeys(places)])


def _booleans(question: str, schema: IndexSchema) -> Iterator[Found]:
    """Words that boolean fields are called by, unless both sides of the question are asked for."""
    for field in schema.fields:
        if field.kind not in BOOLEAN or field.parent is not None:
            continue
        name = re.sub(r"^(is|has|was|are) ", "", split_name(field.name.split(".")[-1]))
        word = r"[\s_-]+".join(re.escape(part) for part in name.split())
        hits = list(re.finditer(rf"(?<!\w)(?P<un>un|in|non)?-?{word}(?!\w)", question, re.IGNORECASE))
        denied = {bool(hit["un"] or _NOT.search(question, 0, hit.start())) for hit in hits}
        if len(denied) == 1 and not any(_ASKED.search(question, 0, hit.start()) for hit in hits):
            yield *hits[0].span(), LinkedValue(hits[0][0], field.name, denied == {False})


def _occurrences(occurrences: Sequence[Occurrence], kind: Kind) -> Iterator[Found]:
    """Those of a kind whose words occur in few fields. A year in a date field is no number elsewhere, unless there is a
    numeric field of years."""
    years = {o.start for o in occurrences if o.kind == "date" and len(str(o.link.value)) == 4}
    named = {o.start for o in occurrences if o.kind == "number" and _of_years(o.link)}
    of_kind = [o for o in occurrences if o.kind == kind]
    for start in dict.fromkeys(o.start for o in of_kind):
        links = [o.link for o in of_kind if o.start == start]
        if kind == "number" and start in named:
            links = [each for each in links if _of_years(each)]
        if len(links) > MAX_OCCURRENCES or (kind == "number" and start in years - named):
            continue
        yield from ((start, start + len(each.text), each) for each in links)


def _of_years(link: LinkedValue) -> bool:
    return "year" in link.field.casefold() and 1000 <= float(link.value) < 3000
