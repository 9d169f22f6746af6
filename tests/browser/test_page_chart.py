"""Charts on the page: what the service specifies, drawn."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from nlq.types import Result
from tests.browser.test_page import ask
from tests.fakes import translator as fake
from tests.support import lines

CASES = {case["name"]: case for case in lines("charts.jsonl")}
EVIL = "<img src=x onerror=alert(1)>"


def drawn(page: Page, monkeypatch: pytest.MonkeyPatch, case: dict[str, Any]) -> Locator:
    result = Result(tuple(case.get("hits", ())), 9, case.get("aggregations", {}))
    monkeypatch.setitem(fake.CANNED, "", ({"size": 0, **case["query"]}, result, "Books"))
    ask(page, "show me")
    picture = page.get_by_role("img")
    picture.wait_for()
    return picture


@pytest.mark.parametrize(
    ("name", "marks", "says"),
    [
        ("groups are bars in their order", {"rect.bar-mark": 2}, "documents by shelf"),
        ("two levels of groups are coloured parts", {"rect.s0": 2, "rect.s1": 1}, "documents by shelf and on_loan"),
        ("months are a line", {"polyline": 1, "circle": 2}, "documents by bought"),
        ("groups inside of years are lines", {"polyline": 2, "circle": 3}, "highest price by bought and shelf"),
        ("intervals of numbers are a histogram", {"rect.bar-mark": 3}, "documents by pages"),
        ("tiles are points", {"circle.point-mark": 2, "use.land": 1}, "documents on a map, by branch"),
    ],
)
def test_a_chart_has_a_mark_for_each_row(
    page: Page, monkeypatch: pytest.MonkeyPatch, *, name: str, marks: dict[str, int], says: str
) -> None:
    picture = drawn(page, monkeypatch, CASES[name])

    expect(picture).to_have_attribute("aria-label", says)
    assert {mark: picture.locator(mark).count() for mark in marks} == marks


def test_bars_are_as_long_as_their_numbers(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = drawn(page, monkeypatch, CASES["groups are bars in their order"])
    long, short = (float(bar.get_attribute("width") or 0) for bar in picture.locator(".bar-mark").all())

    expect(picture.locator(".value")).to_have_text(["5", "2"])
    expect(picture.locator(".label > title")).to_have_text(["Crime", "Art"])
    assert long / short == pytest.approx(5 / 2)


def test_a_line_has_its_values_beside_it_and_its_times_below(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = drawn(page, monkeypatch, CASES["months are a line"])
    ticks = picture.locator(".tick").all_text_contents()

    assert ticks[:2] == ["0", "1"]
    assert ticks[-2:] == ["Jan 2020", "Feb 2020"]


def test_points_are_where_they_are(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = drawn(page, monkeypatch, CASES["tiles are points"])
    [(x1, y1), (x2, y2)] = [
        (float(point.get_attribute("cx") or 0), float(point.get_attribute("cy") or 0))
        for point in picture.locator("circle").all()
    ]

    assert x1 > x2  # the first lies in the north-east
    assert y1 < y2


def test_a_chart_is_a_table_too(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = drawn(page, monkeypatch, CASES["groups ordered by a metric show it"])
    page.get_by_role("button", name="Table").focus()
    page.keyboard.press("Enter")

    expect(picture).to_be_hidden()
    expect(page.get_by_role("button", name="Table")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#answer .groups thead th")).to_have_text(["shelf", "documents", "n", "p"])
    expect(page.locator("#answer .groups tbody tr").first.locator("th, td.num")).to_have_text(
        ["Crime", "5", "90", "12.5"]
    )


def test_what_documents_hold_is_drawn_as_text(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    buckets = [{"key": EVIL, "doc_count": 2}, {"key": "كتاب", "doc_count": 1}]
    case = {"query": {"aggs": {"g": {"terms": {"field": "shelf"}}}}, "aggregations": {"g": {"buckets": buckets}}}
    picture = drawn(page, monkeypatch, case)

    expect(picture.locator(".label > title")).to_have_text([EVIL, "كتاب"])
    assert page.locator("#answer").locator("img, script").count() == 0


def test_a_chart_is_drawn_again_for_a_phone(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = drawn(page, monkeypatch, CASES["intervals of numbers are a histogram"])
    page.set_viewport_size({"width": 360, "height": 740})

    expect(picture).to_have_attribute("width", re.compile(r"2\d\d"))
    assert page.evaluate("document.documentElement.scrollWidth") == 360
