"""Writes docs/queries.md: every clause that can be asked, with an example of the tests' corpus.

python docs/make_queries.py            write it
python docs/make_queries.py --check    say whether it is up to date (exit status 1 where it is not)
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from nlq.elastic.fields import flatten
from nlq.query_schema import decoded_schema
from nlq.query_schema.table import LEFT_OUT
from nlq.types import IndexSchema

ROOT = Path(__file__).parent
FIXTURES = ROOT.parent / "tests" / "fixtures"
BODIES = FIXTURES / "bodies"
PAGE = ROOT / "queries.md"
FAMILIES = (
    "full text",
    "term level",
    "compound",
    "joining",
    "geo",
    "specialised",
    "metric",
    "bucket",
    "pipeline",
    "sorting and paging",
)
CORPORA = {
    "shop": "",
    "full": " Needs modules that not every Elasticsearch has; the example asks the test index `full.json`.",
}
"""Where examples are taken from, first come first, and what is said of those."""

WIDTH = 100
_INTRODUCTION = """# What can be asked

Every clause that a query of this project may use, with one example each. An index is asked only what its fields
allow, and an engine only what it can run: `nlq schema INDEX` prints what that is for one index. The examples ask the
test index `tests/fixtures/mappings/shop.json`; more of each clause are in `tests/fixtures/bodies/`. Clauses marked
with ✎ are also written by the model, in one compact spelling (`nlq schema INDEX --decoded`); the others say what these
say in another way, or change scores alone.

This page is written by `python docs/make_queries.py`."""

Case = Mapping[str, Any]


def page(cases: Sequence[Case]) -> str:
    """The whole page: a section for each family, the clauses in the order of the corpus."""
    sections = [_INTRODUCTION]
    written = keys_written()
    for family in FAMILIES:
        sections.append(f"## {family.capitalize()}")
        sections += [_entry(case, written=case["clause"] in written) for case in first_of_each_clause(cases, family)]
    sections.append("## Left out\n\n| clause | why |\n|---|---|\n" + "\n".join(_reasons()))
    return "\n\n".join(sections) + "\n"


def first_of_each_clause(cases: Iterable[Case], family: str) -> list[Case]:
    found: dict[str, Case] = {}
    for case in cases:
        if case["family"] == family:
            found.setdefault(case["clause"], case)
    return list(found.values())


def keys_written() -> set[str]:
    """Every key that the model may write for one of the two test indices."""
    found: set[str] = set()
    for name in CORPORA:
        mappings = json.loads((FIXTURES / "mappings" / f"{name}.json").read_text(encoding="utf-8"))["mappings"]
        queue: list[Any] = [decoded_schema(IndexSchema(name, flatten(mappings)))]
        while queue:
            node = queue.pop()
            if isinstance(node, dict):
                found |= set(node.get("properties", ()))
                queue += node.values()
            elif isinstance(node, list):
                queue += node
    return found


def _reasons() -> Iterator[str]:
    by_reason: dict[str, list[str]] = {}
    for clause, reason in LEFT_OUT.items():
        by_reason.setdefault(reason, []).append(f"`{clause}`")
    return (f"| {', '.join(clauses)} | {reason} |" for reason, clauses in by_reason.items())


def _entry(case: Case, *, written: bool) -> str:
    says = case["says"][0].upper() + case["says"][1:]
    mark = " ✎" if written else ""
    return f"### {case['clause']}{mark}\n\n{says}.{case['note']}\n\n```json\n{readable(case['body'])}\n```"


def readable(value: Any, *, used: int = 0, indent: int = 0) -> str:
    """JSON in as few lines as fit into WIDTH; ``used`` is how much of the first line is taken."""
    line = json.dumps(value, ensure_ascii=False)
    if used + len(line) <= WIDTH or not value or not isinstance(value, dict | list):
        return line
    pad = " " * (indent + 2)
    inside = ",\n".join(_items(value, pad, indent + 2))
    first, last = ("{", "}") if isinstance(value, dict) else ("[", "]")
    return f"{first}\n{inside}\n{' ' * indent}{last}"


def _items(value: Any, pad: str, indent: int) -> Iterator[str]:
    named = value.items() if isinstance(value, dict) else (("", v) for v in value)
    for name, inner in named:
        head = f"{pad}{json.dumps(name, ensure_ascii=False)}: " if isinstance(value, dict) else pad
        yield head + readable(inner, used=len(head) + 1, indent=indent)


def corpus() -> list[Case]:
    """The bodies of the corpora that can be examples, each with its note."""
    cases: list[Case] = []
    for name, note in CORPORA.items():
        for line in (BODIES / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
            cases.append({**json.loads(line), "note": note})
    return cases


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Write docs/queries.md, or say whether it is up to date.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit status 1 where the page is old")
    wanted = page(corpus())
    if not parser.parse_args(arguments).check:
        PAGE.write_text(wanted, encoding="utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == wanted:
        return 0
    sys.stderr.write("docs/queries.md is out of date; run: python docs/make_queries.py\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
