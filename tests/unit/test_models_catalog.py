from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from nlq.cli.models import app
from nlq.models import CATALOG, DEFAULT_MODEL, hub


def test_hub_ids_are_told_from_paths() -> None:
    assert hub.is_id("Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF")
    assert hub.is_id("org/name:sub/file.gguf")
    assert not hub.is_id("/org/name")


def test_the_catalog_has_the_default_and_a_whole_hash_for_each_model() -> None:
    assert DEFAULT_MODEL in CATALOG
    assert all(len(bytes.fromhex(m.sha256)) == 32 for m in CATALOG.values())


def test_the_list_shows_which_models_are_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NLQ_HOME", str(tmp_path))
    shown = CliRunner().invoke(app, ["list"])

    assert shown.exit_code == 0
    assert shown.output.count(" no ") == len(CATALOG)
    assert DEFAULT_MODEL in shown.output
