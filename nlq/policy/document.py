"""docs/policy.md, written from the tables: ``python -m nlq.policy.document > docs/policy.md``."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import fields

from nlq.expressions import PATTERNS
from nlq.policy.grammar import AGGREGATIONS, BODY, QUERIES
from nlq.policy.limits import PolicyLimits
from nlq.policy.rules import RULES, SHAPES

_INTRO = """# Policy

What no query may do, whoever wrote it: a model, an example, a user. Every body is checked in this order: size and
shape, the query schema of its index, this policy, Elasticsearch itself. The index comes from the address, never from
the body. A refusal is one sentence with the place, the key and the fix.

The policy reads a body by position, so fields, aggregations and values may be named like anything below.
This page is written by `python -m nlq.policy.document > docs/policy.md`.
"""


def document() -> str:
    """The page as Markdown."""
    refused = [(_code(rule.keys), rule.place, rule.why, rule.instead) for rule in RULES]
    caps = [(f"`{f.name}`", f"{f.default:,}", f.metadata["reason"]) for f in fields(PolicyLimits)]
    parts = [
        _INTRO,
        "## Refused keys\n",
        _table(("key", "as", "why", "instead"), refused),
        "## Refused shapes\n",
        _table(("what", "why", "instead"), SHAPES),
        "## Limits\n\nThe most of each thing, inclusive (`PolicyLimits`). Times are of Elasticsearch 9.4.3 with a heap "
        "of 1 GB on two busy cores, over one shard of 50,000 small documents (November 2026).\n",
        _table(("limit", "default", "what it bounds, and why there"), caps),
        "## Closed expressions\n\n"
        "The only scripts. They are strings; the service hands their numbers to Elasticsearch as parameters.\n",
        _table(("aggregation", "`script` matches"), [(f"`{kind}`", f"`{p}`") for kind, p in PATTERNS.items()]),
        "## What may stand\n",
        f"Search keys: {_code(BODY)}\n",
        f"Queries: {_code(sorted(QUERIES))}\n",
        f"Aggregations: {_code(sorted(AGGREGATIONS))}\n",
    ]
    return "\n".join(parts)


def _code(names: Iterable[str]) -> str:
    return " ".join(f"`{name}`" for name in names)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(document())
