"""What one question sees of its index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, Literal

import pytest

from nlq.errors import EngineError
from nlq.grounding import LINKING_SECONDS, LISTING_SECONDS, Grounding, View
from nlq.json_schema import problem
from nlq.periods import Period
from nlq.types import Body, Failure, Field, IndexSchema, LinkedValue, Outcome, Result
from nlq.values import KINDS, repair
from tests.fakes.embedder import HashEmbedder
from tests.fakes.engine import FakeEngine
from tests.support import library, library_engine, listings

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
CRIME = LinkedValue("crime", "shelf", "Crime")


class Troubled(FakeEngine):
    """Answers no search while it has an ``outcome``; ``timeouts`` keeps what searches were given."""

    outcome: Literal[Outcome.REJECTED, Outcome.TIMED_OUT] | None = None

    def __init__(self) -> None:
        super().__init__()
        self.timeouts: list[float] = []
        self.load("library", mappings=library()["mappings"], documents=[("1", {"shelf": "Crime"})])

    def search(self, index: str, bodies: Sequence[Body], *, timeout: float) -> Sequence[Result | Failure]:
        self.timeouts.append(timeout)
        if self.outcome:
            return [Failure(self.outcome, "not now")] * len(bodies)
        return super().search(index, bodies, timeout=timeout)


def _grounding(engine: FakeEngine, **changes: Any) -> Grounding:
    parts: dict[str, Any] = {"embedder": HashEmbedder(), "clock": lambda: 0.0, "now": lambda: NOW, "most_fields": 60}
    return Grounding(engine, **{**parts, **changes})


def _view(question: str, engine: FakeEngine | None = None, index: str = "library", **changes: Any) -> View:
    engine = engine or library_engine()
    return _grounding(engine, **changes).view(question, engine.schema(index))


def _wide(engine: FakeEngine) -> IndexSchema:
    """An index of 40 keyword fields; only the last one's values can be named."""
    fields = {f"f{i}": {"type": "keyword"} for i in range(39)} | {"zone": {"type": "keyword"}}
    engine.load("wide", mappings={"properties": fields}, documents=[("1", {"zone": "Harbour"})])
    return engine.schema("wide")


def test_a_view_holds_the_values_and_days_that_the_question_names() -> None:
    view = _view("crime books bought yesterday that are on loan")

    assert view.values == (CRIME, LinkedValue("on loan", "on_loan", True))
    assert view.periods == (Period("yesterday", date(2026, 11, 20), date(2026, 11, 21)),)
    assert view.now == NOW


def test_numbers_and_texts_that_occur_are_linked_and_dates_where_wanted() -> None:
    question = 'books of 2020 with 210 pages that say "signed copy"'
    shown = {(v.field, v.value) for v in _view(question).values}

    assert shown == {("pages", 210), ("note", "signed copy")}
    assert {(v.field, v.value) for v in _view(question, kinds=KINDS).values} == {*shown, ("bought", "2020")}


def test_an_index_without_a_date_has_no_periods() -> None:
    engine = FakeEngine()
    engine.load("tags", mappings={"properties": {"tag": {"type": "keyword"}}}, documents=[])

    assert _view("tags of yesterday", engine, "tags").periods == ()


def test_days_count_from_the_injected_moment() -> None:
    later = _view("bought today", now=lambda: datetime(2030, 1, 1, 23, 59, tzinfo=UTC))

    assert [(p.start, p.end) for p in later.periods] == [(date(2030, 1, 1), date(2030, 1, 2))]


def test_a_question_takes_one_call_to_the_engine() -> None:
    engine = library_engine()
    grounding, index = _grounding(engine), engine.schema("library")
    calls = []
    for question in ("The Garden by 'Nobody' of 2020 with 310 pages", "crime?", "The Garden of 2019", "crime?"):
        grounding.view(question, index)
        calls.append(len(engine.bodies))

    assert calls == [1, 2, 3, 4]


def test_the_number_of_documents_is_known_beside_the_values() -> None:
    engine = library_engine()
    view = _grounding(engine).view("crime?", engine.schema("library"))

    assert view.total == engine.search("library", [{"size": 0}], timeout=1)[0].total  # type: ignore[union-attr]


def test_values_are_listed_again_when_the_listing_is_old() -> None:
    now = [0.0]
    engine = library_engine()
    grounding, index = _grounding(engine, clock=lambda: now[0]), engine.schema("library")
    counts = []
    for now[0] in (100, 100 + LISTING_SECONDS, 101 + LISTING_SECONDS, 102 + LISTING_SECONDS):
        grounding.view("crime?", index)
        counts.append(listings(engine))

    assert counts == [1, 1, 2, 2]


