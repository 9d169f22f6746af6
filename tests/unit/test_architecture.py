"""Imports point inwards, and importing the package is light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = ("types", "errors", "ports", "json_schema", "query_schema", "prompt", "values", "verify", "readback", "vote")
ADAPTERS = ("nlq.elastic", "nlq.samplers", "nlq.models", "examples_db")
HEAVY = ("torch", "transformers", "faiss", "fastapi", "elasticsearch", "xllamacpp", "sentence_transformers")


def _imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _modules(package: str) -> list[Path]:
    return sorted((ROOT / package.replace(".", "/")).rglob("*.py"))


@pytest.mark.parametrize("name", [*CORE, "translator"])
def test_the_core_imports_no_adapter_and_no_surface(name: str) -> None:
    outside = (*ADAPTERS, "nlq.bootstrap", "nlq.cli", "nlq.settings", "nlq.demo", "api", *HEAVY)
    wrong = {i for i in _imports(ROOT / "nlq" / f"{name}.py") for o in outside if i == o or i.startswith(f"{o}.")}

    assert wrong == set()


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_adapters_import_neither_each_other_nor_the_surfaces(adapter: str) -> None:
    others = (*(a for a in ADAPTERS if a != adapter), "nlq.bootstrap", "nlq.cli", "nlq.translator", "api")
    wrong = {
        (path.name, i)
        for path in _modules(adapter)
        for i in _imports(path)
        for o in others
        if i == o or i.startswith(f"{o}.")
    }

    assert wrong == set()


def test_only_the_engine_adapter_imports_the_elasticsearch_client() -> None:
    users = {
        str(path.relative_to(ROOT))
        for package in ("nlq", "api", "examples_db")
        for path in _modules(package)
        if any(i.split(".")[0] == "elasticsearch" for i in _imports(path))
    }

    assert users == {"nlq/elastic/engine.py"}


def test_importing_nlq_and_its_core_loads_no_heavy_library() -> None:
    code = f"import nlq, nlq.translator, sys; print([m for m in {HEAVY!r} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)

    assert run.stdout.strip() == "[]"
