"""A benchmark set on disk, over the fixture index."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support import library

COUNT = '{"query":{"term":{"shelf":"Crime"}},"size":0}'
ALL = '{"query":{"match_all":{}},"size":0}'
NONE = '{"query":{"term":{"shelf":"Maps"}},"size":0}'

CASES: tuple[dict[str, Any], ...] = (
    {
        "id": "1",
        "index": "library",
        "question": "How many crime books?",
        "rows": [[2]],
        "group": "count",
        "gold": json.loads(COUNT),
    },
    {"id": "2", "index": "library", "question": "How many poems?", "rows": [[1]], "group": "poems"},
)


def write_set(folder: Path, cases: tuple[dict[str, Any], ...] = CASES) -> Path:
    """The folder, holding the fixture index under every index name that the cases use."""
    content = library()
    (folder / "indices").mkdir(parents=True)
    for index in {case["index"] for case in cases}:
        spec = {"mappings": {"properties": content["mappings"]["properties"]}, "about": "Books"}
        (folder / "indices" / f"{index}.json").write_text(json.dumps(spec))
        (folder / "indices" / f"{index}.ndjson").write_text(_lines(content["documents"]))
    (folder / "cases.jsonl").write_text(_lines(cases))
    return folder


def _lines(values: Any) -> str:
    return "".join(json.dumps(value) + "\n" for value in values)
