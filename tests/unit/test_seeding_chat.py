"""Asking a teacher over real HTTP, however its server behaves."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

import pytest

from nlq import errors
from nlq.seeding.chat import Completion, Teacher
from nlq.types import Body
from tests.fakes.teacher import TeacherServer, completion
from tests.support import lines

PASSING = lines("teacher/passing.jsonl")
REFUSING = lines("teacher/refusing.jsonl")
MALFORMED = lines("teacher/malformed.jsonl")
MESSAGES = [{"role": "user", "content": "x" * 40}]
KEY = "sk-very-secret"


@contextmanager
def _asked(answers: Sequence[Body], **parts: Any) -> Iterator[tuple[Teacher, TeacherServer, list[float]]]:
    server, waits = TeacherServer(answers), list[float]()
    with server.served() as url, closing(Teacher(url, "large", KEY, sleep=waits.append, **parts)) as teacher:
        yield teacher, server, waits


def _between(wait: float, wanted: float | str) -> bool:
    if isinstance(wanted, str):
        low, high = map(float, wanted.split(".."))
        return low <= wait <= high
    return wait == wanted


def test_an_answer_comes_with_what_it_cost() -> None:
    with _asked([{"json": completion("hello", tokens=(11, 5))}]) as (teacher, server, waits):
        assert teacher.ask(MESSAGES) == Completion("hello", 11, 5)

    assert waits == []
    assert server.requests[0]["path"] == "/v1/chat/completions"
    assert server.requests[0]["model"] == "large"
    assert server.requests[0]["messages"] == MESSAGES
    assert server.keys == [f"Bearer {KEY}"]


@pytest.mark.parametrize("case", PASSING, ids=[c["says"] for c in PASSING])
def test_what_passes_is_waited_for(case: Body) -> None:
    with _asked(case["answers"]) as (teacher, server, waits):
        assert teacher.ask(MESSAGES).text == "fine"

    assert len(server.requests) == len(case["answers"])
    assert len(waits) == len(case["waits"])
    assert all(map(_between, waits, case["waits"]))


@pytest.mark.parametrize("case", REFUSING, ids=[c["says"] for c in REFUSING])
def test_what_does_not_pass_is_an_error_that_says_what_to_do(case: Body) -> None:
    with _asked(case["answers"]) as (teacher, server, _), pytest.raises(getattr(errors, case["error"])) as raised:
        teacher.ask(MESSAGES)

    assert case["text"] in str(raised.value)
    assert str(raised.value).isprintable()
    assert KEY not in str(raised.value)
    assert len(server.requests) == case["requests"]


def test_how_long_a_busy_server_wants_to_rest_is_told() -> None:
    busy = {"status": 429, "headers": {"Retry-After": "3600"}, "json": {}}
    with _asked([busy]) as (teacher, _, waits), pytest.raises(errors.OverloadedError) as raised:
        teacher.ask(MESSAGES)

    assert raised.value.retry_after == 3600
    assert waits == []


@pytest.mark.parametrize("case", MALFORMED, ids=[c["says"] for c in MALFORMED])
def test_an_answer_that_makes_no_sense_is_empty_and_counts_its_cost(case: Body) -> None:
    with _asked([case["answer"]]) as (teacher, _, waits):
        answer = teacher.ask(MESSAGES)

    assert answer == Completion(case["text"], tokens_in=10, tokens_out=len(case["text"]) // 4)
    assert waits == []


def test_an_answer_that_drips_in_after_its_time_is_asked_for_again() -> None:
    slow = {"drips": True, "json": completion("slow")}
    clock = itertools.chain([0.0, 400.0], itertools.repeat(500.0)).__next__
    with _asked([slow, {"json": completion("fine")}], clock=clock) as (teacher, _, waits):
        assert teacher.ask(MESSAGES).text == "fine"

    assert len(waits) == 1


def test_a_server_that_knows_no_json_mode_is_not_asked_for_it_twice() -> None:
    refused = {"status": 400, "json": {"error": "response_format"}}
    with _asked([refused, {"json": completion("fine")}]) as (teacher, server, _):
        teacher.ask(MESSAGES)
        teacher.ask(MESSAGES)

    assert ["response_format" in r for r in server.requests] == [True, False, False]


@pytest.mark.parametrize("url", ["", "ftp://x/v1", "http://[", "not a url"])
def test_a_url_that_is_none_is_the_users_mistake(url: str) -> None:
    with pytest.raises(errors.ConfigError):
        Teacher(url, "large").ask(MESSAGES)
