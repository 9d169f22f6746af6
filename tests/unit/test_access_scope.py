"""What a scoped engine asks of names, where the caller's rights and the service's differ."""

from __future__ import annotations

import pytest

from nlq.access.scope import ScopedEngine
from nlq.errors import AccessError
from tests.fakes.access import SharedEngine


def _engine(**aliases: tuple[str, ...]) -> SharedEngine:
    made = SharedEngine(aliases)
    for name in ("shop-1", "staff"):
        made.load(name, mappings={"properties": {"x": {"type": "keyword"}}}, documents=[("1", {"x": name})])
    return made


def test_a_pattern_stands_for_what_the_engine_that_is_asked_finds_behind_it() -> None:
    scoped = ScopedEngine(_engine(shops=("shop-1", "staff")), SharedEngine(), ("shop*",))

    with pytest.raises(AccessError, match="allowed are shop"):
        scoped.schema("shop*")
    assert [info.name for info in scoped.indexes()] == ["shop-1"]


def test_what_the_service_sees_behind_a_name_does_not_keep_a_caller_from_its_own() -> None:
    scoped = ScopedEngine(_engine(), _engine(shops=("shop-1", "staff")), ("shop*",))

    assert scoped.schema("shop*").fields == _engine().schema("shop-1").fields
