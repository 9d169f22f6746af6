"""The page's colours, by the ratios of contrast that WCAG 2.2 defines."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import api

STATIC = Path(api.__file__).parent / "static"
STYLE = (STATIC / "style.css").read_text(encoding="utf-8")

TEXT = 4.5
"""Least contrast of text, level AA (1.4.3)."""

SHAPE = 3.0
"""Least contrast of what is no text but has a meaning, level AA (1.4.11)."""

PAIRS = (
    *((ink, ground, TEXT) for ink in ("ink", "quiet") for ground in ("ground", "card", "code", "tint")),
    *(("accent", ground, TEXT) for ground in ("ground", "card", "tint")),
    ("on-accent", "accent", TEXT),
    ("bad", "bad-tint", TEXT),
    ("ink", "bad-tint", TEXT),
    ("quiet", "sea", TEXT),
    ("quiet", "land", TEXT),
    *(("field-edge", ground, SHAPE) for ground in ("ground", "card", "code")),
    ("bar", "card", SHAPE),
    *((f"series-{n}", "card", SHAPE) for n in range(8)),
)


def schemes() -> dict[str, dict[str, str]]:
    blocks = re.findall(r":root \{(.*?)\}", STYLE, re.S)
    light, dark = (dict(re.findall(r"--([\w-]+): (#\w+);", block)) for block in blocks)
    return {"light": light, "dark": light | dark}


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    digits = colour.removeprefix("#")
    pairs = [c * 2 for c in digits] if len(digits) == 3 else [digits[i : i + 2] for i in (0, 2, 4)]
    parts = (int(pair, 16) / 255 for pair in pairs)
    r, g, b = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def test_the_measure_is_that_of_the_standard() -> None:
    assert contrast("#000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#fff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("one", "other", "least"), PAIRS, ids=str)
def test_what_is_shown_stands_out(scheme: str, one: str, other: str, least: float) -> None:
    colours = schemes()[scheme]

    assert contrast(colours[one], colours[other]) >= least


@pytest.mark.parametrize("name", ["index.html", "docs.html"])
def test_pages_hold_no_script_no_style_and_nothing_from_elsewhere(name: str) -> None:
    page = (STATIC / name).read_text(encoding="utf-8")

    assert re.findall(r"<style|<script(?![^>]*src=)|\sstyle=|\son\w+=|(?:src|href)=\"(?:https?:)?//", page) == []


def test_nothing_is_parsed_as_markup_or_run_from_text() -> None:
    scripts = "".join(path.read_text(encoding="utf-8") for path in STATIC.glob("*.js"))

    assert re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", scripts) == []
