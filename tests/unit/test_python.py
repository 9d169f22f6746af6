"""nlq from Python: what the package offers by itself, and what a connection does."""

from __future__ import annotations

import ast
import datetime
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import nlq
from nlq.settings import Settings
from nlq.translator import Translator
from nlq.types import SamplingParams
from tests.fakes.sampler import ScriptedSampler
from tests.fakes.store import FakeStore
from tests.support import library_engine, lines

CRIME = {"query": {"term": {"shelf": "Crime"}}}


def library(**parts: Any) -> Translator:
    sampler = ScriptedSampler(['{"query":{"term":{"shelf":"Crime"}}}'])
    return Translator(library_engine(), sampler, FakeStore(), params=SamplingParams(n=2), **parts)


@pytest.fixture
def client() -> nlq.Client:
    return nlq.Client(library())


def test_every_name_of_the_package_is_there() -> None:
    assert [name for name in nlq.__all__ if not hasattr(nlq, name)] == []
    assert set(nlq.__all__) <= set(dir(nlq))


def test_a_name_that_is_none_is_told_as_of_any_module() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Tranlator'"):
        _ = nlq.Tranlator


def test_a_type_checker_finds_the_names_where_they_are_loaded_from() -> None:
    [checked] = [node for node in ast.parse(Path(nlq.__file__).read_text("utf-8")).body if isinstance(node, ast.If)]
    imported = {a.name: n.module for n in checked.body if isinstance(n, ast.ImportFrom) for a in n.names}

    assert imported == {name: f"nlq.{module}" for module, names in nlq._HOMES.items() for name in names}
    assert sorted(imported) == sorted(nlq.__all__)
    assert (Path(nlq.__file__).parent / "py.typed").exists()


def test_a_client_asks_lists_and_describes(client: nlq.Client) -> None:
    answer = client.ask("library", "crime books", nlq.AskOptions(n=2))

    assert (answer.result.total, answer.ballot.confidence) == (2, 1.0)
    assert [info.name for info in client.indexes()] == ["library"]
    assert client.schema("library").field("shelf")


def test_connecting_takes_the_address_and_settings_and_closes_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Settings] = []
    closed: list[bool] = []

    @contextmanager
    def open_translator(settings: Settings) -> Iterator[Translator]:
        opened.append(settings)
        yield library()
        closed.append(True)

    monkeypatch.setattr("nlq.bootstrap.open_translator", open_translator)
    with nlq.connect("http://search.example:9200", n=3) as client:
        total = client.ask("library", "crime books").result.total

    assert (opened[0].es_url, opened[0].n, total, closed) == ("http://search.example:9200", 3, 2, [True])


def test_a_setting_that_does_not_exist_is_not_passed_over() -> None:
    with pytest.raises(nlq.ConfigError, match="knows no setting 'api_key'"), nlq.connect(api_key="x"):
        pass


def test_a_body_runs_under_the_rules_of_every_candidate_without_a_model(client: nlq.Client) -> None:
    client.translator.sampler.close()
    ran = client.run("library", CRIME, max_results=1)

    assert (ran.result.total, len(ran.result.hits), ran.query["size"]) == (2, 1, 1)
    assert ran.readback.startswith('library where shelf is "Crime"')


def test_no_body_asks_for_more_than_the_limit(client: nlq.Client) -> None:
    assert client.run("library", {**CRIME, "size": 5000}, max_results=9000).query["size"] == 1000


def test_a_value_of_a_body_stays_as_it_was_written(client: nlq.Client) -> None:
    assert client.run("library", {"query": {"term": {"shelf": "crime"}}}).result.total == 0


@pytest.mark.parametrize("attack", lines("policy_attacks.jsonl"), ids=lambda attack: str(attack["name"]))
def test_a_body_against_the_policy_does_not_run(client: nlq.Client, attack: dict[str, Any]) -> None:
    with pytest.raises(nlq.InputError, match=r"^The query cannot be run: "):
        client.run("library", attack["body"])


@pytest.mark.parametrize("value", [datetime.date(2026, 1, 1), float("nan"), {"a"}, "\ud83d", CRIME.keys()])
def test_a_value_that_is_no_json_does_not_run(client: nlq.Client, value: Any) -> None:
    with pytest.raises(nlq.InputError, match=r"^The query cannot be run: "):
        client.run("library", {"query": {"term": {"shelf": value}}})


def test_a_body_of_an_index_that_is_not_there_names_those_that_are(client: nlq.Client) -> None:
    with pytest.raises(nlq.UnknownIndexError, match="library"):
        client.run("nowhere", CRIME)
