from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from examples_db.store import SqliteStore
from examples_db.transfer import export_jsonl, import_jsonl
from nlq.errors import InputError, StoreError
from nlq.types import Example, Record, State
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

    counts = export_jsonl(store, file), import_jsonl(other, file), import_jsonl(other, file)
    found = other.all()
    other.close()

    assert counts == (2, 2, 0)
    assert [replace(e, id="") for e in found] == examples
    assert list(found[0].query) == ["query", "size"]


def test_what_is_known_of_an_example_is_carried(store: SqliteStore, file: Path, tmp_path: Path) -> None:
    store.add([Example("who paid?", {}, "orders", (), "teacher")], tags=["ü, b", "c"], author="ann")
    store.add([Example("who did not pay?", {}, "orders")], state=State.UNCONFIRMED)
    first = store.all()[0].id
    store.mark(first, State.STALE, engine="9.4.3", reason="no field")
    store.used([first], won=[first])
    other = SqliteStore.open(tmp_path / "other.db", HashEmbedder())
    other.add([Example("something", {}, "else")])

    export_jsonl(store, file)
    import_jsonl(other, file)
    found = [bare(record) for record in other.page()[1:]]
    other.close()

    assert found == [bare(record) for record in store.page()]


def bare(record: Record) -> Record:
    """Without what belongs to one store."""
    return replace(record, example=replace(record.example, id=""), etag="")


def test_times_are_kept_in_utc(store: SqliteStore, file: Path) -> None:
    times = '"created":"2020-01-31T12:00:00+02:00","updated":"2020-02-01","checked":"2021-01-01T00:00:00Z"'
    file.write_text(GOOD.replace("{", "{" + times + ",", 1))

    import_jsonl(store, file)
    (record,) = store.page()

    assert record.created == "2020-01-31T10:00:00+00:00"
    assert record.updated == "2020-02-01T00:00:00+00:00"
    assert record.checked == "2021-01-01T00:00:00+00:00"


WRONG = [
    ('"tags":"a"', '"tags" must be a list'),
    ('"tags":[1]', r'"tags\[0\]" must be a text'),
    ('"tags":[" "]', '"tags" must be at most 32 texts'),
    (f'"tags":{json.dumps([str(n) for n in range(33)])}', '"tags" must be at most 32 texts'),
    ('"tags":["a\\nb"]', "without control characters"),
    ('"tags":["\\ud800"]', r"without control characters"),
    (f'"author":"{"a" * 201}"', '"author" must be a text of at most 200'),
    ('"author":null', '"author" must be a text'),
    ('"state":"fine"', '"state" must be one of unchecked, verified, stale, unconfirmed'),
    ('"state":["verified"]', '"state" must be one of'),
    ('"created":"yesterday"', '"created" must be a time'),
    ('"updated":7', '"updated" must be a time'),
    ('"uses":-1', '"uses" must be a whole number'),
    ('"wins":1.5', '"wins" must be a whole number'),
    ('"uses":true', '"uses" must be a whole number'),
    ('"reason":{}', '"reason" must be a text'),
    ('"id":"7"', "'id' is no key of an example"),
]


@pytest.mark.parametrize(("part", "why"), WRONG, ids=[part[:30] for part, _ in WRONG])
def test_what_is_said_about_an_example_is_checked(store: SqliteStore, file: Path, part: str, why: str) -> None:
    file.write_text(GOOD + "\n" + GOOD.replace("{", "{" + part + ",", 1))

    with pytest.raises(InputError, match=f"Nothing was imported: line 2: {why}|line 2: .*{why}"):
        import_jsonl(store, file)
    assert store.count() == 0


def test_blank_lines_a_byte_order_mark_and_a_missing_last_line_end_are_fine(store: SqliteStore, file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf\n" + GOOD.encode() + b"\r\n  \n" + GOOD.replace("who", "what").encode())

    assert import_jsonl(store, file) == 2
    assert [e.source for e in store.all()] == ["import", "import"]


@pytest.mark.parametrize("case", BAD_LINES, ids=lambda case: case["line"][:50])
def test_a_bad_line_is_named_and_nothing_is_imported(store: SqliteStore, file: Path, case: dict[str, str]) -> None:
    file.write_text(f"{GOOD}\n{case['line']}\n{GOOD.replace('who', 'what')}\n")

    with pytest.raises(InputError) as caught:
        import_jsonl(store, file)

    assert str(caught.value).startswith("Nothing was imported: line 2: ")
    assert case["why"] in str(caught.value)
    assert store.all() == ()


def test_every_bad_line_is_named_up_to_twenty(store: SqliteStore, file: Path) -> None:
    file.write_text("bad\n" * 30)

    with pytest.raises(InputError, match=r"line 1: .*; line 2: .*; line 20: .*; and 10 more") as caught:
        import_jsonl(store, file)

    assert "line 21" not in str(caught.value)


def test_a_line_that_is_not_utf_8_is_named(store: SqliteStore, file: Path) -> None:
    file.write_bytes(GOOD.encode() + b"\n\xff\xfe\n")

    with pytest.raises(InputError, match="line 2: it is not UTF-8"):
        import_jsonl(store, file)


def test_a_query_nested_without_end_is_named(store: SqliteStore, file: Path) -> None:
    file.write_text('{"question":"q","index":"i","query":' + '{"a":' * 100_000 + "1" + "}" * 100_000 + "}\n")

    with pytest.raises(InputError, match="line 1: it is not JSON that can be read"):
        import_jsonl(store, file)


@pytest.mark.parametrize("end", [b"\n", b""], ids=["line end", "end of file"])
def test_a_huge_line_is_refused_and_the_next_keeps_its_number(store: SqliteStore, file: Path, end: bytes) -> None:
    huge = GOOD.replace("who", "w" * 3_000_000).encode()
    file.write_bytes(b"bad\n" + huge + end + (b"bad too\n" if end else b""))

    with pytest.raises(InputError, match=r"line 2: it is longer than 1,000,000 bytes") as caught:
        import_jsonl(store, file)

    assert ("line 3" in str(caught.value)) == bool(end)


def test_a_file_that_is_not_there_is_named(store: SqliteStore, file: Path) -> None:
    with pytest.raises(InputError, match=r"examples\.jsonl cannot be read: No such file"):
        import_jsonl(store, file)


def test_an_export_that_fails_leaves_the_old_file(store: SqliteStore, file: Path) -> None:
    file.write_text("old")
    store.close()

    with pytest.raises(StoreError, match="closed"):
        export_jsonl(store, file)

    assert file.read_text() == "old"
    assert [p.name for p in file.parent.glob(".*")] == []


@pytest.mark.parametrize("name", [".", "missing/x.jsonl"])
def test_an_export_to_no_file_is_a_clear_error(store: SqliteStore, tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"is a folder|cannot be written"):
        export_jsonl(store, tmp_path / name)
