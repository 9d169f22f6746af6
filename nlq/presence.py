"""Whether a date is there at all: "orders that have a delivery date" is `exists`.

Models compare such a date with the present instead (``{"gte": "now"}``), which finds what is still to come: mostly
nothing. Where the question speaks of no time, that comparison becomes `exists`. A question in other words than the
usual ones for having a date is left as it is.
"""

from __future__ import annotations

import re
from typing import Any

from nlq.rewrite import Walk
from nlq.types import Body

_HAS_A_DATE = re.compile(
    r"\b(?:ha(?:s|ve|d|ving)|with(?:out)?|lack(?:s|ing)?|miss(?:es|ing)|no)\s+(?:(?:an?|any|the|no|their|its)\s+)?(?:\w+\s+){0,2}"
    r"(?:dates?|days?|times?|timestamps?)\b",
    re.IGNORECASE,
)
_WHEN = re.compile(
    r"\d|\b(?:now|today|tomorrow|yesterday|future|upcoming|coming|next|past|last|recent\w*|current\w*|later|ahead|still|yet"
    r"|already|soon|after|before|since|until|from|between|within|weeks?|months?|years?)\b",
    re.IGNORECASE,
)


def present(body: Body, question: str) -> Body:
    """A copy with `exists` for every range that only begins at the present, where ``question`` asks for a date to be
    there and names no time."""
    if not _HAS_A_DATE.search(question) or _WHEN.search(question):
        return body

    def leaf(kind: str, content: Any) -> Body:
        if kind == "range" and isinstance(content, dict) and len(content) == 1:
            [(field, spec)] = content.items()
            if _is_to_come(spec):
                return {"exists": {"field": field}}
        return {kind: content}

    return Walk(leaf=leaf).body(body)


def _is_to_come(spec: Any) -> bool:
    bounds = [spec[key] for key in ("gt", "gte", "lt", "lte") if key in spec] if isinstance(spec, dict) else []
    return len(bounds) == 1 and any(str(spec.get(key)).startswith("now") for key in ("gt", "gte"))
