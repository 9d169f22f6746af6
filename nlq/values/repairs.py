"""Values in a decoded body that do not exist become the existing ones that they clearly mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nlq.rewrite import Walk
from nlq.types import Body, IndexSchema, LinkedValue, Repair
from nlq.values.catalog import Place
from nlq.values.lookup import Seen
from nlq.values.words import fold, forms

SHORTEST = 6


def repair(
    body: Body, seen: Seen, *, index: IndexSchema | None = None, links: Sequence[LinkedValue] = ()
) -> tuple[Body, tuple[Repair, ...]]:
    """The body with every ``term`` and ``terms`` value that does not exist replaced by its one clear neighbour, and
    what was replaced.

    Where the question names a value of one field of ``index`` (``links``) and a ``term`` looks for it in another field
    that is known not to have it, the term moves to the field that has. Where it says that a boolean field holds
    ("escalated"), ``exists`` of that field becomes that it does.

    Neighbours differ by case, accents, hyphens or spaces alone; where every value of the field is known, by a plural
    ending, or in words of six letters and more by one edit (ten and more: two) too; where all are single letters, a
    word is the one that it begins with ("female": "F"). Where there are several, or in
    numbers, nothing is replaced; nor in prefixes, wildcards and terms that ignore case.
    """
    made: dict[Repair, None] = {}

    def existing(name: str, wanted: Any) -> Any:
        if not isinstance(wanted, str) or any(wanted in c.values.get(name, ()) for c in (seen.catalog, seen.more)):
            return wanted
        values = _neighbours(wanted, name, seen)
        if len(values) != 1:
            return wanted
        made[Repair(name, wanted, values[0])] = None
        return values[0]

    holding = {link.field for link in links if link.value is True}

    def leaf(kind: str, content: Any) -> Body:
        if kind == "exists" and isinstance(content, dict) and content.get("field") in holding:
            return {"term": {content["field"]: True}}
        if kind not in ("term", "terms") or not isinstance(content, dict):
            return {kind: content}
        known = {name: _term(name, wanted) for name, wanted in content.items()}
        return {kind: dict(moved(name, wanted) for name, wanted in known.items()) if kind == "term" else known}

    def moved(name: str, wanted: Any) -> tuple[str, Any]:
        value = wanted.get("value") if isinstance(wanted, dict) else wanted
        link = _elsewhere(value, name, seen, links) if isinstance(value, str) else None
        if link is None or index is None or not _beside(name, link.field, index):
            return name, wanted
        made[Repair(name, str(value), str(link.value), to=link.field)] = None
        return link.field, {**wanted, "value": link.value} if isinstance(wanted, dict) else link.value

    def _term(name: str, wanted: Any) -> Any:
        if isinstance(wanted, list):
            return list(dict.fromkeys(existing(name, each) if isinstance(each, str) else each for each in wanted))
        if isinstance(wanted, dict):
            ignores = wanted.get("case_insensitive") is True or "value" not in wanted
            return wanted if ignores else {**wanted, "value": existing(name, wanted["value"])}
        return existing(name, wanted)

    return Walk(leaf=leaf).body(body), tuple(made)


def _elsewhere(wanted: str, name: str, seen: Seen, links: Sequence[LinkedValue]) -> LinkedValue | None:
    """The one link that says in which field the value is, where all values of ``name`` are known and it is none."""
    plain = fold(wanted)
    if name not in seen.catalog.complete or any(fold(value) == plain for value in seen.catalog.values.get(name, ())):
        return None
    named = [link for link in links if isinstance(link.value, str) and plain in (fold(link.value), fold(link.text))]
    return named[0] if len({link.field for link in named}) == 1 else None


def _beside(name: str, other: str, index: IndexSchema) -> bool:
    """Whether a clause on one of the fields can stand where one on the other does."""
    first, second = index.field(name), index.field(other)
    return first is not None and second is not None and (first.nested, first.kind) == (second.nested, second.kind)


def _neighbours(wanted: str, name: str, seen: Seen) -> Sequence[str]:
    """The nearest values of the field, if any: one of a spelling nearer than another's hides it."""
    plain, whole = fold(wanted), name in seen.catalog.complete
    catalogs = (seen.catalog, seen.more)
    for form in forms(plain) if whole else [plain]:
        if found := _of(name, [p for c in catalogs for p in c.wholes.get(form, ())]):
            return found
    if found := _of(name, [p for c in catalogs for p in c.joined.get(plain.replace(" ", ""), ())]):
        return found
    if whole and (letter := _letter(plain, seen.catalog.values[name])):
        return [letter]
    if not whole or len(plain) < SHORTEST or any(c.isdigit() for c in plain):
        return ()
    near = seen.catalog.neighbours(plain, most=2 if len(plain) >= 10 else 1)
    placed = [(edits, value) for edits, text in near for value in _of(name, seen.catalog.wholes.get(text, ()))]
    best = min((edits for edits, _ in placed), default=0)
    return [value for edits, value in placed if edits == best]


def _letter(plain: str, values: Sequence[str]) -> str:
    """The code of a word in a field of two letters or more that stand for words, "" where there is none."""
    codes = {fold(value): value for value in values}
    if len(codes) < 2 or not all(len(code) == 1 and code.isalpha() for code in codes) or not plain.isalpha():
        return ""
    return codes.get(plain[:1], "")


def _of(name: str, places: Sequence[Place]) -> list[str]:
    return list(dict.fromkeys(value for field, value in places if field == name))
