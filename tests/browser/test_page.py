from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.conftest import Service


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


def test_values_from_documents_are_shown_as_text(page: Page) -> None:
    ask(page, "films about a hobbit")
    answer = page.locator("#answer")

    expect(answer.locator("td", has_text="<img src=x onerror=alert(1)>")).to_have_count(1)
    expect(answer.locator("td", has_text="<script>alert(2)</script>")).to_have_count(1)
    assert answer.locator("img, script").count() == 0


def test_a_count_is_one_big_number(page: Page) -> None:
    ask(page, "count of films after 1995")

    expect(page.locator("#answer .figure")).to_have_text("1,234 documents")


def test_groups_are_bars_with_a_second_level(page: Page) -> None:
    ask(page, "films per genre and decade")
    rows = page.locator("#answer .result > .agg > .bars > li")

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
    for title in ("Generated query", "5 candidates, 2 different results", "1 other reading"):
        answer.locator("summary", has_text=title).click()

    expect(answer.locator("details.query code")).to_contain_text('"title": "hobbit"')
    expect(answer).to_contain_text("Chosen · 3 votes")
    expect(answer).to_contain_text("not valid")
    expect(answer.get_by_role("button", name="Copy as curl")).to_have_count(2)


def test_the_curl_command_is_copied_ready_to_run(page: Page, service: Service) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=service.url)
    ask(page, "films about a hobbit")
    page.locator("details.query summary").click()
    page.get_by_role("button", name="Copy as curl").first.click()
    expect(page.locator("details.query button", has_text="Copied")).to_have_count(1)

    assert page.evaluate("navigator.clipboard.readText()") == (
        "curl -s -X POST \"$ES_URL/movies/_search\" -H 'Content-Type: application/json' "
        """-d '{"query":{"match":{"title":"hobbit"}},"size":10}'"""
    )


def test_a_phone_needs_no_sideways_scrolling(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    ask(page, "films about a hobbit")
    expect(page.locator("#answer .result tbody tr")).to_have_count(3)

    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_a_link_to_a_question_fills_it_in(page: Page, service: Service) -> None:
    page.goto(f"{service.url}/?index=articles&q=who+wrote+most")

    expect(page.get_by_label("Question", exact=True)).to_have_value("who wrote most")
    expect(page.locator("#index")).to_have_value("articles")
