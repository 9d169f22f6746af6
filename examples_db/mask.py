"""The pattern of a question: what remains when its values and numbers are taken out.

Questions on different indices then look alike when they ask for the same kind of query: "comedies after 1995" and
"orders above 50" differ in two words less once they read "comedies after [number]" and "orders above [number]".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from nlq.types import Body, Example, LinkedValue

VALUE, NUMBER, FIELD = "[value]", "[number]", "[field]"

_QUOTED = re.compile(
    r"""(?<!\w)(?: "[^"\n]{1,300}" | '[^'\n]{0,298}[^'\s]' | `[^`\n]{1,300}` )(?!\w)"""
    r""" | “[^”\n]{1,300}” | ‘[^’\n]{1,300}’(?!\w) | «[^»\n]{1,300}» | „[^“”\n]{1,300}[“”] """,
    re.VERBOSE,
)

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_WORDS = r"two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|twenty|thirty|fifty|hundred|thousand"
_NUMBERS = re.compile(
    rf"""(?<![\w.]) (?:
        \d{{4}}-\d{{1,2}}(?:-\d{{1,2}})?(?:[T ]\d{{1,2}}:\d{{2}}(?::\d{{2}}(?:\.\d+)?)?(?:Z|[+-]\d{{2}}:?\d{{2}})?)?
      | \d{{1,4}}[/.]\d{{1,2}}[/.]\d{{1,4}}
      | {_MONTH}\s{_DAY}(?:,?\s\d{{4}})? | {_MONTH}\s\d{{4}} | {_DAY}\s(?:of\s)?{_MONTH}(?:,?\s\d{{4}})?
      | (?: [-+]?[$€£¥]?\d+(?:[.,]\d+)* (?:st|nd|rd|th|s|k|m|bn)? (?:\s?[%€£¥])? | (?:{_WORDS}) )
        (?:\s(?:hundred|thousand|million|billion|percent)\b)?
    ) (?!\w)""",
    re.VERBOSE | re.IGNORECASE,
)

_LITERAL_CLAUSES = frozenset(
    {"term", "terms", "match", "match_phrase", "match_phrase_prefix", "multi_match", "prefix", "wildcard", "range"}
)
_NOT_LITERALS = frozenset(
    {"field", "fields", "operator", "type", "format", "time_zone", "order", "missing", "fuzziness", "analyzer"}
)
_WORD = re.compile(r"\w+")
_NAME_PART = re.compile(r"[^\W_]+")
_HUMP = re.compile(r"(?<=[^\W\d_A-Z])(?=[A-Z])")


def mask(question: str, values: Iterable[LinkedValue] = (), *, fields: Iterable[str] = ()) -> str:
    """The question with linked and quoted values as "[value]", numbers, dates and years as "[number]", the names of
    ``fields`` ("name:kind" pairs) as "[field]", spaces single.

    Masking a masked question changes nothing.
    """
    texts = {v.text.strip() for v in values} - {""}
    if texts := {text for text in texts if _stand_in(text) == VALUE}:  # numbers are found without help
        either = "|".join(re.escape(text) for text in sorted(texts, key=len, reverse=True))
        question = re.sub(rf"(?<![\w\[])(?:{either})(?![\w\]])", VALUE, question, flags=re.IGNORECASE)
    question = _QUOTED.sub(lambda m: _stand_in(m[0][1:-1]), question)
    if names := _names(tuple(fields)):
        question = _without(question, names)
    return " ".join(_NUMBERS.sub(NUMBER, question).split())


def pattern_of(example: Example, *, mask_fields: bool = False) -> str:
    """The pattern of an example's question: its query tells which words were values, its fields which were names."""
    values = values_of(example.question, example.query)
    return mask(example.question, values, fields=example.fields if mask_fields else ())


def lesson_of(example: Example) -> str:
    """Equal for examples that teach the same: the patterns of their questions and the shapes of their queries are."""
    values = values_of(example.question, example.query)
    taught = json.dumps(shape(example.query, values), ensure_ascii=False, separators=(",", ":"))
    return f"{mask(example.question, values).lower()}\n{taught}"


