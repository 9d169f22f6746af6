"""Loading the demos: what is missing is made, what is there is left alone."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from rich.console import Console

from nlq.demo import DEMOS, load_demos
from nlq.demo.build_movies import film, slug
from nlq.errors import EngineError
from nlq.types import Body, IndexInfo

ROOT = Path(__file__).parents[2]


class RecordingEngine:
    """The two methods of an engine that loading uses."""

    def __init__(self, present: Sequence[str] = ()) -> None:
        self.present = tuple(IndexInfo(name, 1) for name in present)
        self.loaded: dict[str, tuple[Body, Body | None, dict[str, Body]]] = {}

    def indexes(self) -> Sequence[IndexInfo]:
        return self.present

    def load(
        self, index: str, *, mappings: Body, documents: Iterable[tuple[str, Body]], settings: Body | None = None
    ) -> int:
        self.loaded[index] = (mappings, settings, dict(documents))
        return len(self.loaded[index][2])


def console() -> Console:
    return Console(file=io.StringIO(), width=100)


def test_every_demo_is_loaded_whole_into_an_empty_engine() -> None:
    engine = RecordingEngine()
    names = load_demos(engine, console=console())

    assert names == ["articles", "gutenberg", "movies"]
    assert {name: len(documents) for name, (_, _, documents) in engine.loaded.items()} == {
        demo.name: demo.size() for demo in DEMOS
    }


def test_an_index_of_the_same_name_is_left_alone() -> None:
    engine = RecordingEngine(present=["movies", "articles", "orders"])
    names = load_demos(engine, console=console())

    assert names == list(engine.loaded) == ["gutenberg"]


def test_progress_is_shown_for_each_index_that_is_loaded() -> None:
    shown = console()
    load_demos(RecordingEngine(present=["movies"]), console=shown)

    assert isinstance(shown.file, io.StringIO)
    text = shown.file.getvalue()
    assert "Loading articles" in text and "287/287" in text
    assert "Loading movies" not in text


def test_a_failure_of_the_engine_reaches_the_caller() -> None:
    class Broken(RecordingEngine):
        def load(self, index: str, **_: object) -> int:
            raise EngineError(f"no space for {index}")

    with pytest.raises(EngineError, match="no space for articles"):
        load_demos(Broken(), console=console())


def test_the_demos_need_none_of_the_heavy_libraries() -> None:
    heavy = "torch transformers faiss fastapi elasticsearch httpx"
    code = (
        f"import sys, nlq.demo, nlq.demo.gutenberg; sys.exit(' '.join(set('{heavy}'.split()) & set(sys.modules)) or 0)"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)

    assert (run.returncode, run.stderr) == (0, "")


ROW = {
    "Title": "Birds, The",
    "Release Date": "Mar 28 2063",
    "Director": "Alfred Hitchcock",
    "Major Genre": None,
    "Creative Type": None,
    "Source": None,
    "Distributor": None,
    "MPAA Rating": None,
    "Running Time min": 119,
    "Production Budget": 2500000,
    "US Gross": 0,
    "Worldwide Gross": 11403529,
    "IMDB Rating": 7.9,
    "IMDB Votes": None,
    "Rotten Tomatoes Rating": None,
}


def test_a_row_of_the_source_becomes_a_document_without_unknown_values() -> None:
    assert film(ROW) == {
        "title": "The Birds",
        "release_date": "1963-03-28",
        "director": "Alfred Hitchcock",
        "running_time_min": 119,
        "production_budget": 2500000,
        "worldwide_gross": 11403529,
        "imdb_rating": 7.9,
    }


def test_a_title_that_was_decoded_wrongly_is_repaired_and_gives_a_plain_id() -> None:
    document = film(ROW | {"Title": "DÈj‡ Vu"})

    assert document["title"] == "Déjà Vu"
    assert slug(document) == "deja-vu-1963"


def test_a_title_that_is_a_number_in_the_source_becomes_text() -> None:
    assert film(ROW | {"Title": 1776})["title"] == "1776"