def test_a_value_is_linked_once_its_listing_is_new() -> None:
    now = [0.0]
    engine = library_engine()
    grounding, index = _grounding(engine, clock=lambda: now[0]), engine.schema("library")
    found = []
    for now[0] in (0, 10, 11 + LISTING_SECONDS):
        found.append([v.value for v in grounding.view("cookery", index).values])
        engine.add("library", [("9", {"shelf": "Cookery"})])

    assert found == [[], [], ["Cookery"]]


def test_every_index_has_a_listing_of_its_own() -> None:
    engine = library_engine()
    wide, grounding = _wide(engine), _grounding(engine)

    assert grounding.view("crime at the harbour", engine.schema("library")).values == (CRIME,)
    assert grounding.view("crime at the harbour", wide).values == (LinkedValue("harbour", "zone", "Harbour"),)


@pytest.mark.parametrize("outcome", [Outcome.REJECTED, Outcome.TIMED_OUT])
def test_an_engine_that_does_not_list_in_time_links_nothing_and_is_asked_again(outcome: Any) -> None:
    engine = Troubled()
    grounding, index = _grounding(engine), engine.schema("library")
    engine.outcome = outcome
    failed = grounding.view("crime books of yesterday", index)
    engine.outcome = None
    asked_again = grounding.view("crime books of yesterday", index)

    assert failed.values == ()
    assert [p.text for p in failed.periods] == ["yesterday"]
    assert failed.near == index
    assert repair({"query": {"term": {"shelf": "crime"}}}, failed.seen)[1] == ()
    assert asked_again.values == (CRIME,)
    assert set(engine.timeouts) == {LINKING_SECONDS}


def test_an_engine_that_is_down_is_no_engine_without_values() -> None:
    engine = library_engine()
    index = engine.schema("library")
    engine.down = True

    with pytest.raises(EngineError):
        _grounding(engine).view("crime?", index)


def test_kinds_of_links_can_be_switched_off() -> None:
    assert _view("crime books on loan", kinds=frozenset({"boolean"})).values == (
        LinkedValue("on loan", "on_loan", True),
    )
    assert _view("crime books on loan", kinds=frozenset()).values == ()


def test_narrowing_keeps_the_fields_of_linked_values() -> None:
    engine = library_engine()
    index = _wide(engine)
    view = _view("f3 and f5 at the harbour", engine, "wide", most_fields=5)

    assert len(view.near.fields) == 5
    assert {"f3", "f5", "zone"} <= {f.name for f in view.near.fields}
    assert view.index == index


def test_fields_are_narrowed_only_where_there_are_more_than_the_model_is_shown() -> None:
    engine = library_engine()
    grounding, index = _grounding(engine), engine.schema("library")

    assert [grounding.view("crime books", schema).narrowed for schema in (index, replace(index))] == [False, False]
    assert _view("crime books", engine, most_fields=3).narrowed


def test_the_model_may_name_the_near_fields_and_people_may_name_all() -> None:
    engine = library_engine()
    _wide(engine)
    view = _view("f3 at the harbour", engine, "wide", most_fields=5)
    far = next(f.name for f in view.index.fields if f not in view.near.fields)

    for name, decoded in ((far, False), ("zone", True)):
        body = {"query": {"term": {name: "x"}}}

        assert problem(body, view.accepted) is None
        assert (problem(body, view.decoded) is None) is decoded


def test_names_of_fields_are_embedded_once_for_an_index() -> None:
    engine, embedder = FakeEngine(), HashEmbedder()
    index = _wide(engine)
    grounding = _grounding(engine, embedder=embedder, most_fields=5)
    for question in ("where is f1?", "where is f2?"):
        grounding.view(question, index)

    assert sorted(embedder.encoded) == sorted(
        ["where is f1?", "where is f2?", *(f"f {i}" for i in range(39)), "zone"],
    )


def test_without_an_embedder_the_words_of_the_question_say_what_is_near() -> None:
    engine = FakeEngine()
    _wide(engine)

    assert "f17" in [f.name for f in _view("f17?", engine, "wide", most_fields=5, embedder=None).near.fields]


@pytest.mark.parametrize(("embedder", "shown"), [(HashEmbedder(8), ["near"]), (HashEmbedder(9), []), (None, [])])
def test_the_model_is_shown_vectors_of_the_embedders_length_only(embedder: Any, shown: list[str]) -> None:
    fields = (Field("a", "keyword"), Field("near", "dense_vector", dims=8), Field("far", "dense_vector", dims=384))
    engine = FakeEngine()
    engine.load("vectors", mappings={"properties": {"a": {"type": "keyword"}}}, documents=[])
    view = _grounding(engine, embedder=embedder).view("?", IndexSchema("vectors", fields))

    assert [f.name for f in view.near.fields] == ["a", *shown]
    assert view.index.fields == fields
