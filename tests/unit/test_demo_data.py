"""The demo data as shipped: every document is one that its mapping accepts, every stated answer is the data's."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import date
from itertools import chain
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from nlq.demo import DEMOS, Demo

BY_NAME = {demo.name: demo for demo in DEMOS}
QUESTIONS = json.loads((Path(__file__).parents[1] / "fixtures" / "demo_questions.json").read_text("utf-8"))
CASES = [(index, case) for index, cases in QUESTIONS.items() for case in cases]
EACH = pytest.mark.parametrize("demo", DEMOS, ids=lambda demo: demo.name)


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def documents(name: str) -> list[dict[str, Any]]:
    return [document for _, document in BY_NAME[name].documents()]


def fits(kind: str, value: Any) -> bool:
    """Whether a field of that type takes the value as a careful author would write it."""
    match kind:
        case "text" | "keyword":
            return isinstance(value, str) and value.strip() == value != ""
        case "date":
            return isinstance(value, str) and is_date(value)
        case "integer" | "long":
            return type(value) is int and 0 <= value < (2**31 if kind == "integer" else 2**63)
        case "double":
            return isinstance(value, float | int)
    return False


def is_date(value: str) -> bool:
    """A year, a month or a day that the calendar has."""
    if not re.fullmatch(r"\d{4}(-\d\d(-\d\d)?)?", value):
        return False
    try:
        return date.fromisoformat((value + "-01-01")[:10]).year <= 2025
    except ValueError:
        return False


@EACH
def test_ids_are_unique_and_fit_for_elasticsearch(demo: Demo) -> None:
    keys = [key for key, _ in demo.documents()]

    assert len(set(keys)) == len(keys) == demo.size()
    assert [key for key in keys if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,199}", key)] == []


@EACH
def test_every_value_fits_the_type_of_its_field(demo: Demo) -> None:
    kinds = {name: field["type"] for name, field in demo.mappings()["properties"].items()}

    wrong = [
        (key, name, value)
        for key, document in demo.documents()
        for name, values in document.items()
        for value in as_list(values)
        if name not in kinds or not fits(kinds[name], value)
    ]

    assert wrong == []


@EACH
def test_a_document_with_an_unknown_field_would_be_refused(demo: Demo) -> None:
    assert demo.mappings()["dynamic"] == "strict"


@EACH
def test_every_field_of_the_mapping_is_used(demo: Demo) -> None:
    used = set(chain.from_iterable(document for _, document in demo.documents()))

    assert used == set(demo.mappings()["properties"])


@EACH
def test_the_mapping_tells_what_the_index_is_about(demo: Demo) -> None:
    assert demo.mappings()["_meta"] == {"about": demo.about}


@EACH
def test_each_index_has_four_to_six_example_questions(demo: Demo) -> None:
    assert 4 <= len(set(demo.questions)) == len(demo.questions) <= 6


def test_there_are_enough_documents() -> None:
    sizes = {demo.name: demo.size() for demo in DEMOS}

    assert sizes == {"articles": 287, "gutenberg": 85, "movies": 3200}


def test_articles_cover_many_topics_and_each_has_an_abstract() -> None:
    topics = Counter(article["topic"] for article in documents("articles"))

    assert len(topics) >= 10 and min(topics.values()) >= 5
    assert [a["title"] for a in documents("articles") if not a["abstract"].endswith(".")] == []


def test_every_book_opens_with_some_sixty_words_or_more() -> None:
    words = {book["title"]: len(book["content"].split()) for book in documents("gutenberg")}

    assert {title: count for title, count in words.items() if not 60 <= count <= 300} == {}


def test_a_book_is_stored_under_its_number_at_project_gutenberg() -> None:
    wrong = [key for key, book in BY_NAME["gutenberg"].documents() if key != str(book["gutenberg_id"])]

    assert wrong == []


def test_films_are_of_the_years_that_the_collection_covers() -> None:
    years = {int(film["release_date"][:4]) for film in documents("movies")}

    assert (min(years), max(years)) == (1915, 2011)


def test_film_titles_have_their_accents_and_articles_back() -> None:
    titles = {film["title"] for film in documents("movies")}

    assert {"Déjà Vu", "Léon", "La Môme", "Alien³", "The Charge of the Light Brigade"} <= titles


def most(values: Any) -> str:
    """The commonest value; fails on a tie, where a question for the one at the top would have no answer."""
    (first, count), (_, next_count) = Counter(values).most_common(2)
    assert count > next_count
    return str(first)


def best_genre(films: list[dict[str, Any]]) -> str:
    ratings = defaultdict(list)
    for film in films:
        if "genre" in film and "imdb_rating" in film:
            ratings[film["genre"]].append(film["imdb_rating"])
    return max(ratings, key=lambda genre: fmean(ratings[genre]))


ORACLES: dict[str, Callable[[list[dict[str, Any]]], Any]] = {
    "How many articles are written in German?": lambda d: sum(a["language"] == "German" for a in d),
    "Which journal published the most articles?": lambda d: most(a["journal"] for a in d if "journal" in a),
    "Articles by Alan Turing": lambda d: sorted(a["title"] for a in d if "Alan Turing" in as_list(a["author"])),
    "Books by Jane Austen": lambda d: sorted(b["title"] for b in d if b["author"] == "Jane Austen"),
    "How many books were published before 1800?": lambda d: sum(int(b["publication_date"]) < 1800 for b in d),
    "Which author has the most books?": lambda d: most(b["author"] for b in d),
    "How many films did Steven Spielberg direct?": lambda d: sum(f.get("director") == "Steven Spielberg" for f in d),
    "Which genre has the highest average IMDb rating?": best_genre,
    "Which film has the highest worldwide gross?": lambda d: [
        max(d, key=lambda f: f.get("worldwide_gross", 0))["title"]
    ],
}


@pytest.mark.parametrize(("index", "case"), CASES, ids=[case["question"] for _, case in CASES])
def test_the_stated_answer_follows_from_the_data(index: str, case: dict[str, Any]) -> None:
    [expected] = case["expected"].values()

    assert ORACLES[case["question"]](documents(index)) == expected
