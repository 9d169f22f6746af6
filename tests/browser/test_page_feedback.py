"""What people think of an answer, on the page: approved or corrected, it becomes an example."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Locator, Page, expect

from api.app import create_app
from nlq.settings import Settings
from nlq.translator import Translator
from nlq.types import Body, SamplingParams
from tests.browser.test_page import ask
from tests.fakes.sampler import ScriptedSampler
from tests.fakes.store import FakeStore
from tests.support import library_engine, served

CRIME: Body = {"query": {"term": {"shelf": "Crime"}}}
TRAVEL: Body = {"query": {"term": {"shelf": "Travel"}}}


@dataclass(frozen=True, slots=True)
class Shop:
    """The answer on the page, and the store that it may become an example of."""

    answer: Locator
    store: FakeStore


@pytest.fixture
def shop(page: Page) -> Iterator[Shop]:
    """A question was answered, by a query whose value was repaired."""
    store = FakeStore()
    sampler = ScriptedSampler(['{"query":{"term":{"shelf":"crime"}}}'])
    translator = Translator(library_engine(), sampler, store, params=SamplingParams(n=1))
    with served(create_app(translator, Settings(_env_file=None))) as url:
        page.goto(url)
        page.locator("#index option").first.wait_for(state="attached")
        ask(page, "what about crime?")
        answer = page.locator("#answer")
        answer.locator(".feedback").wait_for()
        yield Shop(answer, store)


def status(shop: Shop) -> Locator:
    return shop.answer.get_by_role("status")


def editor(shop: Shop) -> Locator:
    return shop.answer.get_by_label("Query", exact=True)


def test_a_right_answer_becomes_an_example(shop: Shop) -> None:
    shop.answer.get_by_role("button", name="This was right").click()
    expect(status(shop)).to_contain_text("Kept as an example")

    [record] = shop.store.page()
    assert (record.example.question, record.example.query) == ("what about crime?", CRIME)
    expect(shop.answer.get_by_role("button", name="This was right")).to_have_count(0)


def test_the_query_to_correct_is_the_one_that_ran(shop: Shop) -> None:
    shop.answer.get_by_role("button", name="Correct the query").click()

    expect(editor(shop)).to_be_focused()
    assert json.loads(editor(shop).input_value()) == {**CRIME, "size": 1000}


def test_a_corrected_query_becomes_an_example(shop: Shop) -> None:
    shop.answer.get_by_role("button", name="Correct the query").click()
    editor(shop).fill(json.dumps(TRAVEL))
    shop.answer.get_by_role("button", name="Save").click()
    expect(status(shop)).to_contain_text("Kept as an example")

    [record] = shop.store.page()
    assert (record.example.question, record.example.query) == ("what about crime?", TRAVEL)
    expect(editor(shop)).to_be_hidden()


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ('{"query":{"term":{"shelv":"Crime"}}}', "The query cannot be kept: .*shelv"),
        ('{"query":', "This is not JSON: "),
        ("[]", "must be a JSON object"),
    ],
    ids=["check", "no-json", "no-object"],
)
def test_a_query_that_fails_stays_in_the_editor_under_the_reason(shop: Shop, query: str, says: str) -> None:
    shop.answer.get_by_role("button", name="Correct the query").click()
    editor(shop).fill(query)
    shop.answer.get_by_role("button", name="Save").click()

    expect(shop.answer.get_by_role("alert")).to_have_text(re.compile(says))
    expect(editor(shop)).to_have_value(query)
    expect(shop.answer.get_by_role("button", name="Save")).to_be_enabled()
    assert shop.store.count() == 0


def test_what_was_wrong_can_be_corrected_and_saved(shop: Shop) -> None:
    shop.answer.get_by_role("button", name="Correct the query").click()
    for query in ({"query": {"term": {"shelv": "Crime"}}}, TRAVEL):
        editor(shop).fill(json.dumps(query))
        shop.answer.get_by_role("button", name="Save").click()

    expect(status(shop)).to_contain_text("Kept as an example")
    expect(shop.answer.get_by_role("alert")).to_be_hidden()


def test_what_was_run_last_is_what_was_right(shop: Shop) -> None:
    shop.answer.get_by_role("button", name="Correct the query").click()
    editor(shop).fill(json.dumps(TRAVEL))
    shop.answer.get_by_role("button", name="Run").click()
    expect(shop.answer.locator("tbody")).to_contain_text("Blue Water")
    shop.answer.get_by_role("button", name="This was right").click()
    expect(status(shop)).to_contain_text("Kept as an example")

    [record] = shop.store.page()
    assert record.example.query == TRAVEL


def test_the_keyboard_alone_will_do(page: Page, shop: Shop) -> None:
    right = shop.answer.get_by_role("button", name="This was right")
    correct = shop.answer.get_by_role("button", name="Correct the query")
    right.focus()
    page.keyboard.press("Tab")
    expect(correct).to_be_focused()
    page.keyboard.press("Enter")
    expect(correct).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Escape")
    expect(correct).to_be_focused()
    expect(editor(shop)).to_be_hidden()

    page.keyboard.press("Enter")
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.insert_text(json.dumps(TRAVEL))
    for _ in range(3):  # over "Run" and "Reset"
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    expect(status(shop)).to_contain_text("Kept as an example")
    assert [record.example.query for record in shop.store.page()] == [TRAVEL]


def test_a_service_that_is_gone_is_said(page: Page, shop: Shop) -> None:
    page.route("**/feedback", lambda route: route.abort())
    shop.answer.get_by_role("button", name="This was right").click()

    expect(shop.answer.get_by_role("alert")).to_contain_text("cannot be reached")
    expect(shop.answer.get_by_role("button", name="This was right")).to_be_enabled()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_written_can_be_read_in_both_schemes(page: Page, shop: Shop, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    shop.answer.get_by_role("button", name="Correct the query").click()
    editor(shop).fill("[]")
    shop.answer.get_by_role("button", name="Save").click()

    for part in (editor(shop), shop.answer.get_by_role("alert")):
        assert part.evaluate(CONTRAST) >= 4.5


def test_the_editor_fits_a_phone(page: Page, shop: Shop) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    shop.answer.get_by_role("button", name="Correct the query").click()

    assert page.evaluate("document.documentElement.scrollWidth") == 360


CONTRAST = """node => {
  const style = getComputedStyle(node);
  const light = (color) => {
    const [r, g, b] = color.match(/[0-9.]+/g).map(Number)
      .map((part) => part / 255).map((part) => part <= .04045 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const [dark, bright] = [light(style.color), light(style.backgroundColor)].sort((a, b) => a - b);
  return (bright + .05) / (dark + .05);
}"""
"""The contrast of a node's text on its ground as WCAG 2 defines it."""
