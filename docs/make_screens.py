"""Takes the pictures of docs/page.md: the page of a running service with the demo indices, asked for real.

nlq demo                                                     in one terminal
python docs/make_screens.py [--url http://127.0.0.1:6789] [NAME …]     in another
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, ViewportSize, sync_playwright

from tests.browser.conftest import executable

FOLDER = Path(__file__).parent / "images"
PATIENCE = 10 * 60_000
"""Milliseconds that a model on a slow machine may take for one question."""


@dataclass(frozen=True, slots=True)
class Screen:
    name: str
    index: str
    question: str
    width: int = 1000
    scheme: Literal["light", "dark"] = "light"


SCREENS = (
    Screen("search", "movies", "comedies by Woody Allen released after 1985"),
    Screen("chart", "articles", "how many articles were published in each year"),
    Screen("unsure", "gutenberg", "best books about the sea", scheme="dark"),
    Screen("phone", "movies", "average worldwide gross per genre", width=390),
)


def main() -> None:
    args = _arguments()
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=["--no-sandbox"])
        for screen in SCREENS:
            if screen.name in args.names or not args.names:
                take(screen, browser, args.url)


def take(screen: Screen, browser: Browser, url: str) -> None:
    """Ask the screen's question and save what the page then shows."""
    size = ViewportSize(width=screen.width, height=800)
    phone = screen.width < 500
    with browser.new_context(viewport=size, color_scheme=screen.scheme, device_scale_factor=2 if phone else 1) as tab:
        page = tab.new_page()
        page.goto(url)
        page.get_by_label("Index").select_option(screen.index)
        page.get_by_label("Question", exact=True).fill(screen.question)
        page.keyboard.press("Enter")
        page.locator("#answer:not([hidden]), #problem:not([hidden])").first.wait_for(timeout=PATIENCE)
        page.screenshot(path=FOLDER / f"{screen.name}.png", full_page=True)
        print(screen.name, page.locator("#answer").inner_text()[:300].replace("\n", " | "))  # noqa: T201


def _arguments() -> argparse.Namespace:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(s.name for s in SCREENS)}")
    made.add_argument("--url", default="http://127.0.0.1:6789")
    return made.parse_args()


if __name__ == "__main__":
    main()
