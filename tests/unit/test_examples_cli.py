"""``nlq examples`` on a store of its own; the engine is in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from nlq import bootstrap
from nlq.cli.examples import app
from nlq.errors import ConflictError, EngineError, InputError, UnknownExampleError
from tests.fakes.embedder import HashEmbedder
from tests.fakes.engine import FakeEngine
from tests.support import library_engine

CRIME = '{"query":{"term":{"shelf":"Crime"}}}'
TRAVEL = '{"query":{"term":{"shelf":"Travel"}}}'
LINE = '{"question":"[red]who[/red] paid","query":{"query":{"match_all":{}}},"index":"mine"}\n'


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NLQ_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "240")
    monkeypatch.delenv("NLQ_EXAMPLES_DB", raising=False)
    monkeypatch.setattr(bootstrap, "load_embedder", lambda settings: HashEmbedder())
    return tmp_path


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    """The engine that the commands find."""
    engine = library_engine()

    @contextmanager
    def opened(settings: object) -> Iterator[FakeEngine]:
        yield engine

    monkeypatch.setattr(bootstrap, "open_engine", opened)
    return engine


def nlq_examples(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, arguments, input=stdin)


def added(question: str, query: str = CRIME, *options: str, index: str = "library") -> str:
    """The id of an example that was added."""
    done = nlq_examples("add", question, query, "--index", index, *options)
    assert done.exit_code == 0, done.exception
    return done.stdout.removeprefix("known already: ").split()[0]


def record(example_id: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(nlq_examples("show", example_id, "--json").stdout)
    return found


def test_a_new_store_lists_the_seeds() -> None:
    listed = nlq_examples("list", "--limit", "3")

    assert listed.exit_code == 0
    assert "3 of " in listed.stdout
    assert "seed" in listed.stdout


def test_a_page_names_where_the_next_begins(engine: FakeEngine) -> None:
    one, _ = added("crime novels"), added("travel books", TRAVEL)
    first = nlq_examples("list", "--index", "library", "--limit", "1").stdout
    second = nlq_examples("list", "--index", "library", "--limit", "1", "--after", one).stdout

    assert f"1 of 2 examples; go on with --after {one}" in first
    assert "travel books" in second
    assert "crime novels" not in second


def test_an_added_example_is_verified_and_shown(engine: FakeEngine) -> None:
    example_id = added("crime novels", CRIME, "--tag", "a", "--tag", "b", "--author", "ann")
    shown = nlq_examples("show", example_id).stdout

    assert record(example_id)["tags"] == ["a", "b"]
    assert record(example_id)["state"] == "verified"
    assert "crime novels" in shown
    assert "verified, on 9.4.3 at " in shown
    assert '"shelf": "Crime"' in shown


def test_an_example_comes_in_as_a_line_too(engine: FakeEngine) -> None:
    line = f'{{"question":"crime novels","query":{CRIME},"index":"library","tags":["a"]}}\n'
    done = nlq_examples("add", stdin=line)

    assert "verified  [library] crime novels" in done.stdout
    assert record(done.stdout.split()[0])["tags"] == ["a"]


def test_what_was_added_before_is_known(engine: FakeEngine) -> None:
    assert added("crime novels") == added("crime novels")
    assert "known already" in nlq_examples("add", "crime novels", CRIME, "--index", "library").stdout


def test_without_a_check_no_engine_is_needed() -> None:
    assert record(added("crime novels", CRIME, "--no-check"))["state"] == "unchecked"


def test_an_edit_replaces_what_is_named_and_nothing_else(engine: FakeEngine) -> None:
    example_id = added("crime novels", CRIME, "--tag", "a")
    before = record(example_id)
    done = nlq_examples("edit", example_id, "--query", TRAVEL)
    after = record(example_id)

    assert "verified  [library] crime novels" in done.stdout
    assert (after["question"], after["tags"], after["query"]) == ("crime novels", ["a"], json.loads(TRAVEL))
    assert after["etag"] != before["etag"]
    nlq_examples("edit", example_id, "--no-tags", "--question", "travel books")
    assert (record(example_id)["question"], record(example_id)["tags"]) == ("travel books", [])


def test_rm_asks_first(engine: FakeEngine) -> None:
    one, other = added("crime novels"), added("travel books", TRAVEL)
    kept = nlq_examples("rm", one, other, stdin="n\n")
    assert record(one)

    gone = nlq_examples("rm", one, other, "--yes")

    assert kept.exit_code == 1
    assert "Forget 2 examples?" in kept.stdout
    assert "2 examples forgotten" in gone.stdout
    assert isinstance(nlq_examples("show", one).exception, UnknownExampleError)


def test_verify_marks_the_stale_with_reason_and_version(engine: FakeEngine) -> None:
    fine, away = added("crime novels"), added("crime novels", index="elsewhere")
    stale = added("old shelves", '{"query":{"term":{"shelv":"Crime"}}}', "--no-check")
    done = nlq_examples("verify", "--source", "hand")

    assert "3 examples: 1 pass, 1 stale, 1 unchecked" in done.stdout
    assert stale in done.stdout
    assert "shelv" in done.stdout
    assert fine not in done.stdout
    assert (record(stale)["state"], record(stale)["engine"]) == ("stale", "9.4.3")
    assert (record(away)["state"], record(away)["checked"]) == ("unchecked", "")
    assert "old shelves" in nlq_examples("list", "--state", "stale").stdout


def test_verify_leaves_everything_where_the_engine_is_down(engine: FakeEngine) -> None:
    example_id = added("crime novels")
    engine.down = True

    assert isinstance(nlq_examples("verify").exception, EngineError)
    assert record(example_id)["state"] == "verified"


def test_search_shows_how_near_the_examples_are(engine: FakeEngine) -> None:
    added("novels of crime on the shelf")
    question = "novels of 'crime' on the shelf"
    nearest = nlq_examples("search", question, "-k", "1").stdout
    elsewhere = nlq_examples("search", question, "-k", "1", "--exclude-index", "library").stdout

    assert "1.00" in nearest
    assert "novels of crime on the shelf" in nearest
    assert "novels of crime" not in elsewhere


def test_an_import_from_standard_input_is_listed_as_it_was_written() -> None:
    imported = nlq_examples("import", "-", stdin=LINE)

    listed = nlq_examples("list", "--index", "mine")

    assert imported.stdout.startswith("1 new examples, ")
    assert "[red]who[/red] paid" in listed.stdout
    assert "1 of 1 examples" in listed.stdout


def test_a_bad_line_is_named_and_nothing_is_imported() -> None:
    assert "line 2" in str(nlq_examples("import", "-", stdin=LINE + "{}\n").exception)
    assert "0 of 0 examples" in nlq_examples("list", "--index", "mine").stdout


def test_export_writes_lines_that_import_knows(home: Path) -> None:
    exported = nlq_examples("export", str(home / "all.jsonl"))
    lines = (home / "all.jsonl").read_text().splitlines()

    again = nlq_examples("import", str(home / "all.jsonl"))

    assert f"{len(lines)} examples written" in exported.stdout
    assert again.stdout == f"0 new examples, {len(lines)} in all\n"


def test_what_is_exported_comes_back_whole(engine: FakeEngine, home: Path) -> None:
    before = record(added("crime novels", CRIME, "--tag", "a", "--author", "ann"))
    nlq_examples("export", str(home / "all.jsonl"))
    nlq_examples("rm", before["id"], "--yes")
    imported = nlq_examples("import", str(home / "all.jsonl")).stdout
    listed = nlq_examples("list", "--index", "library", "--tag", "a", "--state", "verified").stdout

    assert imported.startswith("1 new examples, ")
    assert "1 of 1 examples" in listed


def test_export_to_standard_output_is_json_and_nothing_else() -> None:
    exported = nlq_examples("export", "-")

    assert all(json.loads(line)["source"] == "seed" for line in exported.stdout.splitlines())


def test_an_export_that_fails_leaves_the_file_as_it_was(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "all.jsonl").write_text("before")

    def stopped(*_: Any) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("examples_db.jsonl.write", stopped)

    assert "No space left" in str(nlq_examples("export", str(home / "all.jsonl")).exception)
    assert [path.name for path in home.glob("*.jsonl*")] == ["all.jsonl"]
    assert (home / "all.jsonl").read_text() == "before"


def test_stats_count_by_index_source_state_and_tag(engine: FakeEngine, home: Path) -> None:
    added("crime novels", CRIME, "--tag", "money")

    counted = nlq_examples("stats").stdout

    assert {"library", "hand", "verified", "unchecked", "money", "seed"} <= set(counted.split())
    assert str(home / "examples.db") in counted


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("import", "missing.jsonl"), "missing.jsonl"),
        (("search", " "), "question is empty"),
        (("export", "."), "folder"),
        (("add", "crime novels"), "belong together"),
        (("add", "crime novels", "{", "--index", "library"), "--query is not JSON"),
        (("add", "crime novels", "[]", "--index", "library"), "must be a JSON object"),
        (("add", "crime novels", '{"query":{"term":{"shelv":"x"}}}', "--index", "library"), "shelv"),
        (("edit", "nobody"), "Nothing to change"),
    ],
)
def test_a_users_mistake_is_an_input_error(engine: FakeEngine, arguments: tuple[str, ...], says: str) -> None:
    failed = nlq_examples(*arguments).exception

    assert isinstance(failed, InputError)
    assert says in str(failed)


@pytest.mark.parametrize("stdin", ["", "{}", LINE + LINE, "\ud800"], ids=["nothing", "empty", "two", "surrogate"])
def test_a_line_that_is_no_example_is_an_input_error(engine: FakeEngine, stdin: str) -> None:
    assert isinstance(
        CliRunner().invoke(app, ["add"], input=stdin.encode("utf-8", "surrogatepass")).exception, InputError
    )


@pytest.mark.parametrize("arguments", [("show",), ("edit", "--question", "x"), ("rm", "--yes")])
def test_an_unknown_id_is_said(engine: FakeEngine, arguments: tuple[str, ...]) -> None:
    failed = nlq_examples(arguments[0], "nobody", *arguments[1:]).exception

    assert isinstance(failed, UnknownExampleError)
    assert not isinstance(failed, ConflictError)


def test_the_help_teaches_the_format() -> None:
    assert '"question": "orders above 50"' in nlq_examples("--help").stdout


@pytest.mark.parametrize("command", ["add", "list", "edit", "rm", "verify", "search"])
def test_the_help_of_a_command_has_an_example(command: str) -> None:
    assert f"nlq examples {command} " in nlq_examples(command, "--help").stdout
