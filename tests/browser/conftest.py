"""The page in a real browser, on a service whose answers are canned."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, sync_playwright

from api.app import create_app
from nlq.settings import Settings
from tests.fakes.translator import FakeTranslator

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


class _Server(uvicorn.Server):
    """Says when it listens, so that nobody has to poll."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = threading.Event()

    async def startup(self, sockets: list[object] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    executable = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if executable is None:
        reason = f"no browser found; install one of {', '.join(BROWSERS)}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def service() -> Iterator[Service]:
    translator = FakeTranslator()
    app = create_app(translator, Settings(_env_file=None), suggestions={"movies": ("films about a hobbit",)})
    server = _Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", timeout_graceful_shutdown=5))
    thread = threading.Thread(target=server.run)
    thread.start()
    assert server.listening.wait(30)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield Service(f"http://127.0.0.1:{port}", translator)
    translator.gate.set()
    server.should_exit = True
    thread.join()


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
