from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples_db.store import SqliteStore
from nlq.errors import InputError, StoreError
from nlq.types import Example
from tests.fakes.embedder import HashEmbedder

BAD_LINES: list[dict[str, str]] = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "fixtures" / "bad_example_lines.jsonl").read_text().splitlines()
]
GOOD = '{"question":"who paid","query":{"size":0,"query":{"match_all":{}}},"index":"orders"}'


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore.open(tmp_path / "examples.db", HashEmbedder())
    yield store
    store.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "examples.jsonl"


def test_what_was_exported_is_imported_as_it_was(store: SqliteStore, file: Path, tmp_path: Path) -> None:
    examples = [
        Example("who paid?", {"query": {"term": {"a": "ü\n"}}, "size": 0}, "orders", ("a:keyword",), "mine"),
        Example("كم عدد الكتب", {"query": {"match_all": {}}}, "books"),
    ]
    store.add(examples)
    other = SqliteStore.open(tmp_path / "other.db", HashEmbedder())

    counts = store.export_jsonl(file), other.import_jsonl(file), other.import_jsonl(file)
    found = other.all()
    other.close()

    assert counts == (2, 2, 0)
    assert list(found) == examples
    assert list(found[0].query) == ["query", "size"]


def test_blank_lines_a_byte_order_mark_and_a_missing_last_line_end_are_fine(store: SqliteStore, file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf\n" + GOOD.encode() + b"\r\n  \n" + GOOD.replace("who", "what").encode())

    assert store.import_jsonl(file) == 2
    assert [e.source for e in store.all()] == ["import", "import"]


@pytest.mark.parametrize("case", BAD_LINES, ids=lambda case: case["line"][:50])
def test_a_bad_line_is_named_and_nothing_is_imported(store: SqliteStore, file: Path, case: dict[str, str]) -> None:
    file.write_text(f"{GOOD}\n{case['line']}\n{GOOD.replace('who', 'what')}\n")

    with pytest.raises(InputError) as caught:
        store.import_jsonl(file)

    assert str(caught.value).startswith("Nothing was imported: line 2: ")
    assert case["why"] in str(caught.value)
    assert store.all() == ()


def test_every_bad_line_is_named_up_to_twenty(store: SqliteStore, file: Path) -> None:
    file.write_text("bad\n" * 30)

    with pytest.raises(InputError, match=r"line 1: .*; line 2: .*; line 20: .*; and 10 more") as caught:
        store.import_jsonl(file)

    assert "line 21" not in str(caught.value)


def test_a_line_that_is_not_utf_8_is_named(store: SqliteStore, file: Path) -> None:
    file.write_bytes(GOOD.encode() + b"\n\xff\xfe\n")

    with pytest.raises(InputError, match="line 2: it is not UTF-8"):
        store.import_jsonl(file)


def test_a_query_nested_without_end_is_named(store: SqliteStore, file: Path) -> None:
    file.write_text('{"question":"q","index":"i","query":' + '{"a":' * 100_000 + "1" + "}" * 100_000 + "}\n")

    with pytest.raises(InputError, match="line 1: it is not JSON that can be read"):
        store.import_jsonl(file)


@pytest.mark.parametrize("end", [b"\n", b""], ids=["line end", "end of file"])
def test_a_huge_line_is_refused_and_the_next_keeps_its_number(store: SqliteStore, file: Path, end: bytes) -> None:
    huge = GOOD.replace("who", "w" * 3_000_000).encode()
    file.write_bytes(b"bad\n" + huge + end + (b"bad too\n" if end else b""))

    with pytest.raises(InputError, match=r"line 2: it is longer than 1,000,000 bytes") as caught:
        store.import_jsonl(file)

    assert ("line 3" in str(caught.value)) == bool(end)


def test_a_file_that_is_not_there_is_named(store: SqliteStore, file: Path) -> None:
    with pytest.raises(InputError, match=r"examples\.jsonl cannot be read: No such file"):
        store.import_jsonl(file)


def test_an_export_that_fails_leaves_the_old_file(store: SqliteStore, file: Path) -> None:
    file.write_text("old")
    store.close()

    with pytest.raises(StoreError, match="closed"):
        store.export_jsonl(file)

    assert file.read_text() == "old"
    assert [p.name for p in file.parent.glob(".*")] == []


@pytest.mark.parametrize("name", [".", "missing/x.jsonl"])
def test_an_export_to_no_file_is_a_clear_error(store: SqliteStore, tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"is a folder|cannot be written"):
        store.export_jsonl(tmp_path / name)
