"""What a seeding run wrote down outlives the process."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from nlq.errors import InputError, StoreError
from nlq.seeding.ledger import Call, Entry, Header, Item, Ledger

HEADER = Header("hotels", "teacher", "large")
ITEM = Item("count", ("term", "city"), "How many in Oslo?", '{"size":0}')
ENTRY = Entry("count", ("term", "city"), "Hotels in Zürich 🦀", {"size": 0}, "verified", (0, 1), fingerprint="ab")
WRITER = """
import sys
from pathlib import Path
from nlq.seeding.ledger import Entry, Header, Ledger
ledger = Ledger.open(Path(sys.argv[1]), Header("hotels", "teacher", "large"))
number = len(ledger.entries)
while True:
    ledger.add(Entry("count", ("term", "city"), f"q{number}" + "x" * 5000, {}, "verified", (0, number)))
    print(number, flush=True)
    number += 1
"""


def _written(path: Path) -> None:
    with closing(Ledger.open(path, HEADER)) as ledger:
        ledger.add(Call(10, 20, (ITEM, ITEM)))
        ledger.add(ENTRY)


def test_calls_and_entries_are_there_when_it_is_opened_again(tmp_path: Path) -> None:
    _written(tmp_path / "l.jsonl")
    with closing(Ledger.open(tmp_path / "l.jsonl", HEADER)) as ledger:
        assert ledger.calls == [Call(10, 20, (ITEM, ITEM))]
        assert ledger.entries == [ENTRY]
        assert ledger.kept() == [ENTRY]


def test_items_that_were_not_judged_are_pending(tmp_path: Path) -> None:
    _written(tmp_path / "l.jsonl")
    with closing(Ledger.open(tmp_path / "l.jsonl", HEADER)) as ledger:
        assert list(ledger.pending()) == [((0, 0), ITEM)]


@pytest.mark.parametrize("cut", [1, 20, 150])
def test_half_a_line_at_the_end_is_cut_off_and_the_rest_is_kept(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "l.jsonl"
    _written(path)
    path.write_bytes(path.read_bytes()[:-cut])
    with closing(Ledger.open(path, HEADER)) as ledger:
        assert ledger.entries == []
        ledger.add(ENTRY)
    with closing(Ledger.open(path, HEADER)) as again:
        assert (len(again.calls), again.entries) == (1, [ENTRY])


@pytest.mark.parametrize("line", ["[]", "{}", '{"entry":{}}', '{"other":{"a":1}}', "\\", '{"call":{"items":[{}]}}'])
def test_a_line_that_is_not_from_a_ledger_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "l.jsonl"
    _written(path)
    with path.open("a") as file:
        file.write(line + "\n")

    with pytest.raises(InputError, match="Line 4 of"):
        Ledger.open(path, HEADER)


def test_the_ledger_of_another_run_is_refused(tmp_path: Path) -> None:
    _written(tmp_path / "l.jsonl")

    with pytest.raises(InputError, match="another run"):
        Ledger.open(tmp_path / "l.jsonl", Header("hotels", "self", "large"))


def test_two_runs_cannot_write_one_ledger(tmp_path: Path) -> None:
    with closing(Ledger.open(tmp_path / "l.jsonl", HEADER)), pytest.raises(InputError, match="Another `nlq seed`"):
        Ledger.open(tmp_path / "l.jsonl", HEADER)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StoreError, match=r"l\.jsonl cannot be opened"):
        Ledger.open(tmp_path / "file" / "l.jsonl", HEADER)


def test_a_writer_that_is_killed_loses_nothing_that_it_was_told_is_written(tmp_path: Path) -> None:
    path, told = tmp_path / "l.jsonl", -1
    for _ in range(4):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout
            for _ in range(5):
                told = int(writer.stdout.readline())
            writer.kill()
        with closing(Ledger.open(path, HEADER)) as ledger:
            numbers = [int(e.question.rstrip("x")[1:]) for e in ledger.entries]

        assert numbers == list(range(len(numbers)))
        assert len(numbers) > told
        assert all(json.loads(line) for line in path.read_text().splitlines())
