"""The demo indices and how they get into an engine."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, cast

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from nlq.ports import Engine
from nlq.types import Body


@dataclass(frozen=True, slots=True)
class Demo:
    """One demo index. ``data_file`` holds a document a line, its id as ``_id``; both files lie in nlq/demo/data."""

    name: str
    about: str
    mapping_file: str
    data_file: str
    questions: tuple[str, ...]

    def mappings(self) -> Body:
        """What ``Engine.load`` takes as mappings, ``about`` in its ``_meta``."""
        return {"_meta": {"about": self.about}, **self._definition()["mappings"]}

    def settings(self) -> Body | None:
        """Index settings, None for the engine's own."""
        return cast("Body | None", self._definition().get("settings"))

    def documents(self) -> Iterator[tuple[str, Body]]:
        """Every document with its id, in the order of the file."""
        for line in self._lines():
            document = json.loads(line)
            yield document.pop("_id"), document

    def size(self) -> int:
        """How many documents there are."""
        return len(self._lines())

    def _definition(self) -> dict[str, Any]:
        return cast("dict[str, Any]", json.loads(_read(self.mapping_file)))

    def _lines(self) -> list[bytes]:
        return _read(self.data_file).splitlines()


DEMOS: tuple[Demo, ...] = (
    Demo(
        name="articles",
        about="Landmark scientific and technical articles: authors, title, date, journal, topic, a sentence about each",
        mapping_file="articles.json",
        data_file="articles.ndjson",
        questions=(
            "Which articles did Alan Turing write?",
            "How many articles are about cryptography?",
            "Which journal published the most articles?",
            "Articles about black holes",
            "What is the oldest article written in German?",
            "How many articles are there per topic?",
        ),
    ),
    Demo(
        name="gutenberg",
        about="Well-known public-domain books of Project Gutenberg with their opening words",
        mapping_file="gutenberg.json",
        data_file="gutenberg.ndjson",
        questions=(
            "Books by Jane Austen",
            "How many books were published before 1800?",
            "Which author has the most books?",
            "Science fiction books, oldest first",
            "Books whose text mentions an orphan or a governess",
            "Which subjects are the most frequent?",
        ),
    ),
    Demo(
        name="movies",
        about="Feature films with budget, box office takings and ratings, 1915 to 2011",
        mapping_file="movies.json",
        data_file="movies.ndjson.gz",
        questions=(
            "Which director made the most comedies after 1995?",
            "How many films did Steven Spielberg direct?",
            "Which genre has the highest average IMDb rating?",
            "The five films with the highest worldwide gross",
            "How many westerns were released before 1980?",
            "Average production budget per year since 2000",
        ),
    ),
)


def load_demos(engine: Engine, *, console: Console) -> list[str]:
    """Create and fill the demo indices that ``engine`` lacks; returns their names.

    An index that has one of these names is left as it is, whatever it holds. Raises what ``Engine.load`` raises.
    """
    present = {info.name for info in engine.indexes()}
    missing = [demo for demo in DEMOS if demo.name not in present]
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        for demo in missing:
            documents = progress.track(demo.documents(), total=demo.size(), description=f"Loading {demo.name}")
            engine.load(demo.name, mappings=demo.mappings(), settings=demo.settings(), documents=documents)
    return [demo.name for demo in missing]


def _read(name: str) -> bytes:
    content = files("nlq.demo").joinpath("data", name).read_bytes()
    return gzip.decompress(content) if name.endswith(".gz") else content
