"""Which fields of a wide mapping a question is about."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from nlq.narrow import FieldNames, narrow
from nlq.types import Body, Field, IndexSchema
from tests.fakes.embedder import HashEmbedder
from tests.support import lines

NOISE = tuple(Field(f"zq{number}", "keyword") for number in range(50))
FIELDS = (
    Field("shipped_at", "date"),
    Field("firstName", "text", aggregatable=False),
    Field("firstName.keyword", "keyword", parent="firstName"),
    *NOISE[:25],
    Field("items", "nested"),
    Field("items.taxes", "nested", nested="items"),
    Field("items.taxes.rate", "double", nested="items.taxes"),
    Field("items.unit-price", "double", nested="items"),
    Field("shipping.cities", "keyword"),
    *NOISE[25:],
    Field("httpStatus", "integer"),
    Field("имя", "keyword"),
    Field("著者", "keyword"),
    Field("createdOn", "date", searchable=False),
)
INDEX = IndexSchema("orders", FIELDS)


class Embedder:
    """Nothing is near to anything; ``texts`` keeps what was asked."""

    def __init__(self) -> None:
        self.texts: list[list[str]] = []

    def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        self.texts.append(list(texts))
        return [[0.0, 0.0] for _ in texts]


def _names(index: IndexSchema) -> list[str]:
    return [field.name for field in index.fields if field not in NOISE]


def _exact(texts: Sequence[str]) -> Sequence[Sequence[float]]:
    return [[1.0] if text in ("zq7", "zq 7", "what is meant") else [0.0] for text in texts]


@pytest.mark.parametrize("case", lines("narrowed.jsonl"), ids=lambda case: case["question"])
def test_fields_that_a_question_names_are_kept_with_what_belongs_to_them(case: Body) -> None:
    narrowed = narrow(INDEX, case["question"], embed=Embedder().embed, most=case["most"])

    assert _names(narrowed) == case["fields"]
    assert len(narrowed.fields) <= case["most"]


def test_an_index_with_few_fields_comes_back_as_it_is_and_nothing_is_embedded() -> None:
    embedder = Embedder()

    assert narrow(INDEX, "first names", embed=embedder.embed, most=len(FIELDS)) is INDEX
    assert embedder.texts == []


def test_names_are_embedded_once_and_each_question_once() -> None:
    embedder = Embedder()
    names = FieldNames(INDEX, embedder.embed)

    for question in ("one", "two"):
        names.narrow(question, most=3)

    heads = [field for field in FIELDS if field.parent is None and field.kind != "nested"]
    assert sorted(map(len, embedder.texts)) == [1, 1, len(heads)]
    assert "items unit price" in max(embedder.texts, key=len)


def test_a_name_is_found_by_what_it_means() -> None:
    assert [f.name for f in narrow(INDEX, "what is meant", embed=_exact, most=1).fields] == ["zq7"]


def test_near_names_come_before_distant_ones() -> None:
    kept = narrow(INDEX, "shippng city", embed=HashEmbedder().encode, most=1)  # type: ignore[arg-type]

    assert [field.name for field in kept.fields] == ["shipping.cities"]


def test_fields_of_linked_values_are_always_kept() -> None:
    keep = ["zq30", "firstName.keyword", "items.taxes.rate", "gone"]

    kept = narrow(INDEX, "http status", embed=Embedder().embed, most=3, keep=keep)

    assert [field.name for field in kept.fields] == [
        "firstName",
        "firstName.keyword",
        "items",
        "items.taxes",
        "items.taxes.rate",
        "zq30",
    ]


@pytest.mark.parametrize("question", ["http status since May", "http status by WEEK", "http status in 2021", "when"])
def test_a_question_of_time_keeps_a_date(question: str) -> None:
    assert "shipped_at" in _names(narrow(INDEX, question, embed=Embedder().embed, most=2))


def test_a_question_of_nothing_in_time_keeps_no_date() -> None:
    assert _names(narrow(INDEX, "how many of status 2021x", embed=Embedder().embed, most=1)) == ["httpStatus"]


def test_what_else_an_index_has_stays() -> None:
    index = IndexSchema("orders", FIELDS, about="Orders", features=frozenset({"x"}), version="9.4.3")

    kept = narrow(index, "status", embed=Embedder().embed, most=1)

    assert (kept.index, kept.about, kept.features, kept.version) == ("orders", "Orders", frozenset({"x"}), "9.4.3")


@pytest.mark.parametrize("question", ["", "?", "'; DROP", "\ud800", "é" * 2000, '{}[]"\\'])
def test_any_question_keeps_as_many_fields(question: str) -> None:
    assert len(narrow(INDEX, question, embed=Embedder().embed, most=10).fields) == 10
