"""``nlq demo``: everything at once, on indices with real content."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from nlq.cli.render import print_answer
from nlq.errors import ConfigError, NoAnswerError
from nlq.settings import Settings, load_settings
from nlq.translator import AskOptions, Translator
from nlq.types import Question

if TYPE_CHECKING:
    import uvicorn

app = typer.Typer(help="Start Elasticsearch and the model, load three indices, ask, and serve the page.")


@app.callback(invoke_without_command=True)
def demo(
    context: typer.Context,
    once: Annotated[
        bool, typer.Option("--once", help="End after the answers instead of serving until Ctrl-C.")
    ] = False,
    port: Annotated[int | None, typer.Option(help="Port of the API and the page (NLQ_PORT, 6789).")] = None,
) -> None:
    """Fetch what is missing, start Elasticsearch and the model, load the demo indices, serve the API and the page, and
    ask one question per index. Runs until Ctrl-C."""
    if context.invoked_subcommand:
        return
    console = Console(stderr=True)
    settings = load_settings()
    if port is not None:
        settings = settings.model_copy(update={"port": port})
    with _elasticsearch(settings, console) as url, _translator(settings, console, url) as translator:
        _load(translator, console)
        with _served(translator, settings) as page:
            console.print(f"API and page: {page}  (documentation: {page}/docs)")
            with console.status("putting the head of the prompt into the model's cache"):
                translator.warm()
            _ask_all(translator, console)
            if not once:
                console.print(f"Serving {page} until Ctrl-C.")
                _wait()


@app.command()
def load() -> None:
    """Load the demo indices that Elasticsearch lacks: movies, articles, gutenberg."""
    from nlq.bootstrap import open_engine
    from nlq.demo import load_demos

    console = Console(stderr=True)
    with open_engine(load_settings()) as engine:
        loaded = load_demos(engine, console=console)
    console.print(f"Loaded {', '.join(loaded)}." if loaded else "All demo indices are there already.")


@app.command()
def gutenberg(
    numbers: Annotated[list[int], typer.Argument(help="Numbers of Project Gutenberg's books, such as 1342 11 84.")],
) -> None:
    """Fetch books by number and add them to the index gutenberg."""
    from nlq.bootstrap import open_engine
    from nlq.demo.gutenberg import add_books

    console = Console(stderr=True)
    with open_engine(load_settings()) as engine:
        added = add_books(engine, numbers, console=console)
    console.print(f"Added {added} book{'' if added == 1 else 's'} to gutenberg.")


@contextmanager
def _elasticsearch(settings: Settings, console: Console) -> Iterator[Callable[[], str]]:
    """A function that waits for the engine's address. The embedded node, where no cluster is named, is fetched at once
    and starts while the model loads; one that ran before runs on afterwards."""
    if settings.es_url:
        yield partial(str, settings.es_url)
        return
    from nlq.elastic import node

    ran = node.status(settings.home) is not None
    node.fetch(settings.home, console=console)
    with ThreadPoolExecutor(1) as beside:
        started = beside.submit(node.start, settings.home, console=Console(quiet=True))
        try:
            yield lambda: started.result().url
        finally:
            started.exception()
            if not ran:
                with console.status("stopping Elasticsearch"):
                    node.stop(settings.home)


@contextmanager
def _translator(settings: Settings, console: Console, url: Callable[[], str]) -> Iterator[Translator]:
    from nlq.bootstrap import open_translator

    def address() -> str:
        with console.status("waiting for Elasticsearch to start"):
            found = url()
        console.print(f"Elasticsearch: {found}")
        return found

    with open_translator(settings, console=console, url=address) as translator:
        console.print(f"Model: {translator.sampler.name}")
        yield translator


def _load(translator: Translator, console: Console) -> None:
    from nlq.demo import load_demos

    load_demos(translator.engine, console=console)


@contextmanager
def _served(translator: Translator, settings: Settings) -> Iterator[str]:
    """The API and the page on a thread of their own."""
    from nlq.cli.serve import http_server

    server = http_server(translator, settings.model_copy(update={"shutdown_seconds": 5}))  # Ctrl-C ends a demo soon
    thread = threading.Thread(target=server.run, name="http")
    thread.start()
    try:
        _await_start(server, thread, settings)
        yield f"http://{settings.host}:{settings.port}"
    finally:
        server.should_exit = True
        thread.join()


def _await_start(server: uvicorn.Server, thread: threading.Thread, settings: Settings) -> None:
    while not server.started:
        if not thread.is_alive():
            raise ConfigError(f"Port {settings.port} cannot be used; choose another with --port or NLQ_PORT.")
        thread.join(0.05)


def _ask_all(translator: Translator, console: Console) -> None:
    from nlq.demo import DEMOS

    for each in DEMOS:
        out = Console()
        out.rule(each.name)
        try:
            with console.status(f"asking {each.name}: {each.questions[0]}"):
                answer = translator.translate(Question(each.questions[0], each.name), AskOptions())
        except NoAnswerError as exc:
            console.print(str(exc), style="red", markup=False)
            continue
        print_answer(answer, console=out)


def _wait() -> None:
    """Until Ctrl-C."""
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        return
