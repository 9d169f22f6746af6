"""The page in a real browser, on a service whose answers are canned."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from api.app import create_app
from nlq.settings import Settings
from nlq.translator import Translator
from nlq.types import SamplingParams
from tests.fakes.sampler import ScriptedSampler
from tests.fakes.store import FakeStore
from tests.fakes.translator import FakeTranslator
from tests.support import library_engine, served

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass(frozen=True, slots=True)
class Service:
    url: str
    translator: FakeTranslator


def executable() -> str | None:
    """The first of BROWSERS that is installed."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    installed = executable()
    if installed is None:
        reason = f"no browser found; install one of {', '.join(BROWSERS)}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=installed, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def service() -> Iterator[Service]:
    translator = FakeTranslator()
    app = create_app(translator, Settings(_env_file=None), suggestions={"movies": ("films about a hobbit",)})
    with served(app) as url:
        yield Service(url, translator)
        translator.gate.set()


@pytest.fixture
def library() -> Iterator[str]:
    """The whole way over the fixture index; the model writes a shelf in the wrong case, then one that is right."""
    texts = ['{"query":{"term":{"shelf":"crime"}}}', '{"query":{"term":{"shelf":"Travel"}}}']
    translator = Translator(library_engine(), ScriptedSampler(texts), FakeStore(), params=SamplingParams(n=3))
    with served(create_app(translator, Settings(_env_file=None))) as url:
        yield url


@pytest.fixture
def doubtful() -> Iterator[str]:
    """As ``library``, where answers of less than 90 % are unsure."""
    texts = [
        '{"query":{"term":{"shelf":"Crime"}},"sort":[{"pages":"desc"}],"size":1}',
        '{"query":{"term":{"shelf":"Travel"}}}',
    ]
    translator = Translator(library_engine(), ScriptedSampler(texts), FakeStore(), params=SamplingParams(n=4))
    with served(create_app(translator, Settings(_env_file=None, unsure_below=0.9))) as url:
        yield url


@pytest.fixture
def page(browser: Browser, service: Service) -> Iterator[Page]:
    """The page, open; the test fails where the page's script does, or where its content policy is broken."""
    context = browser.new_context()
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "console", lambda message: wrong.append(message.text) if "Content Security Policy" in message.text else None
    )
    page.goto(service.url)
    page.locator("#index option").first.wait_for(state="attached")
    yield page
    context.close()
    assert wrong == []
