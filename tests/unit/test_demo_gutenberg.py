"""Books by number: what is read out of a plain text of Project Gutenberg, and what happens when it cannot be had."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from pathlib import Path

import httpx
import pytest
from rich.console import Console

from nlq.demo.gutenberg import MAX_BOOKS, MAX_BYTES, MAX_CONTENT, add_books, parse
from nlq.errors import BackendError, InputError, UnknownIndexError
from nlq.types import Body

SAMPLE = (Path(__file__).parents[1] / "fixtures" / "gutenberg_sample.txt").read_text("utf-8")
QUIET = Console(file=io.StringIO())
STORY = (
    "THE LAMP AND THE TIDE\n\nCHAPTER I\n\n"
    "Every evening the older keeper climbed the stair and lit the lamp, and\n"
    "every morning the younger one put it out.\n\n“Title: keeper,” said he, “is all the title I want.”"
)


class Shelf:
    """The two methods of an engine that adding books uses, over a dictionary."""

    def __init__(self, fields: Iterable[str] = ("title", "gutenberg_id")) -> None:
        self.fields = fields
        self.documents: dict[str, Body] = {}

    def mapping(self, index: str) -> Body:
        return {"properties": {name: {} for name in self.fields}}

    def add(self, index: str, documents: Iterable[tuple[str, Body]]) -> int:
        assert index == "gutenberg"
        new = dict(documents)
        self.documents |= new
        return len(new)


def site(answer: Callable[[httpx.Request], httpx.Response]) -> httpx.Client:
    return httpx.Client(transport=httpx.MockTransport(answer))


def served(request: httpx.Request) -> httpx.Response:
    assert request.url.host == "www.gutenberg.org"
    return httpx.Response(200, content=b"\xef\xbb\xbf" + SAMPLE.replace("\n", "\r\n").encode())


def test_a_book_is_fetched_by_its_number_and_added_to_the_index() -> None:
    shelf = Shelf()
    with site(served) as client:
        count = add_books(shelf, [99001], console=QUIET, client=client)

    assert count == 1
    assert shelf.documents == {
        "99001": {
            "author": ["Ada Quill", "Jonas Marsh"],
            "title": "The Lamp and the Tide A Tale of Two Keepers",
            "publication_date": "1887",
            "language": "English",
            "gutenberg_id": 99001,
            "content": STORY,
        }
    }


def test_a_number_named_twice_is_fetched_once() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return served(request)

    with site(answer) as client:
        add_books(Shelf(), [84, 11, 84], console=QUIET, client=client)

    assert asked == ["/cache/epub/84/pg84.txt", "/cache/epub/11/pg11.txt"]


def test_the_licence_before_and_after_the_book_is_left_out() -> None:
    content = parse(99001, SAMPLE).content

    assert "re-use it under the terms" not in content
    assert "Updated editions" not in content


def test_the_day_of_release_is_read_without_the_number_and_the_day_of_the_last_change() -> None:
    assert parse(99001, SAMPLE).released == "March 5, 2021"


def test_the_older_form_of_the_markers_is_understood() -> None:
    old = SAMPLE.replace("*** START OF THE", "***START OF THIS").replace("*** END OF THE", "***END OF THIS")

    assert parse(99001, old).content == STORY


def test_a_book_without_author_and_year_has_no_such_fields() -> None:
    text = "Title: Beowulf\n\n*** START OF THE PROJECT GUTENBERG EBOOK BEOWULF ***\nLo!"

    assert parse(16328, text).document() == {"title": "Beowulf", "gutenberg_id": 16328, "content": "Lo!"}


def test_a_year_is_left_open_where_the_text_names_several() -> None:
    text = SAMPLE.replace("Press, 1887", "Press, 1887-1889")

    assert "publication_date" not in parse(99001, text).document()


def test_content_is_cut_at_the_stated_length() -> None:
    text = "*** START OF THE PROJECT GUTENBERG EBOOK LONG ***\n" + "word " * MAX_CONTENT

    assert len(parse(1, text).content) == MAX_CONTENT


def test_a_text_of_another_kind_is_refused() -> None:
    with pytest.raises(InputError, match="Book 7 is no plain text of Project Gutenberg"):
        parse(7, "<html>Sign in to the hotel's network</html>")


def test_an_unknown_number_is_the_callers_mistake_and_keeps_the_books_before_it() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(404) if "98765" in request.url.path else served(request)

    shelf = Shelf()
    with site(answer) as client, pytest.raises(InputError, match="no plain text of book 98765"):
        add_books(shelf, [11, 98765, 84], console=QUIET, client=client)

    assert list(shelf.documents) == ["11"]


def test_no_network_is_told_with_what_to_do() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("Name or service not known", request=request)

    with site(answer) as client, pytest.raises(BackendError, match="check the network; the books that come with nlq"):
        add_books(Shelf(), [11], console=QUIET, client=client)


def test_a_failing_site_is_not_taken_for_a_missing_book() -> None:
    with (
        site(lambda _: httpx.Response(503)) as client,
        pytest.raises(BackendError, match="answered 503 for book 11: try again later"),
    ):
        add_books(Shelf(), [11], console=QUIET, client=client)


def test_a_text_above_the_size_cap_is_refused_before_it_is_read_to_its_end() -> None:
    sent = 0

    class Endless(httpx.SyncByteStream):
        def __iter__(self):
            nonlocal sent
            for _ in range(100):
                sent += 1
                yield b"x" * (1 << 20)

    with (
        site(lambda _: httpx.Response(200, stream=Endless())) as client,
        pytest.raises(InputError, match="Book 11 is larger than 12 MB"),
    ):
        add_books(Shelf(), [11], console=QUIET, client=client)

    assert sent == (MAX_BYTES >> 20) + 1


def unasked(request: httpx.Request) -> httpx.Response:
    raise AssertionError(f"nothing is to be fetched, but {request.url} was")


def test_an_index_of_the_users_own_gets_no_books() -> None:
    with site(unasked) as client, pytest.raises(InputError, match="not the demo's, so no books are added"):
        add_books(Shelf(fields=["title", "isbn"]), [11], console=QUIET, client=client)


def test_a_missing_index_is_told_with_the_command_that_makes_it() -> None:
    class Empty(Shelf):
        def mapping(self, index: str) -> Body:
            raise UnknownIndexError("there is none")

    with site(unasked) as client, pytest.raises(UnknownIndexError, match="load it with `nlq demo load`"):
        add_books(Empty(), [11], console=QUIET, client=client)


@pytest.mark.parametrize("numbers", [[], [0], [-3], [10**9], list(range(1, MAX_BOOKS + 2))])
def test_numbers_that_cannot_be_books_are_refused_without_a_request(numbers: list[int]) -> None:
    with site(unasked) as client, pytest.raises(InputError):
        add_books(Shelf(), numbers, console=QUIET, client=client)
