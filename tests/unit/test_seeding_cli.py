"""``nlq seed`` from the command line, with everything around it faked but the teacher's server."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from nlq.cli.root import build_app, main
from nlq.cli.seed import coverage_table
from nlq.errors import EngineError
from nlq.translator import Translator
from nlq.types import Body, State
from tests.fakes.teacher import KeptStore, TeacherServer, WordySampler, completion, hotels_engine

OSLO: Body = {"query": {"term": {"city": "Oslo"}}, "size": 0}
EXAMPLES = {"examples": [{"task": 1, "question": "How many hotels are in Oslo?", "query": OSLO}]}
Seed = Callable[..., Any]


class Parts:
    def __init__(self) -> None:
        self.store = KeptStore()
        self.sampler = WordySampler()
        self.translator = Translator(hotels_engine(), self.sampler, self.store)
        self.sampler.learn("How many hotels are in Oslo?", OSLO)

    @contextmanager
    def open(self, *_: Any, **__: Any) -> Any:
        yield self.translator


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Parts:
    made = Parts()
    monkeypatch.setattr("nlq.bootstrap.open_translator", made.open)
    monkeypatch.setenv("NLQ_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")
    return made


@pytest.fixture
def seed(parts: Parts) -> Seed:
    del parts
    return lambda *arguments: CliRunner().invoke(build_app(), ["seed", "hotels", *map(str, arguments)])


def _refused(monkeypatch: pytest.MonkeyPatch, capsys: Any, *arguments: str) -> tuple[int, str]:
    monkeypatch.setattr("sys.argv", ["nlq", "seed", "hotels", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    return int(end.value.code or 0), capsys.readouterr().err


def test_without_a_teacher_examples_are_made_shown_stored_and_written(seed: Seed, parts: Parts, tmp_path: Path) -> None:
    result = seed("--count", 4, "--out", tmp_path / "out.jsonl")

    assert result.exit_code == 0, result.output
    assert "Coverage of hotels" in result.output
    assert "4 verified of 4 tried" in result.output
    written = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert {line["question"] for line in written} == set(parts.store.states)
    assert {line["source"] for line in written} == {"self"}


def test_without_a_teacher_what_is_unconfirmed_is_kept_where_that_is_asked_for(seed: Seed, parts: Parts) -> None:
    parts.sampler.forgets = 2

    dropped = seed("--count", 2).output
    kept = seed("--count", 6, "--keep-unconfirmed").output

    assert "unconfirmed of" not in dropped
    assert "unconfirmed of" in kept
    assert State.UNCONFIRMED in {state for _, state in parts.store.states.values()}


def test_with_no_store_only_the_file_and_the_ledger_have_them(seed: Seed, parts: Parts, tmp_path: Path) -> None:
    seed("--count", 2, "--no-store", "--out", tmp_path / "out.jsonl", "--ledger", tmp_path / "l.jsonl")

    assert parts.store.states == {}
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 2
    assert len((tmp_path / "l.jsonl").read_text().splitlines()) == 4


def test_a_teacher_is_asked_with_the_key_of_the_environment_and_its_cost_is_shown(
    seed: Seed, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NLQ_TEACHER_KEY", "sk-1")
    server = TeacherServer([{"json": completion(json.dumps(EXAMPLES), tokens=(3000, 1000))}])
    with server.served() as url:
        options = ("--teacher", url, "--model", "large", "--price-in", 1, "--price-out", 5, "--budget", 9)
        result = seed("--count", 1, *options)

    assert result.exit_code == 0, result.output
    assert server.keys == ["Bearer sk-1"]
    assert "1 verified of 1 tried, 4,000 tokens, cost 0.0080" in result.output
    assert parts.store.states["How many hotels are in Oslo?"][0] == "large"


def test_ctrl_c_says_that_nothing_is_lost_and_the_same_command_goes_on(
    seed: Seed, parts: Parts, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    add = parts.store.add

    def interrupted(examples: Any, **options: Any) -> int:
        added = add(examples, **options)
        if len(parts.store.states) == 2:
            raise KeyboardInterrupt
        return added

    monkeypatch.setattr(parts.store, "add", interrupted)
    code, said = _refused(monkeypatch, capsys, "--count", "4")
    monkeypatch.setattr(parts.store, "add", add)

    assert code == 130
    assert "nothing is lost, the same command goes on" in said
    assert seed("--count", 4).exit_code == 0
    assert len(parts.store.states) == 4


def test_a_part_that_fails_ends_the_run_with_one_line(
    parts: Parts, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise EngineError("Elasticsearch does not answer.")

    monkeypatch.setattr(parts.translator.engine, "search", fail)
    code, said = _refused(monkeypatch, capsys, "--count", "4")

    assert code == 1
    assert "nlq: Elasticsearch does not answer." in said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--teacher", "http://x/v1"), "--model"),
        (("--model", "large"), "--teacher"),
        (("--teacher", "http://x/v1", "--model", "m", "--budget", "1"), "--price-in"),
        (("--teacher", "x", "--model", "m"), "is no URL"),
    ],
)
@pytest.mark.usefixtures("parts")
def test_options_that_do_not_go_together_are_the_users_mistake(
    monkeypatch: pytest.MonkeyPatch, capsys: Any, arguments: tuple[str, ...], says: str
) -> None:
    code, said = _refused(monkeypatch, capsys, *arguments)

    assert code == 2
    assert says in said


def test_time_that_is_over_stops_the_run(seed: Seed, parts: Parts) -> None:
    result = seed("--count", 4, "--minutes", 0)

    assert result.exit_code == 0
    assert "The time is over" in result.output
    assert parts.store.states == {}


def test_the_coverage_of_fields_shows_what_is_not_covered_yet(seed: Seed, parts: Parts) -> None:
    from nlq.seeding.coverage import Plan
    from nlq.seeding.facts import gather

    engine = parts.translator.engine
    index = engine.schema("hotels")
    plan = Plan(index, gather(engine, index, seed=1, timeout=1))
    plan.note("count", ("term", "city"), OSLO, kept=True)
    rows = list(zip(*(column._cells for column in coverage_table(plan).columns), strict=True))

    term = next(row for row in rows if row[0] == "term")
    assert (term[1], term[2]) == ("1", "1/2")
    assert str(term[3]) == "city 1, open -"
