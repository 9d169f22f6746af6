"""The benchmarks run through: a tiny random model, an engine in memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COLUMNS = {
    "speed_samples": {"n", "way", "seconds", "tokens/s", "times n = 1", "times nlq"},
    "grammar_overhead": {"fields", "tokens/s without", "tokens/s with", "overhead", "grammar built, s"},
    "stages": {"clients", "stage", "p50", "p95"},
    "restart": {"fields", "on disk", "head", "index", "tokens of the prompt"},
    "forced_tokens": {"n", "device", "steps without", "steps", "saved"},
    "growth": {"first", "schema", "values", "examples", "sample", "verify", "total"},
}
FEW_THREADS = os.environ | {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}  # spinning ones starve each other
WAYS = ["nlq", "n requests", "server", "generate"]


def ran(script: str, out: Path, *options: str) -> dict[str, list[dict[str, object]]]:
    """The tables that a script wrote."""
    command = [sys.executable, f"benchmarks/{script}.py", "--tiny", "--out", str(out), *options]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=FEW_THREADS)

    assert run.returncode == 0, run.stderr[-2000:]
    [written] = out.glob("*.json")
    found = json.loads(written.read_text())
    assert found["machine"]
    assert found["versions"]["nlq"]
    assert written.with_suffix(".md").read_text() == run.stdout.rstrip("\n") + "\n"
    return found["tables"]


@pytest.mark.parametrize("script", COLUMNS)
def test_a_script_measures_and_writes_tables_with_the_machine(script: str, tmp_path: Path) -> None:
    tables = ran(script, tmp_path)

    assert tables
    for rows in tables.values():
        assert rows
        assert all(set(row) >= COLUMNS[script] for row in rows)


def test_the_ways_of_sampling_stand_side_by_side(tmp_path: Path) -> None:
    [rows] = ran("speed_samples", tmp_path, "--sampler", "transformers").values()

    assert [row["way"] for row in rows if row["n"] == 1] == [way for way in WAYS if way != "server"]


def test_shared_beginnings_stand_beside_samples_that_are_decoded_together(tmp_path: Path) -> None:
    each, summed = ran("beginnings", tmp_path).values()

    assert [(row["n"], row["way"]) for row in each] == [(n, way) for n in (1, 3) for way in ("shared", "together")]
    assert [row["n"] for row in summed] == [1, 3]
    assert all(row["tokens"] for row in each)
