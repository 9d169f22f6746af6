"""Readings of queries."""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Iterator
from typing import Any

import pytest

from nlq.readback import UNSAID, readback
from tests.support import lines

CORPUS = lines("readback_corpus.jsonl")

Path = tuple[str | int, ...]

FIELDS = frozenset(
    "title note shelf tags pages price on_loan bought branch loans loans.reader loans.fee title.keyword note.keyword "
    "vector area spot ip fame meaning open_hours @timestamp prénom 注記".split()
) | {"first name", 'say "hi"'}
FIXED_NAMES = re.compile(r"(groups|value|top|keep|ratio|change|order|over)[0-9]*")

SAID: dict[tuple[str, Any], tuple[str, ...]] = {
    ("operator", "and"): ("all of",),
    ("operator", "or"): ("any of", "at least 2 of", 'contains "'),
    ("fuzziness", "AUTO"): ("spelled about like that", "fuzziness AUTO"),
    ("minimum_should_match", -1): ("all but 1 of",),
    ("minimum_should_match", 0): ("preferably",),
    ("type", "cross_fields"): ("the text of title and note",),
    ("type", "phrase"): ("the phrase",),
    ("type", "phrase_prefix"): ("a phrase that starts with",),
    ("type", "bool_prefix"): ("the last word by its beginning",),
    ("relation", "disjoint"): ("is apart from",),
    ("case_insensitive", True): ("(any case",),
    ("ordered", True): ("in this order",),
    ("in_order", True): ("in this order",),
    ("in_order", False): ("in any order",),
    ("sort", "_score"): ("best match first",),
    ("sort", "_doc"): ("place in the index",),
    ("missing", "_last"): ("those without last",),
    ("_source", False): ("showing no fields",),
    ("size", 0): ("number", ": "),
    ("mode", "sum"): ("sum of",),
    ("calendar_interval", "1y"): ("each year of", "and year of"),
}
"""What stands in a reading for the booleans and words that it does not repeat."""

KINDS: dict[str, str] = {case["kind"]: case["says"] for case in lines("readback_kinds.jsonl")}
"""A pattern of what a reading says for a kind of clause; kinds shown as JSON name themselves."""


@pytest.mark.parametrize("case", lines("readbacks.jsonl"), ids=lambda c: c["says"][:60])
def test_a_query_reads_as_plain_english(case: dict[str, Any]) -> None:
    assert readback(case["body"], "library") == case["says"]


@pytest.mark.parametrize("body", CORPUS + lines("bodies_accepted.jsonl"), ids=lambda b: json.dumps(b)[:80])
def test_every_field_value_and_kind_of_clause_is_named(body: dict[str, Any]) -> None:
    text = readback(body, "library")

    missing = [path for path, value in _leaves(body) if not _is_said(path, value, text)]
    assert missing == []
    assert [key for key in _keys(body) if key in FIELDS and key not in text] == []
    assert [kind for kind in _kinds(body) if not re.search(KINDS[kind], text) and f'"{kind}"' not in text] == []


@pytest.mark.parametrize("body", CORPUS, ids=lambda b: json.dumps(b)[:80])
def test_another_value_makes_another_reading(body: dict[str, Any]) -> None:
    text = readback(body, "library")
    changed = {path: _with(body, path, _other(value)) for path, value in _leaves(body) if not _unsaid(path)}

    assert [path for path, other in changed.items() if readback(other, "library") == text] == []


@pytest.mark.parametrize("body", CORPUS, ids=lambda b: json.dumps(b)[:80])
def test_another_option_makes_another_reading(body: dict[str, Any]) -> None:
    text = readback(body, "library")
    objects = [path for path, value in _nodes(body) if isinstance(value, dict)]
    changed = {path: _with(body, (*path, "other_option"), 7) for path in objects if not _holds_aggregations(path)}

    assert [path for path, other in changed.items() if readback(other, "library") == text] == []


def test_every_clause_and_aggregation_of_the_tables_is_in_the_corpus() -> None:
    used = {key for body in CORPUS for key in _keys(body)}

    assert set(KINDS) - used == set()


def test_the_corpus_uses_every_unsaid_key() -> None:
    used = {key for body in CORPUS for key in _keys(body)}

    assert set(UNSAID) - used == set()


@pytest.mark.parametrize("body", CORPUS, ids=lambda b: json.dumps(b)[:80])
def test_fixed_names_of_aggregations_are_not_shown_and_chosen_ones_are_where_a_path_names_them(
    body: dict[str, Any],
) -> None:
    text = readback(body, "library")
    paths = [str(value) for path, value in _leaves(body) if "buckets_path" in path]
    named = {step for path in paths for step in re.split(r"[>.]", path) if not step.startswith("_")}

    for name in named:
        assert (f'"{name}"' in text) is not bool(FIXED_NAMES.fullmatch(name))
    assert not re.search(r"\b(groups|value[0-9]?)[>.]", text)


@pytest.mark.parametrize(
    ("path", "said"),
    [("value", "sum of price"), ("_count", "number"), ("deep>value.avg", '"deep>value.avg"'), ("gone", '"gone"')],
)
def test_a_path_reads_as_what_it_names(path: str, said: str) -> None:
    aggs = {"value": {"sum": {"field": "price"}}, "change": {"cumulative_sum": {"buckets_path": path}}}
    body = {"size": 0, "aggs": {"groups": {"terms": {"field": "shelf"}, "aggs": aggs}}}

    assert f"running total of {said} for each shelf" in readback(body, "library")


