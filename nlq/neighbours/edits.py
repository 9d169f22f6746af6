"""The edits of conditions, one small function each, and the table of all edits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from nlq.neighbours.places import Edited, narrowed, replaced, without, without_all
from nlq.neighbours.results import counts, hits, order, shape, top
from nlq.query_schema import KEYWORD, TEXT
from nlq.readback.queries import clause as condition
from nlq.signals.clauses import Clause, Value, values
from nlq.signals.facts import Facts
from nlq.signals.parts import base
from nlq.signals.uses import uses_link
from nlq.types import Body, LinkedValue
from nlq.values.words import fold

Edit = Callable[[Facts], Edited]

_EXACT = frozenset({"term", "terms", "match", "match_phrase"})


def drop(facts: Facts) -> Edited:
    """Without the conditions that the question does not ground: all of them, then each alone."""
    loose = [c for c in facts.parts.clauses if c.role in ("must", "must_not") and not facts.grounded(c)]
    if len(loose) > 1:
        body = without_all(facts.body, [clause.path for clause in loose])
        yield body, "without " + ", ".join(_said(c) for c in loose)
    for clause in loose:
        yield without(facts.body, clause.path), f"without {_said(clause)}"


def trim(facts: Facts) -> Edited:
    """Without those bounds and values of a condition that the question does not ground, where it grounds others."""
    for clause in facts.parts.clauses:
        held = values(clause)
        loose = [value for value in held if not facts.said(value)]
        if clause.kind not in ("range", "terms") or not 0 < len(loose) < len(held):
            continue
        content = {name: _trimmed(spec, [v for v in loose if v.field == name]) for name, spec in clause.content.items()}
        new = {clause.kind: content}
        left = ", ".join(str(value.value) for value in loose)
        yield replaced(facts.body, clause.path, new), f"{condition(new)}, without {left}"


def swap(facts: Facts) -> Edited:
    """The linked value of a field in place of one that the question does not say."""
    for clause, value in _single(facts):
        for link in facts.view.values if not facts.said(value) else ():
            if _base(link.field, facts) == _base(value.field, facts):
                yield _with_link(facts, clause, link)


def move(facts: Facts) -> Edited:
    """A value on the other field that it is linked to, unless that is compared with it too: see ``once``."""
    held = {(_base(value.field, facts), fold(str(value.value))) for _, value in _single(facts)}
    for clause, value in _single(facts):
        for link in facts.view.values:
            names, other = {fold(str(link.value)), fold(link.text)}, _base(link.field, facts)
            if fold(str(value.value)) not in names or held & {(other, name) for name in names}:
                continue
            if _beside(value.field, link, facts):
                yield _with_link(facts, clause, link)


def words(facts: Facts) -> Edited:
    """Words in a text in place of its whole value, and a linked whole value in place of words."""
    for clause, value in _single(facts):
        found = facts.view.index.field(value.field)
        if found is None or not isinstance(value.value, str):
            continue
        text = facts.view.index.field(found.parent or found.name)
        if clause.kind == "term" and text and text.kind in TEXT and found.kind in TEXT | KEYWORD:
            yield _with_clause(facts, clause, _words(text.name, value.value))
        elif clause.kind.startswith("match") and found.kind in TEXT:
            for link in facts.view.values:
                whole = facts.view.index.field(link.field)
                if whole is not None and whole.parent == found.name and facts.linked(value.value):
                    yield _with_link(facts, clause, link)


def elsewhere(facts: Facts) -> Edited:
    """Words that found nothing in one text, in the others."""
    texts = [f.name for f in facts.view.index.fields if f.kind in TEXT and f.parent is None and not f.nested]
    for clause, value in _single(facts):
        if clause.kind.startswith("match") and value.field in texts and facts.found_nothing:
            spec = clause.content[value.field]
            for text in texts:
                if text != value.field:
                    yield _with_clause(facts, clause, {clause.kind: {text: spec}})


def add(facts: Facts) -> Edited:
    """With a linked value that the query does not use as one more condition."""
    for links in facts.links().values():
        if any(uses_link(link, facts) for link in links):
            continue
        for link in links:
            new = _exactly(link, facts)
            yield narrowed(facts.body, new, link.field, facts.view.index), f"only where {condition(new)}"


def either(facts: Facts) -> Edited:
    """Any of several values of a field in place of all of them."""
    groups: dict[tuple[Any, ...], list[Clause]] = {}
    for clause, value in _single(facts):
        if clause.role == "must" and len(clause.path) > 1 and isinstance(clause.path[-1], int):
            groups.setdefault((clause.path[:-1], value.field), []).append(clause)
    for group in groups.values():
        if len({repr(clause.content) for clause in group}) < 2:
            continue
        any_of = {"bool": {"should": [clause.node for clause in group], "minimum_should_match": 1}}
        body = without_all(replaced(facts.body, group[0].path, any_of), [clause.path for clause in group[1:]])
        yield body, f"either of {' and '.join(map(_said, group))}"


def once(facts: Facts) -> Edited:
    """A value that is demanded of several fields, on one of them alone."""
    by_value: dict[str, list[tuple[Clause, str]]] = {}
    for clause, value in _single(facts):
        if clause.role == "must" and isinstance(value.value, str):
            by_value.setdefault(fold(value.value), []).append((clause, _base(value.field, facts)))
    for same in by_value.values():
        if len({field for _, field in same}) < 2:
            continue
        for kept, _ in same:
            body = without_all(facts.body, [clause.path for clause, _ in same if clause is not kept])
            yield body, f"{_said(kept)} alone"


EDITS: Mapping[str, Edit] = {
    "order": order,
    "top": top,
    "drop": drop,
    "shape": shape,
    "move": move,
    "trim": trim,
    "once": once,
    "counts": counts,
    "swap": swap,
    "either": either,
    "hits": hits,
    "add": add,
    "words": words,
    "elsewhere": elsewhere,
}
"""The edits, in the order in which they are tried."""

AFTER_NOTHING = ("words", "elsewhere", "move")
"""Those that are tried first on a query that found nothing."""


def _single(facts: Facts) -> Iterator[tuple[Clause, Value]]:
    """The clauses that compare one field with one value."""
    for clause in facts.parts.clauses:
        held = values(clause)
        if clause.kind in _EXACT and clause.role != "fixed" and len(held) == 1:
            yield clause, held[0]


def _with_link(facts: Facts, clause: Clause, link: LinkedValue) -> tuple[Body, str]:
    return _with_clause(facts, clause, _exactly(link, facts))


def _with_clause(facts: Facts, clause: Clause, new: Body) -> tuple[Body, str]:
    return replaced(facts.body, clause.path, new), f"{condition(new)}, not {_said(clause)}"


def _exactly(link: LinkedValue, facts: Facts) -> Body:
    """The clause that finds a linked value."""
    found = facts.view.index.field(link.field)
    if found is not None and found.kind in TEXT:
        return _words(link.field, str(link.value))
    return {"term": {link.field: link.value}}


def _words(field: str, text: str) -> Body:
    return {"match": {field: {"query": text, "operator": "and"}}}


def _said(clause: Clause) -> str:
    return condition(clause.node)


def _trimmed(spec: Any, loose: list[Value]) -> Any:
    if isinstance(spec, list):
        return [each for each in spec if each not in [v.value for v in loose]]
    bounds = {value.bound for value in loose}
    return {key: each for key, each in spec.items() if key not in bounds} if isinstance(spec, dict) else spec


def _base(name: str, facts: Facts) -> str:
    return base(name, facts.view.index)


def _beside(name: str, link: LinkedValue, facts: Facts) -> bool:
    """Whether a clause on the linked field can stand where one on the other does."""
    one, other = facts.view.index.field(name), facts.view.index.field(link.field)
    return one is not None and other is not None and one.nested == other.nested
