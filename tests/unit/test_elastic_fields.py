"""Mappings that no single real index shows at once."""

from __future__ import annotations

from typing import Any

import pytest

from nlq.elastic.answers import outcome_of
from nlq.elastic.fields import about, flatten, merge, unite
from nlq.elastic.names import check_name, check_names, unknown
from nlq.errors import InputError, UnknownIndexError
from nlq.types import Body, Failure, Field
from tests.support import lines


def test_a_later_mapping_decides_where_two_differ() -> None:
    old = {"properties": {"year": {"type": "keyword"}, "a": {"type": "long"}}}
    new = {"properties": {"year": {"type": "integer"}, "b": {"properties": {"c": {"type": "date"}}}}}

    assert set(flatten(merge([old, new]))) == {Field("year", "integer"), Field("a", "long"), Field("b.c", "date")}


def test_merging_leaves_the_mappings_as_they_were() -> None:
    old = {"properties": {"a": {"properties": {"b": {"type": "long"}}}}}

    merge([old, {"properties": {"a": {"properties": {"c": {"type": "long"}}}}}])

    assert old == {"properties": {"a": {"properties": {"b": {"type": "long"}}}}}


def test_no_mapping_has_no_fields() -> None:
    assert merge([{}]) == {"properties": {}}
    assert flatten({}) == ()


def test_nested_objects_in_nested_objects_name_the_innermost_path() -> None:
    inner = {"type": "nested", "properties": {"name": {"type": "keyword"}}}
    mapping = {"properties": {"cast": {"type": "nested", "properties": {"roles": inner}}}}

    assert flatten(mapping) == (
        Field("cast", "nested"),
        Field("cast.roles", "nested", nested="cast"),
        Field("cast.roles.name", "keyword", nested="cast.roles"),
    )


def test_an_alias_takes_its_targets_kind_and_format() -> None:
    mapping = {
        "properties": {
            "when": {"type": "alias", "path": "event.at"},
            "event": {"properties": {"at": {"type": "date", "format": "epoch_second"}}},
            "broken": {"type": "alias", "path": "gone"},
        }
    }

    assert set(flatten(mapping)) == {
        Field("event.at", "date", format="epoch_second"),
        Field("when", "date", format="epoch_second"),
    }


def test_runtime_fields_shadow_mapped_ones_and_composites_open_up() -> None:
    mapping = {
        "properties": {"day": {"type": "keyword"}},
        "runtime": {"day": {"type": "date"}, "http": {"type": "composite", "fields": {"status": {"type": "long"}}}},
    }

    assert set(flatten(mapping)) == {Field("day", "date"), Field("http.status", "long")}


def test_what_cannot_be_searched_is_left_out() -> None:
    mapping = {
        "properties": {
            "indexed": {"type": "keyword", "doc_values": False},
            "columns": {"type": "long", "index": False},
            "neither": {"type": "long", "index": False, "doc_values": False},
            "unindexed": {"type": "text", "index": False, "fields": {"raw": {"type": "keyword"}}},
            "off": {"enabled": False, "properties": {"x": {"type": "long"}}},
            "bytes": {"type": "binary"},
        }
    }

    assert [(field.name, field.aggregatable) for field in flatten(mapping)] == [
        ("indexed", False),
        ("columns", True),
        ("unindexed.raw", True),
    ]


@pytest.mark.parametrize("case", lines("fields_of_kinds.jsonl"), ids=lambda case: case["name"])
def test_a_field_can_what_its_mapping_lets_it(case: dict[str, Any]) -> None:
    assert flatten({"properties": {"f": case["mapping"]}}) == _fields(case["fields"])


@pytest.mark.parametrize("case", lines("fields_united.jsonl"), ids=lambda case: case["name"])
def test_a_field_of_several_indices_can_what_it_can_in_each(case: dict[str, Any]) -> None:
    assert unite({"properties": mapping} for mapping in case["mappings"]) == _fields(case["fields"])


def test_fields_keep_the_order_in_which_they_are_met() -> None:
    old = {"properties": {"b": {"type": "long"}, "a": {"type": "long"}}}
    new = {"properties": {"c": {"type": "long"}, "a": {"type": "long"}}}

    assert [field.name for field in unite([old, new])] == ["b", "a", "c"]


def test_equal_mappings_of_many_indices_count_once() -> None:
    mapping = {"properties": {"a": {"type": "long"}}}

    assert unite([mapping] * 3) == (Field("a", "long"),)


def test_an_index_without_a_mapping_makes_every_field_partial() -> None:
    assert unite([{"properties": {"a": {"type": "long"}}}, {}]) == (Field("a", "long", partial=True),)


def test_a_description_that_is_no_text_is_none() -> None:
    assert about({"_meta": {"description": "Films"}}) == "Films"
    assert about({"_meta": {"about": {"x": 1}}}) == ""
    assert about({}) == ""


def test_at_most_ten_indices_are_offered_the_nearest_first() -> None:
    names = [f"logs-{number}" for number in range(20)] + ["movies"]

    message = str(unknown("Movie", names))

    assert message.startswith("There is no index 'Movie'; there are: movies, logs-")
    assert message.count(",") == 10
    assert message.endswith(", ….")


@pytest.mark.parametrize("names", ["films", "a,b", "logs-*", "*", "Logs-*,films,x*y*", "日本-*"])
def test_several_names_and_patterns_can_be_read(names: str) -> None:
    assert check_names(names) == names


@pytest.mark.parametrize("names", ["", ",", "a,", "a,,b", "a,-b", "-b", "*,-b", "+a", "_all", "a,_all", "c:a", "a,c:*"])
def test_exclusions_and_other_clusters_cannot(names: str) -> None:
    with pytest.raises(InputError):
        check_names(names)


@pytest.mark.parametrize("names", ["films/_search,a", "a*?", "<a-{now/d}>", "a,<a-{now/d}>", "a,b c", "a*,../b", 'a"*'])
def test_what_would_change_the_url_cannot_be_named(names: str) -> None:
    with pytest.raises(InputError):
        check_names(names)


@pytest.mark.parametrize("names", [".*", ".security*", "films,.security", "*,.kibana", ".ds-logs*"])
def test_hidden_indices_are_not_there_in_lists_and_patterns(names: str) -> None:
    with pytest.raises(UnknownIndexError):
        check_names(names)


def test_more_names_than_a_url_holds_are_refused() -> None:
    with pytest.raises(InputError, match="too many indices"):
        check_names(",".join(f"index-{number}" for number in range(1000)))


@pytest.mark.parametrize("name", ["a,b", "a*", "*"])
def test_what_is_written_has_one_name(name: str) -> None:
    with pytest.raises(InputError, match="cannot hold"):
        check_name(name)


def test_shards_that_failed_without_saying_why_fail_the_search() -> None:
    hits: Body = {"total": {"value": 0}, "hits": []}

    outcome = outcome_of({"hits": hits, "_shards": {"total": 3, "successful": 1, "failed": 2}})

    assert isinstance(outcome, Failure)
    assert outcome.reason == "2 of 3 shards do not answer."


def _fields(cases: list[dict[str, Any]]) -> tuple[Field, ...]:
    """Fields of a fixture, whose relations are lists."""
    return tuple(
        Field(**{**case, "relations": tuple((parent, child) for parent, child in case.get("relations", ()))})
        for case in cases
    )
