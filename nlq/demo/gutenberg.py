"""More books for the ``gutenberg`` index: plain texts of Project Gutenberg, fetched by number."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from nlq.errors import BackendError, InputError, UnknownIndexError
from nlq.ports import Engine
from nlq.types import Body

if TYPE_CHECKING:
    import httpx

INDEX = "gutenberg"
MAX_BOOKS = 50
MAX_BYTES = 12 * 1024 * 1024
MAX_CONTENT = 100_000
"""Characters of a book that are kept: about 17,000 words, so that one hit stays a small answer."""

_URL = "https://www.gutenberg.org/cache/epub/{number}/pg{number}.txt"
_LAST_NUMBER = 999_999
_SECONDS = 30.0
_START = re.compile(r"^\*{3} ?START OF (?:THE|THIS) PROJECT GUTENBERG E-?(?:BOOK|TEXT).*$", re.M | re.I)
_END = re.compile(r"^\*{3} ?END OF (?:THE|THIS) PROJECT GUTENBERG E-?(?:BOOK|TEXT).*$", re.M | re.I)
_FIELD = re.compile(r"^([A-Z][A-Za-z ]{2,30}):[ \t]*(.*(?:\n[ \t]+\S.*)*)", re.M)
_YEAR = re.compile(r"\b(?:1[0-9]{3}|20[0-9]{2})\b")
_CREDIT = re.compile(r"\A\s*(?:Produced by|E-text prepared by)\b.*?\n\s*\n", re.S | re.I)


@dataclass(frozen=True, slots=True)
class Book:
    """What a plain text of Project Gutenberg tells. ``released`` is its day there, ``published`` the year of the
    printed edition where the text names exactly one. Unknown ones are empty."""

    number: int
    title: str
    authors: tuple[str, ...]
    language: str
    released: str
    published: str
    content: str

    def document(self) -> Body:
        """The book as a document of the index, unknown fields left out.

        The day of release is not in it: asked for books "published after 1900", it would count every one.
        """
        author: str | list[str] = self.authors[0] if len(self.authors) == 1 else list(self.authors)
        fields: Body = {
            "author": author,
            "title": self.title,
            "publication_date": self.published,
            "language": self.language,
            "gutenberg_id": self.number,
            "content": self.content,
        }
        return {name: value for name, value in fields.items() if value}


def add_books(engine: Engine, numbers: Sequence[int], *, console: Console, client: httpx.Client | None = None) -> int:
    """Fetch the books of these numbers and add each to the demo index ``gutenberg``; returns how many.

    A book that is there already is replaced. Raises InputError for a wrong number and where that index is missing or
    not the demo's, BackendError where Project Gutenberg cannot be reached; the books before the failing one are in
    the index then.
    """
    _check_numbers(numbers)
    _check_index(engine)
    with _client(client) as http, _progress(console) as progress:
        return sum(
            engine.add(INDEX, [(str(number), parse(number, _fetch(http, number, progress)).document())])
            for number in dict.fromkeys(numbers)
        )


def parse(number: int, text: str) -> Book:
    """The book in a plain text of Project Gutenberg, without its licence; ``content`` is cut at MAX_CONTENT characters.

    Raises InputError where the text is none of theirs.
    """
    text = text.replace("\r\n", "\n")
    start, end = _START.search(text), _END.search(text)
    if start is None:
        raise InputError(f"Book {number} is no plain text of Project Gutenberg: choose another number.")
    header = text[: start.start()]
    body = text[start.end() : end.start() if end else len(text)]
    years = set(_YEAR.findall(" ".join(_values(header, "Original publication"))))
    return Book(
        number=number,
        title=next(iter(_values(header, "Title")), f"Project Gutenberg {number}"),
        authors=tuple(_values(header, "Author")),
        language=next(iter(_values(header, "Language")), ""),
        released=next(iter(_values(header, "Release date")), "").partition("[")[0].strip(),
        published=years.pop() if len(years) == 1 else "",
        content=_CREDIT.sub("", body, count=1).strip()[:MAX_CONTENT],
    )


def _check_numbers(numbers: Sequence[int]) -> None:
    if not numbers or len(numbers) > MAX_BOOKS:
        raise InputError(f"Name 1 to {MAX_BOOKS} books by their numbers at Project Gutenberg, for example 1342 11 84.")
    for number in numbers:
        if not 1 <= number <= _LAST_NUMBER:
            raise InputError(f"{number} is no number of a book at Project Gutenberg: Pride and Prejudice is 1342.")


def _check_index(engine: Engine) -> None:
    """Before anything is fetched: is the index there, and can it hold these documents?"""
    try:
        fields = engine.mapping(INDEX).get("properties", {})
    except UnknownIndexError as exc:
        raise UnknownIndexError(f"There is no index {INDEX} yet: load it with `nlq demo load`.") from exc
    if "gutenberg_id" not in fields:
        raise InputError(f"The index {INDEX} is not the demo's, so no books are added: rename or delete it first.")


def _values(header: str, name: str) -> list[str]:
    """Every value of a header line of that name, continuation lines joined."""
    return [
        " ".join(value.split())
        for key, value in _FIELD.findall(header)
        if key.strip().lower() == name.lower() and value.strip()
    ]


def _fetch(http: httpx.Client, number: int, progress: Progress) -> str:
    task = progress.add_task(f"Book {number}", total=None)
    received = bytearray()
    with _translated(number), http.stream("GET", _URL.format(number=number)) as response:
        response.raise_for_status()
        length = response.headers.get("content-length", "")
        progress.update(task, total=int(length) if length.isdecimal() else None)
        for chunk in response.iter_bytes():
            received += chunk
            if len(received) > MAX_BYTES:
                raise InputError(f"Book {number} is larger than {MAX_BYTES >> 20} MB: choose another number.")
            progress.update(task, completed=response.num_bytes_downloaded)
    progress.update(task, total=len(received), completed=len(received))
    return received.decode("utf-8-sig", errors="replace")


@contextmanager
def _client(given: httpx.Client | None) -> Iterator[httpx.Client]:
    """The caller's client, or one of our own that is closed at the end."""
    if given is not None:
        yield given
        return
    import httpx

    with httpx.Client(follow_redirects=True, timeout=_SECONDS) as own:
        yield own


@contextmanager
def _translated(number: int) -> Iterator[None]:
    """The border: what httpx raises leaves as one of ours."""
    import httpx

    try:
        yield
    except httpx.HTTPStatusError as exc:
        status = exc.response.status_code
        if status == httpx.codes.NOT_FOUND:
            raise InputError(f"Project Gutenberg has no plain text of book {number}: choose another number.") from exc
        raise BackendError(f"Project Gutenberg answered {status} for book {number}: try again later.") from exc
    except httpx.HTTPError as exc:
        fix = "check the network; the books that come with nlq need none."
        raise BackendError(f"Project Gutenberg does not answer for book {number}: {fix}") from exc


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    return Progress(*columns, console=console)
