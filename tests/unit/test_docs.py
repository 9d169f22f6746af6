"""Generated pages say what the code does now."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from nlq.query_schema.agg_table import BUCKETS, IN_SERIES, METRICS, PER_BUCKET, SIBLINGS
from nlq.query_schema.table import QUERIES
from tests.mappings import LOADABLE
from tests.support import lines

ROOT = Path(__file__).parents[2]


def test_the_page_of_queries_is_up_to_date() -> None:
    run = subprocess.run(
        [sys.executable, "docs/make_queries.py", "--check"], capture_output=True, text=True, check=False, cwd=ROOT
    )

    assert (run.returncode, run.stderr) == (0, "")


def test_every_clause_of_the_tables_has_an_example() -> None:
    clauses = {row["clause"] for name in (*LOADABLE, "full") for row in lines(f"bodies/{name}.jsonl")}

    assert {*QUERIES, *BUCKETS, *METRICS, *SIBLINGS, *PER_BUCKET, *IN_SERIES} <= clauses
