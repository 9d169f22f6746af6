"""From a body that ran back to the query as a person would write it: the way of ``Finish``, backwards."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from nlq.types import Body

_ANCHORED = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)\|\|((?:[+-][0-9]+[yMwdhHms]|/[yMwdhHms])+)"
)
_READS_MOMENTS = "strict_date_optional_time||"
"""What is put before a clause's format where that does not read the moment it ran."""

_OPEN_SIZES = frozenset({"terms", "multi_terms", "composite"})


def as_written(body: Body, *, max_results: int) -> Body:
    """The body without the sizes that were filled in (those of ``max_results``), with texts in place of their vectors,
    and "now" in place of the moment it ran. Recurses: for bodies whose shape was checked.

    A moment is known by date math on it ("2026-11-21T10:00:00Z||-7d/d"), which nobody else writes.
    """
    out = _without_sizes(body, max_results)
    moments = {found[1] for text in _texts(out) if (found := _ANCHORED.fullmatch(text))}
    restored: Body = _restored(out, moments)
    return restored


def _without_sizes(node: Body, most: int) -> Body:
    """Of a body or an aggregation."""
    out = {key: value for key, value in node.items() if key != "size" or value != most}
    for key in ("aggs", "aggregations"):
        if isinstance(below := out.get(key), dict):
            out[key] = {name: _without_sizes(a, most) if isinstance(a, dict) else a for name, a in below.items()}
    for kind in _OPEN_SIZES & out.keys():
        if isinstance(spec := out[kind], dict):
            out[kind] = {key: value for key, value in spec.items() if key != "size" or value != most}
    return out


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict | list):
        for below in node.values() if isinstance(node, dict) else node:
            yield from _texts(below)


def _restored(node: Any, moments: set[str]) -> Any:
    if isinstance(node, str):
        found = _ANCHORED.fullmatch(node)
        return f"now{found[2]}" if found else "now" if node in moments else node
    if isinstance(node, list):
        return [_restored(item, moments) for item in node]
    if not isinstance(node, dict):
        return node
    out = {key: _restored(value, moments) for key, value in node.items()}
    if out != node and isinstance(form := out.get("format"), str):
        out["format"] = form.removeprefix(_READS_MOMENTS)
    if isinstance(out.get("query_vector"), list) and isinstance(out.get("_name"), str) and "field" in out:
        out["query_vector"] = out.pop("_name")
    return out
