from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Page, expect

from nlq.types import Body, Result
from tests.browser.conftest import Service
from tests.fakes import translator as fake

KNN = {"field": "plot", "query_vector": [0.25, -0.5, *[0.125] * 382], "k": 5, "_name": "talking animals"}


def ask(page: Page, question: str) -> None:
    page.get_by_label("Question", exact=True).fill(question)
    page.keyboard.press("Enter")


def test_a_question_gets_a_table_of_documents(page: Page) -> None:
    ask(page, "films about a hobbit")
    answer = page.locator("#answer")

    expect(answer.locator("thead th").first).to_have_text("title")
    expect(answer.locator("tbody tr").first.locator("td")).to_have_text(
        ["The Hobbit", "Peter Jackson", "Adventure, Fantasy", "2012", "–"]
    )
    expect(answer).to_contain_text("3 of 5 candidates agree")
    expect(answer).to_contain_text("42 documents match, 3 shown")


def test_the_columns_that_the_query_speaks_of_stand_before_those_that_find_no_room(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = {"title": "Up", **{f"note_{i}": "…" for i in range(20)}, "cast": ["Ed"], "rating": 8.3}
    query: Body = {"query": {"term": {"cast.keyword": "Ed"}}, "sort": [{"rating": {"order": "desc"}}]}
    monkeypatch.setitem(fake.CANNED, "", (query, Result(({"_id": "1", "_source": film},), 1), "Films"))
    ask(page, "best films with Ed")

    expect(page.locator("#answer thead").first.locator("th")).to_have_text(
        ["title", "cast", "rating", *(f"note_{i}" for i in range(5))]
    )


def test_values_from_documents_are_shown_as_text(page: Page) -> None:
    ask(page, "films about a hobbit")
    answer = page.locator("#answer")

    expect(answer.locator("td", has_text="<img src=x onerror=alert(1)>")).to_have_count(1)
    expect(answer.locator("td", has_text="<script>alert(2)</script>")).to_have_count(1)
    assert answer.locator("img, script").count() == 0


def test_a_count_is_one_big_number(page: Page) -> None:
    ask(page, "count of films after 1995")

    expect(page.locator("#answer .figure")).to_have_text("1,234 documents")


def test_groups_of_groups_are_bars_with_a_second_level(page: Page) -> None:
    ask(page, "films per genre and decade")
    page.get_by_role("button", name="Table").click()
    rows = page.locator("#answer .tables > .agg > .bars > li")

    expect(rows).to_have_count(3)
    expect(rows.nth(1).locator("> .bucket")).to_contain_text("Comedy")
    expect(rows.nth(0).locator(".inner .key")).to_have_text(["1990", "2000", "2010"])
    expect(page.locator("#answer .figure")).to_have_text("6.418 average")


def test_no_match_is_said(page: Page) -> None:
    ask(page, "nothing like this")

    expect(page.locator("#answer .result")).to_have_text("No document matches.")


def test_no_answer_is_a_sentence_with_the_reasons_behind_it(page: Page) -> None:
    ask(page, "hopeless")
    problem = page.get_by_role("alert")

    expect(problem).to_contain_text("None of the 2 candidates survived; ask in other words.")
    problem.locator("summary").click()
    expect(problem).to_contain_text("'titel' is no field of this index.")
    expect(page.locator("#answer")).to_be_hidden()


def test_a_chip_asks_its_question(page: Page) -> None:
    page.get_by_role("button", name="films about a hobbit").click()

    expect(page.locator("#answer .result tbody tr")).to_have_count(3)


def test_the_fields_of_the_index_can_be_opened(page: Page) -> None:
    page.locator("#fields summary").click()

    expect(page.locator("#field-list li")).to_have_count(8)
    expect(page.locator("#field-list")).to_contain_text("cast.name keyword")


def test_a_question_can_be_cancelled(page: Page, service: Service) -> None:
    service.translator.gate.clear()
    ask(page, "films about a hobbit")
    expect(page.get_by_role("status")).to_have_text("Writing queries, guided by 1 similar question")
    page.get_by_role("button", name="Cancel").click()

    expect(page.get_by_role("status")).to_have_text("Cancelled")
    expect(page.locator("#answer")).to_be_hidden()


def test_the_query_the_candidates_and_the_alternatives_can_be_opened(page: Page) -> None:
    ask(page, "films about a hobbit")
    answer = page.locator("#answer")
    for title in ("Query", "5 candidates, 2 different results", "1 other reading"):
        answer.locator("summary", has_text=title).click()

    expect(answer.get_by_label("Query", exact=True)).to_have_value(re.compile('"title": "hobbit"'))
    expect(answer).to_contain_text("Chosen · 3 votes")
    expect(answer).to_contain_text("not valid")
    expect(answer.get_by_role("button", name="Copy as curl")).to_have_count(2)


def test_a_phone_needs_no_sideways_scrolling(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    ask(page, "films about a hobbit")
    expect(page.locator("#answer .result tbody tr")).to_have_count(3)

    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_a_link_to_a_question_fills_it_in(page: Page, service: Service) -> None:
    page.goto(f"{service.url}/?index=articles&q=who+wrote+most")

    expect(page.get_by_label("Question", exact=True)).to_have_value("who wrote most")
    expect(page.locator("#index")).to_have_value("articles")


def test_a_repaired_value_is_told_with_the_answer_and_its_candidates(page: Page, library: str) -> None:
    page.goto(library)
    page.locator("#n").select_option("4")
    ask(page, "what about crime?")
    answer = page.locator("#answer")
    answer.locator("summary", has_text="4 candidates, 2 different results").click()

    expect(answer.locator(".head > .repairs")).to_have_text("shelf: 'crime' became 'Crime'")
    expect(answer.locator(".group").nth(0).locator(".repairs")).to_have_count(2)
    expect(answer.locator(".group").nth(1).locator(".repairs")).to_have_count(0)


def test_an_answer_without_repairs_does_not_speak_of_them(page: Page) -> None:
    ask(page, "films about a hobbit")

    expect(page.locator("#answer .result tbody tr")).to_have_count(3)
    expect(page.locator(".repairs")).to_have_count(0)


def test_a_vector_is_shown_as_its_words_and_copied_whole(
    page: Page, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    query: Body = {"query": {"knn": KNN}}
    monkeypatch.setitem(fake.CANNED, "", (query, Result((), 0), "Films"))
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=service.url)
    ask(page, "films with talking animals")
    page.locator("details.query summary").click()
    shown = json.loads(page.get_by_label("Query", exact=True).input_value())
    page.get_by_role("button", name="Copy as JSON").first.click()
    expect(page.locator("details.query button", has_text="Copied")).to_have_count(1)

    assert shown == {"query": {"knn": {"field": "plot", "query_vector": "talking animals", "k": 5}}}
    assert json.loads(page.evaluate("navigator.clipboard.readText()")) == query


def test_groups_without_names_are_named_by_their_query(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    queries = [{"term": {"genres": "Drama"}}, {"range": {"year": {"lt": 1960}}}]
    query: Body = {"size": 0, "aggs": {"groups": {"filters": {"filters": queries}}}}
    found = {"groups": {"buckets": [{"doc_count": 5}, {"doc_count": 4}]}}
    monkeypatch.setitem(fake.CANNED, "", (query, Result((), 9, found), "Films"))
    ask(page, "dramas and old films")

    page.get_by_role("button", name="Table").click()
    expect(page.locator("#answer tbody .key")).to_have_text(
        ['{"term":{"genres":"Drama"}}', '{"range":{"year":{"lt":1960}}}']
    )


def test_a_number_of_all_groups_names_the_groups_it_comes_from(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"groups": {"buckets": [{"key": "Drama", "doc_count": 5}]}, "over": {"value": 5.0, "keys": ["Drama"]}}
    monkeypatch.setitem(fake.CANNED, "", ({"size": 0}, Result((), 9, found), "Films"))
    ask(page, "largest genre")

    expect(page.locator("#answer .figure")).to_have_text("5 over · Drama")


def test_a_link_may_name_a_pattern(page: Page, library: str) -> None:
    page.goto(f"{library}/?index=lib*&q=what+about+crime")
    expect(page.locator("#fields summary")).to_contain_text("fields")
    page.get_by_role("button", name="Ask").click()

    expect(page.locator("#answer .result")).to_contain_text("Night Train")
    expect(page.get_by_label("Query", exact=True)).to_have_value(re.compile("Crime"))