def test_pipelines_that_name_each_other_are_read_once() -> None:
    aggs: dict[str, Any] = {
        f"r{i}": {
            "bucket_script": {"buckets_path": {"a": f"r{(i + 1) % 60}", "b": f"r{i}"}, "script": "params.a + params.b"}
        }
        for i in range(60)
    }

    assert len(readback({"aggs": aggs}, "library")) < 20_000


def test_a_reference_to_a_long_metric_is_shown_as_its_path() -> None:
    body = {
        "size": 0,
        "aggs": {
            "groups": {
                "terms": {"field": "shelf", "order": {"value": "desc"}},
                "aggs": {"value": {"avg": {"field": "x" * 300}}},
            }
        },
    }

    assert 'by "value", highest first' in readback(body, "library")


def test_characters_that_hide_or_reorder_others_are_escaped() -> None:
    body = {"query": {"term": {"a\u202eb": "c\u2066d\ud800\x85"}}}

    text = readback(body, "lib\u202erary")

    assert text == 'lib\\u202erary where a\\u202eb is "c\\u2066d\\ud800\\u0085", the first 10'


def test_forty_levels_are_read_and_a_thousand_are_told() -> None:
    def nested(levels: int) -> dict[str, Any]:
        clause: dict[str, Any] = {"term": {"shelf": "Crime"}}
        for _ in range(levels):
            clause = {"bool": {"must": clause}}
        return {"query": clause}

    assert 'shelf is "Crime"' in readback(nested(19), "library")
    assert readback(nested(1000), "library") == "library, by a query that nests deeper than 64 levels"


def test_any_object_gets_a_reading() -> None:
    draw = random.Random(4)
    words = sorted({key for body in CORPUS for key in _keys(body)})
    for _ in range(3000):
        body = copy.deepcopy(draw.choice(CORPUS))
        for _ in range(draw.randint(1, 3)):
            paths = [path for path, _ in _nodes(body) if path]
            body = _with(body, draw.choice(paths), _junk(draw, words, depth=draw.randint(0, 3)))
        _assert_a_reading(body)
    for _ in range(2000):
        _assert_a_reading({draw.choice(words): _junk(draw, words, depth=6) for _ in range(3)})


def _assert_a_reading(body: dict[str, Any]) -> None:
    text = readback(body, "library")

    assert text.startswith(("library", "number of library"))
    assert text.encode("utf-8")
    assert text == readback(copy.deepcopy(body), "library")


def _junk(draw: random.Random, words: list[str], *, depth: int) -> Any:
    if depth and draw.random() < 0.7:
        if draw.random() < 0.3:
            return [_junk(draw, words, depth=depth - 1) for _ in range(draw.randint(0, 3))]
        return {draw.choice(words): _junk(draw, words, depth=depth - 1) for _ in range(draw.randint(0, 3))}
    return draw.choice(
        [None, True, False, 0, -1, 2.5, float("inf"), "", "and", "desc", "\ud800", "a b", "params.a > 1", [], {}]
    )


def _nodes(node: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    yield path, node
    pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in pairs:
        yield from _nodes(value, (*path, key))


def _leaves(body: Any) -> list[tuple[Path, Any]]:
    """Scalars, vectors left out: they are told by their length, or by the words they stand for."""
    found = [(path, value) for path, value in _nodes(body) if not isinstance(value, dict | list)]
    return [(path, value) for path, value in found if not ("query_vector" in path and isinstance(value, float))]


def _keys(body: Any) -> list[str]:
    return [key for _, value in _nodes(body) if isinstance(value, dict) for key in value]


def _kinds(body: Any) -> set[str]:
    """Kinds of clauses in the body: the same words are options where no object, or no list of sort keys, is theirs."""
    lists = ("sort", "search_after", "min_score")
    found = [(str(path[-1]), value) for path, value in _nodes(body) if path]
    return {key for key, value in found if key in KINDS and (isinstance(value, dict) or key in lists)}


def _key(path: Path) -> str:
    """The innermost key, whatever the place in lists below it."""
    return next(step for step in reversed(path) if isinstance(step, str))


def _unsaid(path: Path) -> bool:
    return path[-1] in UNSAID


def _holds_aggregations(path: Path) -> bool:
    return bool(path) and path[-1] in ("aggs", "aggregations")


def _is_said(path: Path, value: Any, text: str) -> bool:
    key = _key(path)
    if _unsaid(path) or "buckets_path" in path:
        return True  # the names in paths have a test of their own
    if key in ("script", "source"):
        return all(number in text for number in re.findall(r"\b[0-9][0-9.]*", value))
    if value in ("asc", "desc"):
        return " first" in text
    if said := SAID.get((key, value.lower() if key == "operator" else value)):
        return any(phrase in text for phrase in said)
    if isinstance(value, bool):
        words = f"{'' if value else 'not '}{key.replace('_', ' ')}"
        return words in text or f"is {str(value).lower()}" in text
    return json.dumps(value, ensure_ascii=False).strip('"') in text or str(value) in text


def _other(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    return value + 7 if isinstance(value, int | float) else f"{value}zq"


def _with(body: Any, path: Path, value: Any) -> Any:
    """A copy of ``body`` with ``value`` at ``path``."""
    changed = copy.deepcopy(body)
    node = changed
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value
    return changed
