"""Imports point inwards, and importing the package is light."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PURE = tuple(
    "types errors ports json_schema query_schema expressions policy rewrite canonical dates periods "
    "compared open_ends placed presence "
    "bounds narrow negations partial values prompt readback verify vote signals neighbours timings grounding finish "
    "wanted written paging conversation options plan rounds choices second_look trail sizes ranking scoring "
    "caching whole".split()
)
CORE = (*PURE, "translator", "curation", "run_body")
SURFACES = ("bootstrap", "cli", "demo", "evaluation", "seeding", "settings", "defaults", "client", "langchain")
ADAPTERS = ("nlq.access", "nlq.elastic", "nlq.samplers", "nlq.models", "examples_db")
HEAVY = ("torch", "transformers", "faiss", "fastapi", "elasticsearch", "xllamacpp", "sentence_transformers")
CLIENT = ("elasticsearch", "elastic_transport")
TYPES_OF_CLIENT = "nlq/query_schema/client.py"
"""Reads the Query DSL from the client's classes: they are documentation there, nothing is sent."""
MODULES_OF_TYPES = {
    "elasticsearch.dsl",
    *(f"elasticsearch.dsl.{module}" for module in ("aggs", "function", "query", "types", "wrappers", "document_base")),
    "elasticsearch.dsl.document_base.InstrumentedField",
    "elastic_transport.client_utils",
    "elastic_transport.client_utils.DefaultType",
}


def _imports(nodes: Iterable[ast.AST]) -> set[str]:
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _at_import(tree: ast.Module) -> set[str]:
    """What is imported as soon as the module is, so outside its functions."""
    queue: list[ast.AST] = list(tree.body)
    for node in queue:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            queue += ast.iter_child_nodes(node)
    return _imports(queue)


def _modules(name: str) -> list[Path]:
    """The files of a module or package."""
    path = ROOT / name.replace(".", "/")
    return sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]


def _among(imports: Iterable[str], names: Sequence[str]) -> set[str]:
    return {i for i in imports for n in names if i == n or i.startswith(f"{n}.")}


def _wrong(name: str, forbidden: Sequence[str]) -> set[tuple[str, str]]:
    """Files with what they may not import."""
    found = {
        (str(path.relative_to(ROOT)), i)
        for path in _modules(name)
        for i in _among(_imports(ast.walk(_tree(path))), forbidden)
    }
    return {(file, i) for file, i in found if file != TYPES_OF_CLIENT or not _among([i], CLIENT)}


def test_every_part_of_the_package_is_core_adapter_or_surface() -> None:
    parts = {path.stem for path in (ROOT / "nlq").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}

    assert parts - {"__init__"} == {*CORE, *SURFACES, *(a.removeprefix("nlq.") for a in ADAPTERS if "." in a)}


@pytest.mark.parametrize("name", CORE)
def test_the_core_imports_no_adapter_and_no_surface(name: str) -> None:
    outside = (*ADAPTERS, *(f"nlq.{surface}" for surface in SURFACES), "api", *HEAVY, *CLIENT)

    assert _wrong(f"nlq.{name}", outside) == set()


@pytest.mark.parametrize("name", PURE)
def test_what_the_translator_is_made_of_does_not_import_it(name: str) -> None:
    assert _wrong(f"nlq.{name}", ("nlq.translator",)) == set()


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_adapters_import_neither_each_other_nor_the_surfaces(adapter: str) -> None:
    others = (*(a for a in ADAPTERS if a != adapter), "nlq.bootstrap", "nlq.cli", "nlq.translator", "api")

    assert _wrong(adapter, others) == set()


def test_only_adapters_of_elasticsearch_and_the_reader_of_its_types_import_its_client() -> None:
    users = {
        str(path.relative_to(ROOT))
        for package in ("nlq", "api", "examples_db")
        for path in _modules(package)
        if _among(_imports(ast.walk(_tree(path))), CLIENT)
    }

    adapters = {"nlq/elastic/engine.py", "nlq/elastic/border.py", "nlq/elastic/client.py"}
    assert users == {*adapters, "examples_db/elastic_index.py", "examples_db/elastic_store.py", TYPES_OF_CLIENT}


def test_the_reader_of_the_clients_types_imports_them_when_called_and_nothing_that_sends() -> None:
    tree = _tree(ROOT / TYPES_OF_CLIENT)
    used = _among(_imports(ast.walk(tree)), CLIENT)

    assert _among(_at_import(tree), CLIENT) == set()
    assert used <= MODULES_OF_TYPES


def test_importing_nlq_and_its_core_loads_no_heavy_library() -> None:
    code = f"import nlq, nlq.translator, sys; print([m for m in {HEAVY!r} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)

    assert run.stdout.strip() == "[]"
