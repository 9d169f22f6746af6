"""Words of a question that are values of the index."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from nlq.types import Body, Failure, Field, IndexSchema, LinkedValue, Outcome, Repair, Result
from nlq.values import KINDS, Catalog, Seen, link, lookup, repair
from nlq.values.catalog import distance
from nlq.values.mentions import dates, numbers
from tests.support import library_engine, lines

SCHEMA = IndexSchema(
    "loans",
    (
        Field("title", "text"),
        Field("title.keyword", "keyword", parent="title"),
        Field("author", "text"),
        Field("author.keyword", "keyword", parent="author"),
        Field("note", "text"),
        Field("shelf", "keyword"),
        Field("room", "keyword"),
        Field("state", "keyword"),
        Field("中", "keyword"),
        Field("on_loan", "boolean"),
        Field("members.is_premium", "boolean"),
        Field("pages", "integer"),
        Field("year", "short"),
        Field("price", "double"),
        Field("bought", "date"),
        Field("loans", "nested"),
        Field("loans.reader", "keyword", nested="loans"),
        Field("loans.since", "date", nested="loans"),
    ),
)
SHELVES = "Crime|Travel|Poetry|No|Shelf|Science Fiction|Café-Noir|Thriller/Suspense|Comics and Cartoons"
CATALOG = Catalog(
    {
        "shelf": tuple(SHELVES.split("|")),
        "title.keyword": (
            "The Blue Lamp",
            "Blue Water",
            "Night Train",
            "The Secret Garden of the North",
            "Books",
            "Loaned",
        ),
        "author.keyword": ("Ada Lovelace", "Peter Jackson", "Shirley Jackson"),
        "loans.reader": ("Ada", "Bo"),
        "state": ("OR", "US", "oR"),
        "room": ("7", "101"),
        "中": ("恐怖",),
    },
    frozenset({"shelf", "loans.reader", "author.keyword", "state", "room", "中"}),
)
SEEN = Seen(CATALOG, CATALOG)
WHOLE = Catalog(CATALOG.values, frozenset(CATALOG.values))


def linked(question: str, catalog: Catalog, **options: Any) -> tuple[LinkedValue, ...]:
    return link(question, SCHEMA, Seen(catalog, catalog), **options)


@pytest.mark.parametrize("case", lines("links.jsonl"), ids=lambda c: c["question"])
def test_words_are_linked_to_the_values_they_name(case: dict[str, Any]) -> None:
    assert linked(case["question"], CATALOG) == tuple(LinkedValue(*found) for found in case["links"])


@pytest.mark.parametrize(
    ("kind", "question"),
    [
        ("keyword", "crime books"),
        ("prefix", "sci-fi books"),
        ("part", "books by Lovelace"),
        ("fuzzy", "books by Lovelaec"),
        ("boolean", "premium members"),
    ],
)
def test_a_kind_of_link_can_be_switched_off(kind: str, question: str) -> None:
    assert linked(question, CATALOG, kinds=frozenset({kind}))
    assert linked(question, CATALOG, kinds=KINDS - {kind}) == ()


def test_a_word_that_is_a_value_of_too_many_fields_means_nothing() -> None:
    assert linked("yellow things", Catalog({f"f{i}": ("yellow",) for i in range(4)}, frozenset({"f0", "f1"}))) == ()


def test_a_value_that_is_spelled_exactly_hides_other_spellings() -> None:
    assert linked("status open now", Catalog({"k": ("Open", "open")}, frozenset("k"))) == (
        LinkedValue("open", "k", "open"),
    )


def test_common_words_are_no_titles_unless_they_are_written_like_one() -> None:
    titles = Catalog({"title.keyword": ("Big", "Jaws")})

    assert linked("big films", titles) == ()
    assert linked("is Big long", titles) == (LinkedValue("Big", "title.keyword", "Big"),)


@pytest.mark.parametrize(
    ("question", "values"),
    [
        ("how many books of August 2012?", []),
        ("books bought in August", []),
        ("books by August Strindberg", ["August Strindberg"]),
        ("books by Strindberg", ["August Strindberg"]),
    ],
)
def test_a_month_is_not_the_beginning_of_a_name(question: str, values: list[str]) -> None:
    names = Catalog({"author.keyword": ("August Strindberg", "Ada Lovelace")}, frozenset({"author.keyword"}))

    assert [found.value for found in linked(question, names)] == values


@pytest.mark.parametrize("case", lines("mentions.jsonl"), ids=lambda c: c["question"])
def test_numbers_and_dates_are_read_as_they_are_written(case: dict[str, Any]) -> None:
    assert [mention.value for mention in numbers(case["question"])] == case["numbers"]
    assert [[m.text, m.value, m.end] for m in dates(case["question"])] == case["dates"]


@pytest.mark.parametrize("case", lines("repairs.jsonl"), ids=lambda c: json.dumps(c["body"], ensure_ascii=False)[:70])
def test_a_value_that_does_not_exist_becomes_its_one_clear_neighbour(case: dict[str, Any]) -> None:
    body, repairs = repair(case["body"], SEEN)

    assert repairs == tuple(Repair(*made) for made in case["repairs"])
    assert json.dumps(body) == _replaced(case["body"], case["repairs"])


def test_values_that_become_one_are_asked_for_once() -> None:
    body, _ = repair({"query": {"terms": {"shelf": ["crime", "Crime", "CRIME"]}}}, SEEN)

    assert body == {"query": {"terms": {"shelf": ["Crime"]}}}


def test_plurals_are_repaired_only_where_every_value_is_known() -> None:
    body = {"query": {"term": {"title.keyword": "The Blue Lamps"}}}

    assert repair(body, Seen(WHOLE, WHOLE))[1] == (Repair("title.keyword", "The Blue Lamps", "The Blue Lamp"),)
    assert repair(body, SEEN)[1] == ()


@pytest.mark.parametrize(
    ("values", "wanted", "now"),
    [
        (("F", "M"), "female", "F"),
        (("y", "n"), "Yes", "y"),
        (("F", "M"), "woman", "woman"),
        (("F",), "female", "female"),
        (("F", "M", "none"), "female", "female"),
    ],
)
def test_a_word_becomes_the_letter_that_stands_for_it(values: tuple[str, ...], wanted: str, now: str) -> None:
    codes = Catalog({"shelf": values}, frozenset({"shelf"}))

    body, _ = repair({"query": {"term": {"shelf": wanted}}}, Seen(codes, codes))

    assert body == {"query": {"term": {"shelf": now}}}


def test_a_body_nested_too_deep_is_left_as_it_is() -> None:
    body: Body = {"term": {"shelf": "crime"}}
    for _ in range(200):
        body = {"bool": {"must": [body]}}

    assert repair({"query": body}, SEEN) == ({"query": body}, ())


@pytest.mark.parametrize(
    ("one", "other", "edits"),
    [("ada", "ada", 0), ("aad", "ada", 1), ("ad", "ada", 1), ("adas", "bda", 2), ("a", "xyz", 3)],
)
def test_a_swap_of_neighbours_is_one_edit(one: str, other: str, edits: int) -> None:
    assert distance(one, other, most=2) == edits


def test_the_first_question_lists_the_values_of_every_keyword_field_nested_ones_inside_their_path() -> None:
    (listing, *_) = lookup("crime", SCHEMA).bodies

    assert listing["size"] == 0
    assert {_field(agg) for agg in listing["aggs"].values()} == set(CATALOG.values)


def test_nothing_is_asked_where_every_value_is_known_and_the_question_has_no_names_or_numbers() -> None:
    assert lookup("crime books by lovelace", SCHEMA, kept=WHOLE).bodies == ()


def test_long_lists_are_asked_for_the_words_of_the_question_alone() -> None:
    (body,) = lookup("who made night train", SCHEMA, kept=CATALOG).bodies
    (agg,) = body["aggs"].values()

    assert {"night train", "Night Train", "night"} <= set(agg["terms"]["include"])
    assert "Made" not in agg["terms"]["include"]


def test_a_question_of_any_length_asks_a_bounded_number_of_things() -> None:
    fields = [Field(f"f{i}", kind) for i in range(300) for kind in ("keyword",)]
    fields += [Field(f"{kind}{i}", kind) for i in range(300) for kind in ("text", "integer", "date")]
    question = " ".join(f"Word{i} and {i + 1500}" for i in range(150))
    bodies = lookup(question, IndexSchema("wide", tuple(fields))).bodies

    assert max(len(body["aggs"]) for body in bodies) <= 400
    assert len(json.dumps(bodies)) < 4_000_000


def test_what_is_looked_up_is_linked_and_only_the_listing_is_kept() -> None:
    asked = lookup("is Night Train a book of 1995 with 7.5 points about Venice", SCHEMA)
    listing = {"1": {"buckets": [{"key": "Ada", "doc_count": 1}], "sum_other_doc_count": 9}}
    spelled = {"0": {"buckets": [{"key": "Night Train", "doc_count": 1}]}}
    answers: tuple[dict[str, Any], ...] = (listing, spelled, {}, _counts(asked.bodies[3], {"price", "bought", "note"}))
    seen = asked.read([Result((), 1, aggregations) for aggregations in answers])

    assert seen.listing == Catalog({"author.keyword": ("Ada",)})
    assert link("is Night Train a book of 1995 with 7.5 points about Venice", SCHEMA, seen) == (
        LinkedValue("Night Train", "title.keyword", "Night Train"),
        LinkedValue("1995", "bought", "1995"),
        LinkedValue("7.5", "price", 7.5),
        LinkedValue("Venice", "note", "Venice"),
    )


def test_a_year_that_is_a_number_by_chance_is_a_date() -> None:
    question = "how many of 1995"

    assert _occurring(question, {"pages", "bought"}) == (LinkedValue("1995", "bought", "1995"),)
    assert _occurring(question, {"pages", "year", "bought"}) == (LinkedValue("1995", "year", 1995),)
    assert _occurring(question, {"pages"}) == (LinkedValue("1995", "pages", 1995),)


def test_what_occurs_in_more_than_two_fields_means_nothing() -> None:
    assert _occurring("how many of 777", {"pages", "year", "price"}) == ()
    assert _occurring("who is Mallory", {"title", "author", "note"}) == ()


def test_an_engine_that_does_not_answer_in_time_costs_the_links_not_the_question() -> None:
    asked = lookup("who is Ada in 1995", SCHEMA)
    seen = asked.read([Failure(Outcome.TIMED_OUT, "too slow")] * len(asked.bodies))

    assert seen.listing is None
    assert link("who is Ada in 1995", SCHEMA, seen) == ()


def test_an_index_without_keywords_is_listed_once_and_for_all() -> None:
    schema = IndexSchema("bare", (Field("pages", "integer"),))
    asked = lookup("all of them", schema)

    assert asked.bodies == ()
    assert asked.read([]).listing == Catalog({})


def test_a_listing_of_the_engine_is_whole_where_nothing_was_left_out() -> None:
    engine = library_engine()
    schema = engine.schema("library")
    asked = lookup("crime", schema)
    seen = asked.read(engine.search("library", asked.bodies, timeout=1))

    assert seen.catalog.complete == {"title.keyword", "shelf", "loans.reader"}
    assert link("crime", schema, seen) == (LinkedValue("crime", "shelf", "Crime"),)


def _occurring(question: str, fields: set[str]) -> tuple[LinkedValue, ...]:
    asked = lookup(question, SCHEMA, kept=WHOLE)
    return link(question, SCHEMA, asked.read([Result((), 1, _counts(asked.bodies[-1], fields))]))


def _counts(body: Body, fields: set[str]) -> dict[str, Any]:
    """The answer in which the filters on ``fields`` find something."""
    counts: dict[str, Any] = {}
    for key, agg in body["aggs"].items():
        inner = agg["aggs"]["values"] if "nested" in agg else agg
        ((_, clause),) = inner["filter"].items()
        count = {"doc_count": int(next(iter(clause)) in fields)}
        counts[key] = {"doc_count": 5, "values": count} if "nested" in agg else count
    return counts


def _replaced(body: Mapping[str, Any], repairs: Sequence[Sequence[str]]) -> str:
    text = json.dumps(body)
    for _, was, now in repairs:
        text = text.replace(json.dumps(was), json.dumps(now))
    return text


def _field(agg: dict[str, Any]) -> str:
    inner = agg["aggs"]["values"] if "nested" in agg else agg
    field: str = inner["terms"]["field"]
    return field
