"""The page by keyboard, and on a service that wants keys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from api.app import create_app
from nlq.access.callers import Action, Grant
from nlq.access.door import Door
from nlq.access.keys import KeyStore
from nlq.settings import Settings
from tests.browser.conftest import Service
from tests.browser.test_page import ask
from tests.fakes.translator import FakeTranslator
from tests.support import served

FOCUS = """() => {
  const node = document.activeElement;
  const framed = [node, node.closest('.box'), node.closest('.editor')].filter(Boolean);
  const seen = framed.some((one) => getComputedStyle(one).outlineStyle !== 'none');
  return [node === document.body ? 'BODY' : node.id || node.textContent || node.tagName, seen];
}"""
"""What has the focus, and whether that is seen."""


def test_every_control_of_an_answer_is_reached_by_tab_and_seen_to_be(page: Page) -> None:
    ask(page, "films about a hobbit")
    page.locator("#answer .feedback").wait_for()
    page.locator(".skip").focus()
    reached = {}
    for _ in range(60):
        name, seen = page.evaluate(FOCUS)
        reached[name.strip()] = seen
        page.keyboard.press("Tab")

    wanted = {"history", "question", "index", "n", "follow", "This was right", "Correct the query", "Query", "CSV"}
    assert wanted <= reached.keys()
    assert [name for name, seen in reached.items() if not seen and name != "BODY"] == []


def test_a_link_skips_to_the_question(page: Page) -> None:
    page.locator(".skip").focus()
    expect(page.locator(".skip")).to_be_in_viewport()
    page.keyboard.press("Enter")

    expect(page.get_by_label("Question", exact=True)).to_be_focused()


def test_escape_cancels_what_is_asked(page: Page, service: Service) -> None:
    service.translator.gate.clear()
    ask(page, "films about a hobbit")
    expect(page.get_by_role("status")).to_have_text("Writing queries, guided by 1 similar question")
    page.keyboard.press("Escape")

    expect(page.get_by_role("status")).to_have_text("Cancelled")


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """A service behind keys, and one of them."""
    keys = KeyStore(tmp_path / "keys.db")
    key, *_ = keys.add("team", Grant(("*",), frozenset({Action.ASK, Action.QUERY})))
    with served(create_app(FakeTranslator(), Settings(_env_file=None), door=Door(keys))) as url:
        yield url, key


def test_a_service_that_wants_a_key_is_given_one(page: Page, locked: tuple[str, str]) -> None:
    url, key = locked
    page.goto(url)
    expect(page.get_by_role("alert")).to_contain_text("Send a key")
    page.get_by_label("Key").fill(key)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_hidden()
    expect(page.locator("#index option")).to_have_count(2)
    ask(page, "films about a hobbit")

    expect(page.locator("#answer .result tbody tr")).to_have_count(3)


def test_a_field_is_found_among_many(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    many = {"properties": {f"part_{n}": {"type": "keyword"} for n in range(30)}}
    monkeypatch.setattr("tests.fakes.translator.MAPPING", many)
    page.locator("#index").select_option("articles")
    page.locator("#fields summary", has_text="30 fields").click()
    page.get_by_label("Find a field").fill("PART_7")

    expect(page.locator("#field-list li:visible")).to_have_text(["part_7 keyword"])