@lru_cache(maxsize=512)
def _names(fields: tuple[str, ...]) -> frozenset[tuple[str, ...]]:
    """The last part of every field's path as stems of its words, split at "_", "-" and humps, and unsplit; multi-fields
    ("title.keyword") have no name that people use."""
    kinds = dict(field.rsplit(":", 1) for field in fields if ":" in field)
    names = set()
    for path in kinds:
        parent, _, leaf = path.rpartition(".")
        if kinds.get(parent, "object") not in ("object", "nested"):
            continue
        for spelled in (leaf, _HUMP.sub(" ", leaf)):
            names.add(tuple(_stem(word) for word in _NAME_PART.findall(spelled)))
    return frozenset(names - {()})


def _without(question: str, names: frozenset[tuple[str, ...]]) -> str:
    """The question with the longest of these names as "[field]", from left to right; never inside another mask."""
    words = list(_NAME_PART.finditer(question))
    stems = [_stem(word[0]) for word in words]
    longest = max(map(len, names))
    parts, done, i = [], 0, 0
    while i < len(words):
        sizes = range(min(longest, len(words) - i), 0, -1)
        size = next((n for n in sizes if tuple(stems[i : i + n]) in names), 0)
        start, end = words[i].start(), words[i + max(size, 1) - 1].end()
        if size and question[start - 1 : start] + question[end : end + 1] != "[]":
            parts += [question[done:start], FIELD]
            done = end
        i += max(size, 1)
    return "".join([*parts, question[done:]])


def _stand_in(text: str) -> str:
    """What replaces a value: "[number]" where it is one."""
    return NUMBER if _NUMBERS.fullmatch(text.strip()) else VALUE


def values_of(question: str, query: Body) -> tuple[LinkedValue, ...]:
    """The literals of a query that the question names, plural or singular: what a linker would have found.

    An example keeps no linked values; its query tells which words they were.
    """
    words = list(_WORD.finditer(question))
    stems = [_stem(word[0]) for word in words]
    found = []
    for field, literal in _literals(query):
        wanted = [_stem(word) for word in _WORD.findall(str(literal))]
        if not wanted or len(wanted) > len(words):
            continue
        starts = range(len(words) - len(wanted) + 1)
        at = next((i for i in starts if stems[i : i + len(wanted)] == wanted), None)
        if at is not None:
            text = question[words[at].start() : words[at + len(wanted) - 1].end()]
            found.append(LinkedValue(text=text, field=field, value=literal))
    return tuple(found)


def shape(query: Any, values: Iterable[LinkedValue]) -> Any:
    """The query with the linked values taken out, so that two examples of one pattern compare equal."""
    linked = {(type(v.value), v.value) for v in values}

    def walk(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: walk(child) for key, child in node.items()}
        if isinstance(node, list):
            return [walk(child) for child in node]
        return VALUE if (type(node), node) in linked else node

    return walk(query)


def _stem(word: str) -> str:
    """Enough of English plurals to see that "comedies" is "Comedy"."""
    word = word.lower()
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("s") and not word.endswith("ss"):
        return word[:-1]
    return word


def _literals(node: Any) -> Iterator[tuple[str, str | int | float]]:
    """(field, literal) of every clause that compares a field with something; a size counts too ("the 3 longest")."""
    if isinstance(node, dict):
        for key, child in node.items():
            if key == "size" and isinstance(child, int):
                yield key, child
            elif key in _LITERAL_CLAUSES and isinstance(child, dict):
                yield from _clause(child)
            elif isinstance(child, dict | list):
                yield from _literals(child)
    elif isinstance(node, list):
        for child in node:
            yield from _literals(child)


def _clause(clause: Body) -> Iterator[tuple[str, str | int | float]]:
    for field, operand in clause.items():
        if field not in _NOT_LITERALS:
            yield from ((field, leaf) for leaf in _leaves(operand))


def _leaves(operand: Any) -> Iterator[str | int | float]:
    if isinstance(operand, dict):
        for key, child in operand.items():
            if key not in _NOT_LITERALS:
                yield from _leaves(child)
    elif isinstance(operand, list):
        for child in operand:
            yield from _leaves(child)
    elif isinstance(operand, str | int | float) and not isinstance(operand, bool):
        yield operand
