"""Words that a question places in a text field: "gardens in the title" are looked for in the title.

A word that is nearly a value of another field (the subject "garden") makes models demand that value instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from nlq.narrow import split
from nlq.query_schema import TEXT
from nlq.rewrite import Walk
from nlq.types import Body, Field, IndexSchema, LinkedValue

_BETWEEN = (
    r"[\"'”’»]?\s+(?:(?:is|are|was|appears?|occurs?|mentioned|used|somewhere|anywhere)\s+)*in\s+(?:the|its|their)\s+"
)
_DEMANDS = ("term", "terms", "match", "match_phrase")


def placed(body: Body, question: str, index: IndexSchema, links: Sequence[LinkedValue]) -> Body:
    """A copy in which what ``question`` says to be in a text field is matched there, and not demanded of another."""
    texts = [f for f in index.fields if f.kind in TEXT and f.parent is None and f.nested is None]
    named = [(f, re.compile(_BETWEEN + r"\W+".join(split(f.name)) + r"s?\b", re.IGNORECASE)) for f in texts]
    named = [(f, cue) for f, cue in named if cue.search(question)]

    def leaf(kind: str, content: Any) -> Body:
        found = _moved(kind, content) if kind in _DEMANDS and isinstance(content, dict) else None
        return found or {kind: content}

    def _moved(kind: str, content: Body) -> Body | None:
        for name, spec in content.items():
            for text in _texts(kind, spec, name, links):
                for field, cue in named:
                    if not _is_of(name, field) and _stands(text, cue, question):
                        return {"match": {field.name: {"query": text, "operator": "and"}}}
        return None

    return Walk(leaf=leaf).body(body) if named else body


def _is_of(name: str, field: Field) -> bool:
    return name == field.name or name.startswith(f"{field.name}.")


def _texts(kind: str, spec: Any, name: str, links: Sequence[LinkedValue]) -> Iterator[str]:
    """How the question may say the values of a clause: as they are, or as it links them to the field."""
    held = spec.get("value", spec.get("query")) if isinstance(spec, dict) else spec
    for value in held if kind == "terms" and isinstance(held, list) else [held]:
        if isinstance(value, str) and value:
            yield value
            yield from (link.text for link in links if link.field == name and link.value == value)


def _stands(text: str, cue: re.Pattern[str], question: str) -> bool:
    """Whether the text stands right before "in the FIELD", once."""
    found = list(re.finditer(rf"(?<!\w){re.escape(text)}(?=\W)", question, re.IGNORECASE))
    return len(found) == 1 and cue.match(question, found[0].end()) is not None
