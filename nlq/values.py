"""Which words of a question are values in the index, and what to do with values that are not.

Small models invent values ("sci-fi" for "Science Fiction") and turn printed sample values into filters nobody asked
for. So the values that the question itself mentions are looked up and only these are shown to the model; after
decoding, a term that differs from an existing value by case alone becomes that value.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nlq.query_schema import KEYWORD
from nlq.types import Body, Failure, IndexSchema, LinkedValue, Result

PER_FIELD = 1000
BUCKETS = 50_000  # below Elasticsearch's search.max_buckets, 65,536
MAX_WORDS = 8
MAX_FIELDS = 3
_LINKABLE = KEYWORD - {"flattened", "ip", "wildcard"}
_EDGES = " \t\n?!.,;:'\"()[]{}<>“”‘’«»„。，？！、؟"
_STOP = frozenset(
    "a all an and any are as at be by do for from had has have he her his how i if in is it its last less list "
    "many me more most my name no none not number of off on one or other our out over per she show so some than that "
    "the their them then there they this to total up was we were what when where which who why with yes you".split()
)


@dataclass(frozen=True, slots=True)
class Catalog:
    """Values per keyword field. ``complete`` names the fields whose every value is here."""

    values: Mapping[str, tuple[str, ...]]
    complete: frozenset[str] = frozenset()


def catalog_body(schema: IndexSchema) -> Body | None:
    """A search that lists the commonest values of every keyword field; None where there is no such field."""
    fields = _fields(schema)
    return _terms_body(schema, fields, {"size": min(PER_FIELD, max(1, BUCKETS // max(1, len(fields))))})


def lookup_body(schema: IndexSchema, question: str, fields: Iterable[str]) -> Body | None:
    """A search for the values of ``fields`` (too many to list) that the question's own words spell."""
    spelled = sorted({v for text in _spans(question) for v in _spellings(text)})
    chosen = set(fields)
    wanted = {name: path for name, path in _fields(schema).items() if name in chosen}
    return _terms_body(schema, wanted, {"size": 50, "include": spelled[:2000]}) if spelled else None


def read_catalog(schema: IndexSchema, result: Result | Failure) -> Catalog:
    """The values in the answer to one of the two searches above; none where the engine did not answer."""
    if isinstance(result, Failure):
        return Catalog({})
    names = list(_fields(schema))
    values: dict[str, tuple[str, ...]] = {}
    complete = set()
    for key, agg in result.aggregations.items():
        inner = agg if "buckets" in agg else agg["values"]
        name = names[int(key)]
        values[name] = tuple(str(b["key"]) for b in inner["buckets"])
        if not inner.get("sum_other_doc_count"):
            complete.add(name)
    return Catalog(values, frozenset(complete))


def merged(*catalogs: Catalog) -> Catalog:
    values: dict[str, tuple[str, ...]] = {}
    for catalog in catalogs:
        for name, found in catalog.values.items():
            values[name] = tuple(dict.fromkeys((*values.get(name, ()), *found)))
    return Catalog(values, catalogs[0].complete)


def link(question: str, catalog: Catalog) -> tuple[LinkedValue, ...]:
    """Words and phrases of the question that are values, in the question's order.

    Longest phrases win; case, quotes and a plural ending do not matter; words too common to mean a value, and values
    found in more than MAX_FIELDS fields, are left out.
    """
    known: dict[str, list[tuple[str, str]]] = {}
    for name, values in catalog.values.items():
        for value in values:
            known.setdefault(_plain(value), []).append((name, value))
    words = question.split()
    links: list[LinkedValue] = []
    taken: set[int] = set()
    for size in range(min(MAX_WORDS, len(words)), 0, -1):
        for start in range(len(words) - size + 1):
            where = set(range(start, start + size))
            text = " ".join(words[start : start + size]).strip(_EDGES)
            if taken & where or not _worth(text):
                continue
            found = next((known[form] for form in _forms(_plain(text)) if form in known), [])
            if 0 < len({name for name, _ in found}) <= MAX_FIELDS:
                taken |= where
                links.extend(LinkedValue(text, name, value) for name, value in found)
    links.extend(_unspaced(question, known))
    return tuple(sorted(dict.fromkeys(links), key=lambda v: question.find(v.text)))


