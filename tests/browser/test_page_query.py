"""The query on the page: edited, run, copied, paged, downloaded; other readings, questions that go on, history."""

from __future__ import annotations

import ast
import json
import re
import shlex
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.test_page import ask

TRAVEL = {"query": {"term": {"shelf": "Travel"}}}


@pytest.fixture
def answer(page: Page, doubtful: str) -> Locator:
    """Two of four candidates found crime, one document of two at a time; two found travel."""
    page.goto(doubtful)
    page.locator("#index option").first.wait_for(state="attached")
    page.locator("#n").select_option("4")
    ask(page, "what about crime?")
    answer = page.locator("#answer")
    answer.locator(".feedback").wait_for()
    return answer


def editor(answer: Locator) -> Locator:
    return answer.get_by_label("Query", exact=True)


def open_query(answer: Locator) -> None:
    answer.locator("details.query > summary").click()


def test_an_edited_query_is_run_and_left_again(page: Page, answer: Locator) -> None:
    open_query(answer)
    editor(answer).fill(json.dumps(TRAVEL))
    page.keyboard.press("Control+Enter")

    expect(answer.locator(".readback")).to_contain_text("Travel")
    expect(answer.locator(".result tbody tr")).to_have_count(1)
    expect(answer.locator(".result")).to_contain_text("Blue Water")

    answer.get_by_role("button", name="Back to the answer").click()
    expect(answer.locator(".result")).to_contain_text("The Blue Lamp")
    expect(editor(answer)).to_have_value(re.compile("Crime"))


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ('{"query":{"term":{"shelv":"Crime"}}}', "cannot be run: .*shelv"),
        ('{"query":', "This is not JSON: "),
        ("[]", "must be a JSON object"),
    ],
    ids=["check", "no-json", "no-object"],
)
def test_a_query_that_cannot_run_leaves_the_answer_under_the_reason(answer: Locator, query: str, says: str) -> None:
    open_query(answer)
    editor(answer).fill(query)
    answer.get_by_role("button", name="Run").click()

    expect(answer.get_by_role("alert")).to_have_text(re.compile(says))
    expect(answer.locator(".result")).to_contain_text("The Blue Lamp")
    expect(editor(answer)).to_have_value(query)


def test_lines_are_numbered_and_what_was_written_can_be_taken_back(answer: Locator) -> None:
    open_query(answer)
    before = editor(answer).input_value()
    editor(answer).fill("{\n\n}")
    expect(answer.locator(".gutter")).to_have_text("1\n2\n3", use_inner_text=True)
    answer.get_by_role("button", name="Reset").click()

    expect(editor(answer)).to_have_value(before)
    assert answer.locator(".gutter").inner_text().split() == [str(n + 1) for n in range(len(before.split("\n")))]


@pytest.mark.parametrize("form", ["Console", "curl", "Python", "JSON"])
def test_the_query_is_copied_ready_to_run(page: Page, answer: Locator, doubtful: str, form: str) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=doubtful)
    open_query(answer)
    body = {"query": {"term": {"title.keyword": 'it\'s "blue"'}}, "explain": True, "size": 3}
    editor(answer).fill(json.dumps(body))
    answer.get_by_role("button", name=f"Copy as {form}").first.click()
    expect(answer.locator("details.query button", has_text="Copied")).to_have_count(1)
    copied = page.evaluate("navigator.clipboard.readText()")

    if form == "Console":
        first, _, rest = copied.partition("\n")
        assert (first, json.loads(rest)) == ("POST library/_search", body)
    elif form == "curl":
        words = shlex.split(copied)
        assert words[:5] == ["curl", "-s", "-X", "POST", "$ES_URL/library/_search"]
        assert json.loads(words[-1]) == body
    elif form == "Python":
        [assigned] = [node for node in ast.parse(copied).body if isinstance(node, ast.Assign) and _name(node) == "body"]
        assert ast.literal_eval(assigned.value) == body
        assert 'client.search(index="library", body=body)' in copied
    else:
        assert json.loads(copied) == body


def _name(node: ast.Assign) -> str:
    [target] = node.targets
    return target.id if isinstance(target, ast.Name) else ""


def test_an_unsure_answer_offers_what_else_was_meant(answer: Locator) -> None:
    expect(answer.locator(".unsure")).to_contain_text("Did you mean")
    answer.locator(".unsure").get_by_role("button", name="Travel").click()

    expect(answer.locator(".result")).to_contain_text("Blue Water")
    expect(answer.locator(".confidence")).to_contain_text("another reading, 2 votes")
    expect(editor(answer)).to_have_value(re.compile("Travel"))


def test_a_sure_answer_does_not_ask_what_was_meant(page: Page) -> None:
    ask(page, "films about a hobbit")

    expect(page.locator("#answer summary", has_text="1 other reading")).to_be_visible()
    expect(page.locator("#answer .unsure")).to_have_count(0)


def test_the_hits_that_follow_are_added(answer: Locator) -> None:
    expect(answer.locator(".result tbody tr")).to_have_count(1)
    answer.get_by_role("button", name="Show more").click()

    expect(answer.locator(".result tbody tr")).to_have_count(2)
    expect(answer.locator(".result")).to_contain_text("Night Train")
    expect(answer.locator(".result")).to_contain_text("The Blue Lamp")
    expect(answer.get_by_role("button", name="Show more")).to_have_count(0)


def test_what_was_found_is_downloaded(page: Page, answer: Locator) -> None:
    with page.expect_download() as found:
        answer.get_by_role("button", name="Download as CSV").click()
    path = found.value.path()

    assert found.value.suggested_filename == "library.csv"
    assert "The Blue Lamp" in Path(path).read_text(encoding="utf-8")


def test_a_question_goes_on_from_the_query_on_the_page(page: Page, answer: Locator) -> None:
    answer.get_by_label("Go on from here").fill("only the cheap ones")
    with page.expect_request("**/library/nlq/refine") as sent:
        page.keyboard.press("Enter")
    expect(answer.locator(".trail li")).to_have_text(["what about crime?", "only the cheap ones"])

    asked = sent.value.post_data_json
    assert asked["question"] == "only the cheap ones"
    assert asked["previous"]["question"] == "what about crime?"
    assert asked["previous"]["query"]["query"] == {"term": {"shelf": "Crime"}}


def test_what_was_asked_can_be_asked_again_and_forgotten(page: Page, answer: Locator, doubtful: str) -> None:
    page.goto(doubtful)
    page.locator("#index option").first.wait_for(state="attached")
    page.get_by_role("button", name="History").click()
    dialog = page.get_by_role("dialog", name="History")
    dialog.get_by_role("button", name="what about crime?").click()
    expect(answer.locator(".result")).to_contain_text("The Blue Lamp")

    page.get_by_role("button", name="History").click()
    expect(dialog.locator("li")).to_have_count(1)
    dialog.get_by_role("button", name="Clear").click()
    expect(dialog).to_contain_text("Nothing asked yet")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert page.evaluate("JSON.parse(localStorage.getItem('nlq-history'))") == []
