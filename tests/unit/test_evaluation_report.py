"""Reports and comparisons of scored runs, and the command line around them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from nlq.cli.root import build_app
from nlq.errors import ConfigError, InputError
from nlq.evaluation.compare import compare, comparison
from nlq.evaluation.report import write_report
from nlq.evaluation.run import Asked, Folder, Run
from nlq.evaluation.samples import read_samples
from nlq.evaluation.scores import CaseScore, Chosen, Scores, Stopped, Tried, read_scores
from nlq.evaluation.summary import summaries, worst
from nlq.settings import Settings
from nlq.translator import Translator
from nlq.types import Example, SamplingParams
from tests.fakes.benchmark import ALL, COUNT, write_set
from tests.fakes.engine import FakeEngine
from tests.fakes.sampler import ScriptedSampler
from tests.fakes.store import FakeStore

PNG = b"\x89PNG"


def _case(id_: str, right: str, *, chosen: bool | None = None, confidence: float = 0.5, **changes: Any) -> CaseScore:
    """``right`` has a letter per candidate: r(ight), w(rong) or x (does not run)."""
    tried = tuple(
        Tried(c, "unparsed", False, reason="no | JSON") if c == "x" else Tried(c, "executed", c == "r", group=0)
        for c in right
    )
    chosen = "r" in right if chosen is None else chosen
    plain: dict[str, Any] = {"set": "books", "half": "a", "group": "count", "gold": {}, "greedy": None}
    return CaseScore(
        id=id_,
        index="library",
        question=f"Question {id_}?",
        tried=tried,
        chosen={"vote": Chosen(True, chosen, confidence), "first": Chosen(True, right[0] == "r", 0.5)},
        precision={rule: {1: right.count("r") / len(right), len(right): float(chosen)} for rule in ("vote", "first")},
        stops={"beta": Stopped(2, chosen)},
        queries=(len(right),),
        results=(len(right),),
        **{**plain, **changes},
    )


def _scores(*cases: CaseScore) -> Scores:
    return Scores("vote", 8, cases)


def test_a_summary_takes_every_case_alike() -> None:
    [summary] = summaries(_scores(_case("1", "rrww"), _case("2", "wwww"), _case("3", "rwwx", chosen=False)))

    assert (summary.cases, summary.n) == (3, 4)
    assert summary.single.mean == pytest.approx(0.25)
    assert summary.covered.mean == pytest.approx(2 / 3)
    assert summary.coverage[0] == pytest.approx(0.25)
    assert summary.coverage[3] == pytest.approx(2 / 3)
    assert summary.rules["vote"].precision.mean == pytest.approx(1 / 3)
    assert summary.outcomes["unparsed"] == 1
    assert summary.stops["beta"].samples == 2
    assert math.isnan(summary.greedy.mean)


def test_curves_end_at_the_smallest_number_of_candidates() -> None:
    [summary] = summaries(_scores(_case("1", "rr"), _case("2", "wwww")))

    assert len(summary.coverage) == 2
    assert list(summary.rules["vote"].by_k) == [1]


def test_several_sets_come_alone_and_together_and_a_half_by_itself() -> None:
    scores = _scores(_case("1", "r"), _case("2", "w", set="films"), _case("3", "w", half="b"))

    assert [(s.name, s.cases) for s in summaries(scores)] == [("books", 2), ("films", 1), ("all", 3)]
    assert [(s.name, s.cases) for s in summaries(scores, half="b")] == [("books", 1), ("all", 1)]


def test_the_worst_are_the_surest_of_the_wrong() -> None:
    cases = [_case(str(i), "w", confidence=i / 20) for i in range(15)]

    assert [c.id for c in worst(_scores(*cases, _case("right", "r", confidence=1.0)))] == [
        str(14 - i) for i in range(10)
    ]


def test_a_report_is_text_numbers_and_pictures(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    cases = [
        _case("1", "rrww"),
        _case("2", "wwwx", confidence=0.9),
        _case("3", "rwww"),
        _case("4", "rrrr", greedy=True),
    ]
    text = write_report(folder, _scores(*cases)).read_text()
    data = json.loads((tmp_path / "report.json").read_text())

    assert "| vote | 43.8 | 75.0 |" in text
    assert "### 2: Question 2?" in text
    assert "- 3 × wrong `w`\n- 1 × unparsed `x`: no | JSON" in text
    assert data["summaries"][0]["coverage"][3] == 0.75
    assert data["summaries"][0]["greedy"]["mean"] is None
    for name in ("curves-books.png", "reliability-books.png"):
        assert name in text
        assert (tmp_path / name).read_bytes().startswith(PNG)


def test_without_matplotlib_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)

    with pytest.raises(ConfigError, match="the extra eval"):
        write_report(Folder(tmp_path), _scores(_case("1", "r")))


def test_a_comparison_pairs_the_cases_of_both_runs() -> None:
    before = _scores(_case("1", "w"), _case("2", "w"), _case("3", "r"), _case("alone", "r"))
    after = _scores(_case("3", "w"), _case("2", "r"), _case("1", "r"), _case("new", "r"))
    vote, coverage = compare(before, after, select="vote")
    text = "\n".join(comparison([vote, coverage]))

    assert (vote.before, vote.after) == pytest.approx((1 / 3, 2 / 3))
    assert ([b.id for b, _ in vote.won], [b.id for b, _ in vote.lost]) == (["1", "2"], ["3"])
    assert vote.p == 1
    assert vote.difference.mean == pytest.approx(1 / 3)
    assert "| won | 1 | count | 0/1 | 1/1 | Question 1? |" in text
    assert "| lost | 3 |" in text


def test_runs_without_a_case_in_common_are_not_compared() -> None:
    with pytest.raises(InputError, match="no case in common"):
        compare(_scores(_case("1", "r")), _scores(_case("2", "r")), select="vote")


def test_a_rule_that_was_not_scored_is_named() -> None:
    with pytest.raises(InputError, match="first, vote"):
        compare(_scores(_case("1", "r")), _scores(_case("1", "r")), select="mbr")


def _run(asked: Asked) -> Run:
    return Run.now(asked, [], chosen={}, model="m", engine="9")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"n": 8}, "n 4 instead of 8"),
        ({"links": "none"}, "links 'shown' instead of 'none'"),
        ({"settings": {"temperature": 0.5}}, "temperature 0.8 instead of 0.5"),
    ],
)
def test_a_folder_takes_no_samples_drawn_otherwise(tmp_path: Path, changes: Mapping[str, Any], said: str) -> None:
    before: dict[str, Any] = {"n": 4, "settings": {"temperature": 0.8}}
    Folder(tmp_path).begin(_run(Asked(**before)))
    Folder(tmp_path).begin(_run(Asked(**before)))

    with pytest.raises(InputError, match=said):
        Folder(tmp_path).begin(_run(Asked(**{**before, **changes})))


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch, store: FakeStore) -> tuple[FakeEngine, ScriptedSampler]:
    engine, model = FakeEngine(), ScriptedSampler([COUNT, ALL, COUNT])

    @contextmanager
    def opened(settings: Settings, *, sampler: Any = None, examples: Any = None) -> Iterator[Translator]:
        del settings
        yield Translator(engine, sampler or model, examples or store, params=SamplingParams(n=8))

    monkeypatch.setattr("nlq.evaluation.stages.open_translator", opened)
    return engine, model


def _eval(*arguments: str | Path) -> Any:
    return CliRunner().invoke(build_app(), ["eval", *map(str, arguments)])


@pytest.mark.usefixtures("parts")
def test_one_command_samples_scores_and_reports(tmp_path: Path) -> None:
    books, out = write_set(tmp_path / "books"), tmp_path / "run"
    done = _eval(books, "--n", "3", "--out", out, "--wrong")
    run = json.loads((out / "run.json").read_text())

    assert done.exit_code == 0, done.output
    assert "| books | 2 | 3 | 50.0" in done.stdout
    assert "2  0/3 right  How many poems?" in done.stdout
    assert len(read_samples([out / "samples-books.jsonl"])) == 2
    assert (out / "report.md").read_text().startswith("# Evaluation\n\n- `nlq")
    assert (run["asked"]["n"], run["sets"], run["model"]) == (3, {"books": str(books)}, "scripted")
    assert run["asked"]["settings"]["temperature"] == 0.5
    assert not [name for name in run["asked"]["settings"] if "key" in name or "url" in name]


def test_scoring_again_asks_no_model_and_knows_the_sets(
    tmp_path: Path, parts: tuple[FakeEngine, ScriptedSampler]
) -> None:
    out = tmp_path / "run"
    _eval(write_set(tmp_path / "books"), "--n", "3", "--out", out, "--sample-only")
    asked = len(parts[1].requests)
    parts[1].down = "The model is not loaded."
    done = _eval("score", out, "--select", "mbr")

    assert done.exit_code == 0, done.output
    assert len(parts[1].requests) == asked == 4
    assert read_scores(out / "scores.json").select == "mbr"


@pytest.mark.usefixtures("parts")
def test_samples_of_another_file_can_be_scored(tmp_path: Path) -> None:
    line = {"id": "1", "seconds": 1.0, "candidates": [{"text": COUNT, "logprob": -0.5, "tokens": 9, "complete": True}]}
    (tmp_path / "old.jsonl").write_text(json.dumps(line) + "\n")
    done = _eval("score", tmp_path / "run", write_set(tmp_path / "books"), "--samples", tmp_path / "old.jsonl")

    assert done.exit_code == 0, done.output
    assert [c.hits for c in read_scores(tmp_path / "run" / "scores.json").cases] == [1]


@pytest.mark.usefixtures("parts")
def test_two_runs_are_compared_on_the_command_line(tmp_path: Path) -> None:
    books = write_set(tmp_path / "books")
    for name in ("one", "two"):
        _eval(books, "--n", "3", "--out", tmp_path / name)
    done = _eval("compare", tmp_path / "one", tmp_path / "two")

    assert done.exit_code == 0, done.output
    assert "| vote | 50.0 | 50.0 | +0.0" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["score", "DIR"], "name them after it"),
        (["score", "DIR", "SET"], "sample them first"),
        (["report", "DIR"], "nlq eval score"),
        (["SET", "--out", "DIR", "--select", "loudest"], "use one of vote"),
        (["SET", "--out", "DIR", "--links", "smell"], "no kind of link smell"),
        (["DIR", "--out", "DIR"], "no benchmark set"),
    ],
)
@pytest.mark.usefixtures("parts")
def test_what_is_wrong_is_said_with_the_fix(tmp_path: Path, arguments: list[str], said: str) -> None:
    places = {"DIR": tmp_path / "run", "SET": write_set(tmp_path / "books")}
    done = _eval(*(places.get(argument, argument) for argument in arguments))

    assert isinstance(done.exception, InputError)
    assert said in str(done.exception)


@pytest.mark.parametrize(("choice", "shots"), [("store", 0), ("own", 1)])
def test_examples_of_the_asked_index_are_shown_where_a_run_says_so(
    tmp_path: Path,
    parts: tuple[FakeEngine, ScriptedSampler],
    store: FakeStore,
    *,
    choice: str,
    shots: int,
) -> None:
    store.add([Example("How many poems?", json.loads(COUNT), "library")])
    done = _eval(write_set(tmp_path / "books"), "--n", "1", "--out", tmp_path / "run", "--examples", choice)

    assert done.exit_code == 0, done.output
    assert {len(prompt.shots) // 2 for prompt, _, _ in parts[1].requests} == {shots}


@pytest.mark.parametrize(("choice", "shots"), [("cold", 0), ("warm", 1)])
def test_warm_examples_are_the_cases_of_the_other_indices(
    tmp_path: Path, parts: tuple[FakeEngine, ScriptedSampler], choice: str, shots: int
) -> None:
    books = write_set(
        tmp_path / "books",
        (
            {
                "id": "1",
                "index": "library",
                "question": "How many crime books?",
                "rows": [[2]],
                "gold": json.loads(COUNT),
            },
            {"id": "2", "index": "attic", "question": "How many crime books?", "rows": [[2]]},
        ),
    )
    done = _eval(books, "--n", "3", "--out", tmp_path / "run", "--examples", choice, "--no-greedy")
    prompts = {prompt.tail[0].content.split("\n")[0]: len(prompt.shots) // 2 for prompt, _, _ in parts[1].requests}

    assert done.exit_code == 0, done.output
    assert prompts == {"Index: library": 0, "Index: attic": shots}
    assert (shots > 0) == ("the other cases of the sets" in (tmp_path / "run" / "report.md").read_text())
