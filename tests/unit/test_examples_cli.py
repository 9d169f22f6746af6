from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from nlq.cli.examples import app
from nlq.errors import InputError

LINE = '{"question":"[red]who[/red] paid","query":{"query":{"match_all":{}}},"index":"mine"}\n'


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NLQ_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("NLQ_EXAMPLES_DB", raising=False)
    return tmp_path


def nlq_examples(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, arguments, input=stdin)


def test_a_new_store_lists_the_seeds() -> None:
    listed = nlq_examples("list", "--limit", "3")

    assert listed.exit_code == 0
    assert "3 of " in listed.stdout
    assert "seed" in listed.stdout


def test_an_import_from_standard_input_is_listed_as_it_was_written() -> None:
    imported = nlq_examples("import", "-", stdin=LINE)

    listed = nlq_examples("list", "--index", "mine")

    assert imported.stdout.startswith("1 new examples, ")
    assert "[red]who[/red] paid" in listed.stdout
    assert "1 of 1 examples" in listed.stdout


def test_export_writes_lines_that_import_knows(home: Path) -> None:
    exported = nlq_examples("export", str(home / "all.jsonl"))
    lines = (home / "all.jsonl").read_text().splitlines()

    again = nlq_examples("import", str(home / "all.jsonl"))

    assert f"{len(lines)} examples written" in exported.stdout
    assert again.stdout == f"0 new examples, {len(lines)} in all\n"


def test_export_to_standard_output_is_json_and_nothing_else() -> None:
    exported = nlq_examples("export", "-")

    assert all(json.loads(line)["source"] == "seed" for line in exported.stdout.splitlines())


def test_stats_count_by_index_and_source(home: Path) -> None:
    nlq_examples("import", "-", stdin=LINE)

    counted = nlq_examples("stats")

    assert "mine" in counted.stdout
    assert str(home / "examples.db") in counted.stdout


@pytest.mark.parametrize("arguments", [("import", "missing.jsonl"), ("search", " "), ("export", ".")])
def test_a_users_mistake_is_an_input_error(arguments: tuple[str, ...]) -> None:
    assert isinstance(nlq_examples(*arguments).exception, InputError)


def test_the_help_teaches_the_format() -> None:
    assert '"question": "orders above 50"' in nlq_examples("--help").stdout
