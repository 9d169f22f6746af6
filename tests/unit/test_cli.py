"""The command line: answers as text, mistakes as one line with an exit code."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from nlq.cli.render import print_answer
from nlq.cli.root import build_app, main
from nlq.json_schema import Schema
from nlq.query_schema import accepted_schema, decoded_schema
from nlq.translator import AskOptions, Translator
from nlq.types import IndexSchema, Question, SamplingParams
from tests.fakes.sampler import ScriptedSampler
from tests.fakes.store import FakeStore
from tests.support import library_engine, library_schema

COMMANDS = ("ask", "indexes", "schema", "serve", "eval", "demo", "elastic", "models", "examples", "seed")


def _shown(query: str, *, explain: bool = False) -> str:
    translator = Translator(library_engine(), ScriptedSampler([query]), FakeStore(), params=SamplingParams(n=2))
    answer = translator.translate(Question("how many crime books?", "library"), AskOptions(n=2))
    console = Console(file=io.StringIO(), width=120)
    print_answer(answer, explain=explain, console=console)
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def _main(monkeypatch: pytest.MonkeyPatch, capsys: Any, *arguments: str) -> tuple[int, str]:
    monkeypatch.setattr("sys.argv", ["nlq", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    return int(end.value.code or 0), capsys.readouterr().err


def test_a_count_is_shown_as_one_number() -> None:
    text = _shown('{"query":{"term":{"shelf":"Crime"}},"size":0}')

    assert "result  2" in text
    assert 'number of library where shelf is "Crime"' in text
    assert "2 of 2 candidates agree" in text


def test_documents_are_shown_as_a_table() -> None:
    text = _shown('{"query":{"match_all":{}},"_source":["title","pages"]}')

    assert "Night Train" in text
    assert "4 of 4 documents" in text


def test_groups_are_shown_with_their_numbers() -> None:
    text = _shown(
        '{"query":{"match_all":{}},"size":0,"aggs":{"groups":{"terms":{"field":"shelf"},'
        '"aggs":{"value":{"avg":{"field":"pages"}}}}}}'
    )

    assert "Crime" in text
    assert "2 documents, 292.5" in text


def test_explain_shows_every_candidate() -> None:
    assert _shown('{"query":{"match_all":{}},"size":0}', explain=True).count("executed") == 2


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    result = CliRunner().invoke(build_app(), [command, "--help"])

    assert result.exit_code == 0
    assert len(result.output) > 200


@pytest.mark.parametrize(("options", "profile"), [([], accepted_schema), (["--decoded"], decoded_schema)])
def test_both_schemas_of_an_index_are_printed_as_json(
    monkeypatch: pytest.MonkeyPatch, options: list[str], profile: Callable[[IndexSchema], Schema]
) -> None:
    monkeypatch.setattr("nlq.bootstrap.open_engine", lambda settings: nullcontext(library_engine()))
    result = CliRunner().invoke(build_app(), ["schema", "library", *options])

    assert result.exit_code == 0
    assert json.loads(result.stdout) == profile(library_schema())


def test_without_elasticsearch_the_next_command_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: Any, tmp_path: Path
) -> None:
    monkeypatch.setenv("NLQ_HOME", str(tmp_path))
    code, said = _main(monkeypatch, capsys, "ask", "movies", "how many?")

    assert code == 2
    assert said.count("\n") == 1
    assert "nlq elastic start" in said


@pytest.mark.parametrize(("name", "value"), [("NLQ_N", "many"), ("NLQ_MAX_FIELDS", "4")])
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, capsys: Any, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    code, said = _main(monkeypatch, capsys, "indexes")

    assert code == 2
    assert name in said


def test_an_unreachable_cluster_is_not_the_users_mistake(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setenv("NLQ_ES_URL", "http://127.0.0.1:9")
    code, said = _main(monkeypatch, capsys, "indexes")

    assert code == 1
    assert "does not answer" in said


def test_an_empty_question_is_refused_before_anything_is_loaded(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    code, said = _main(monkeypatch, capsys, "ask", "movies", "  ")

    assert code == 2
    assert "question is empty" in said


def test_an_unknown_way_to_select_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    code, said = _main(monkeypatch, capsys, "ask", "movies", "how many?", "--select", "luck")

    assert code == 2
    assert "best, mbr" in said
