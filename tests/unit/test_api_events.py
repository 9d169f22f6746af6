"""Questions in threads: how many at once, and what happens to one that nobody waits for."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from api.events import Desk, Run, stream
from api.metrics import Metrics
from api.schemas import answer_out
from nlq.errors import OverloadedError
from nlq.translator import AskOptions
from nlq.types import Question
from tests.fakes.translator import FakeTranslator

QUESTION = Question("the hobbit", "movies")
TIMEOUT = 30
ANSWER_OUT = partial(answer_out, explain=False)


async def names(run: Run) -> list[str]:
    found = []
    while (event := await run.next(TIMEOUT)) is not None:
        found.append(event.name)
    return found


def test_a_run_hands_over_its_events_in_order_and_then_the_answer() -> None:
    async def scenario() -> tuple[list[str], int]:
        desk = Desk(FakeTranslator(), metrics=Metrics())
        run = desk.take(QUESTION, AskOptions())
        found = await names(run)
        desk.close()
        return found, run.answer().result.total

    found, total = asyncio.run(scenario())

    assert found == ["schema", "values", "examples", *["candidate"] * 5, "ballot"]
    assert total == 42


def test_a_run_that_nobody_listens_to_has_its_end_alone() -> None:
    async def scenario() -> tuple[list[str], int]:
        desk = Desk(FakeTranslator(), metrics=Metrics())
        run = desk.take(QUESTION, AskOptions(), heard=False)
        found = await names(run)
        desk.close()
        return found, run.answer().result.total

    assert asyncio.run(scenario()) == ([], 42)


def test_one_question_more_than_there_are_places_is_refused_and_room_comes_back() -> None:
    translator = FakeTranslator()
    translator.gate.clear()

    async def scenario() -> tuple[str, list[str]]:
        desk = Desk(translator, metrics=Metrics(), waiting=1)
        runs = [desk.take(QUESTION, AskOptions()) for _ in range(2)]
        with pytest.raises(OverloadedError) as refused:
            desk.take(QUESTION, AskOptions())
        translator.gate.set()
        for run in runs:
            await names(run)
        later = await names(desk.take(QUESTION, AskOptions()))
        desk.close()
        return str(refused.value), later

    refusal, later = asyncio.run(scenario())

    assert refusal == "2 questions are being answered already; ask again in a moment."
    assert later[-1] == "ballot"


def test_a_stopped_run_ends_at_its_next_event() -> None:
    translator = FakeTranslator()
    translator.gate.clear()

    async def scenario() -> tuple[list[str], BaseException | None]:
        desk = Desk(translator, metrics=Metrics())
        run = desk.take(QUESTION, AskOptions())
        for _ in range(3):
            await run.next(TIMEOUT)
        run.stop()
        translator.gate.set()
        rest = await names(run)
        desk.close()
        return rest, run.failure()

    rest, failure = asyncio.run(scenario())

    assert rest == []
    assert type(failure).__name__ == "_Stopped"
    assert translator.ended == ["_Stopped"]


def test_a_client_that_leaves_the_stream_stops_its_question() -> None:
    translator = FakeTranslator()
    translator.gate.clear()

    async def scenario() -> None:
        desk = Desk(translator, metrics=Metrics())
        run = desk.take(QUESTION, AskOptions())
        sent = stream(run, await run.next(TIMEOUT), out=ANSWER_OUT)
        await anext(sent)
        await sent.aclose()
        translator.gate.set()
        await asyncio.to_thread(desk.close)

    asyncio.run(scenario())

    assert translator.ended == ["_Stopped"]


def test_closing_the_desk_stops_and_waits_for_every_question() -> None:
    translator = FakeTranslator()
    translator.gate.clear()

    async def scenario() -> None:
        desk = Desk(translator, metrics=Metrics())
        runs = [desk.take(QUESTION, AskOptions()) for _ in range(3)]
        for run in runs:
            for _ in range(3):
                await run.next(TIMEOUT)
        closing = asyncio.create_task(asyncio.to_thread(desk.close))
        while not all(run._stop.is_set() for run in runs):
            await asyncio.sleep(0)
        translator.gate.set()
        await closing

    asyncio.run(scenario())

    assert translator.ended == ["_Stopped"] * 3


def test_a_silent_stream_is_kept_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.events.KEEP_ALIVE_SECONDS", 0.001)
    translator = FakeTranslator()
    translator.gate.clear()

    async def scenario() -> list[str]:
        desk = Desk(translator, metrics=Metrics())
        run = desk.take(QUESTION, AskOptions())
        parts = []
        async for part in stream(run, await run.next(TIMEOUT), out=ANSWER_OUT):
            parts.append(part)
            if part.startswith(":"):
                translator.gate.set()
        desk.close()
        return parts

    parts = asyncio.run(scenario())

    assert ": still here\n\n" in parts
    assert parts[-1].startswith("event: answer\n")


def test_a_client_that_never_reads_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.events.UNREAD", 2)
    translator = FakeTranslator()
    translator.gate.clear()

    async def scenario() -> None:
        desk = Desk(translator, metrics=Metrics())
        run = desk.take(QUESTION, AskOptions())
        while not run._stop.is_set():
            await asyncio.sleep(0)
        translator.gate.set()
        await asyncio.to_thread(desk.close)

    asyncio.run(scenario())

    assert translator.ended == ["_Stopped"]
