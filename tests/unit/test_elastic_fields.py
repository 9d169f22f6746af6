"""Mappings that no single real index shows at once."""

from __future__ import annotations

from nlq.elastic.fields import about, flatten, merge
from nlq.elastic.names import unknown
from nlq.types import Field


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

    assert [field.name for field in flatten(mapping)] == ["indexed", "columns", "unindexed.raw"]


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