def repair(body: Body, catalog: Catalog) -> Body:
    """The body with every ``term`` and ``terms`` value that does not exist replaced by the one existing value that
    differs from it by case, quotes or a plural ending alone; untouched where there is none or more than one."""
    return {k: _repaired(v, catalog) if k in ("query", "aggs") else v for k, v in body.items()}


def _repaired(node: Any, catalog: Catalog) -> Any:
    if isinstance(node, list):
        return [_repaired(item, catalog) for item in node]
    if not isinstance(node, dict):
        return node
    out = {}
    for key, value in node.items():
        if key in ("term", "terms") and isinstance(value, dict):
            out[key] = {name: _existing(wanted, catalog.values.get(name, ())) for name, wanted in value.items()}
        else:
            out[key] = _repaired(value, catalog)
    return out


def _existing(wanted: Any, values: Sequence[str]) -> Any:
    if isinstance(wanted, list):
        return [_existing(each, values) for each in wanted]
    if not isinstance(wanted, str) or wanted in values:
        return wanted
    known = _by_plain(values)
    found = next((known[form] for form in _forms(_plain(wanted)) if form in known), [])
    return found[0] if len(found) == 1 else wanted


def _by_plain(values: Iterable[str]) -> dict[str, list[str]]:
    out: dict[str, list[str]] = {}
    for value in values:
        out.setdefault(_plain(value), []).append(value)
    return out


def _fields(schema: IndexSchema) -> dict[str, str | None]:
    """Linkable fields with their nested path."""
    return {f.name: f.nested for f in schema.fields if f.kind in _LINKABLE}


def _terms_body(schema: IndexSchema, fields: Mapping[str, str | None], options: Body) -> Body | None:
    numbers = {name: str(i) for i, name in enumerate(_fields(schema))}
    aggs: Body = {}
    for name, path in fields.items():
        terms = {"terms": {"field": name, **options}}
        aggs[numbers[name]] = {"nested": {"path": path}, "aggs": {"values": terms}} if path else terms
    return {"size": 0, "aggs": aggs} if aggs else None


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(folded.split()).strip(_EDGES)


def _forms(plain: str) -> list[str]:
    """The text itself, then its singulars and plurals."""
    out = [plain]
    if len(plain) > 3 and plain.isascii():
        endings = (("ies", "y"), ("es", ""), ("s", ""), ("'s", ""), ("’s", ""), ("", "s"))
        out += [plain[: len(plain) - len(old)] + new for old, new in endings if plain.endswith(old)]
    return out


def _worth(text: str) -> bool:
    """Whether a span may be a value: no stop word, and no bare number of one or two digits."""
    return bool(text) and text.casefold() not in _STOP and not re.fullmatch(r"\d{1,2}|\W", text)


def _spans(question: str) -> list[str]:
    words = question.split()[:60]
    found = [
        " ".join(words[i : i + size]).strip(_EDGES)
        for size in range(1, MAX_WORDS + 1)
        for i in range(len(words) - size + 1)
    ]
    return [text for text in dict.fromkeys(found) if _worth(text)]


def _spellings(text: str) -> set[str]:
    """How a value of a long list may be written. Of single words only as they are: among thousands of titles, every
    common word is one."""
    if " " not in text:
        return {text}
    return {text, text.lower(), text.upper(), text.title(), text[:1].upper() + text[1:]}


def _unspaced(question: str, known: Mapping[str, Sequence[tuple[str, str]]]) -> list[LinkedValue]:
    """Values inside a run of letters of a script that is written without spaces."""
    plain = unicodedata.normalize("NFKC", question)
    return [
        LinkedValue(value, name, value)
        for text, found in known.items()
        if len(text) > 1 and re.search(r"[\u3040-\u30ff\u3400-\u9fff]", text) and text in plain.casefold()
        for name, value in found
    ]
