"""What callers may do: patterns and what is behind a name, actions, token buckets, when a key is needed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from nlq.access.buckets import MOST_KEPT, Buckets
from nlq.access.callers import (
    ANYONE,
    Action,
    Caller,
    Grant,
    checked_actions,
    checked_patterns,
    covered,
)
from nlq.access.door import Auth, is_loopback, needed
from nlq.access.keys import KeyStore
from nlq.errors import ConfigError, InputError
from tests.support import lines

LOGS = Grant(("logs-*",), frozenset({Action.ASK, Action.QUERY}))
STAFF = Grant(("staff",), frozenset({Action.EXAMPLES_READ}))
THERE = {
    "logs-web": frozenset({"logs-web"}),
    "logs-db": frozenset({"logs-db"}),
    "staff": frozenset({"staff"}),
    "web": frozenset({"logs-web"}),
    "logs-people": frozenset({"staff"}),
    "both": frozenset({"logs-web", "staff"}),
}


@pytest.mark.parametrize("case", lines("access_names.jsonl"), ids=lambda case: case["fact"])
def test_a_name_is_allowed_where_every_index_behind_it_is(case: dict[str, Any]) -> None:
    assert covered(case["names"], tuple(case["patterns"]), THERE) is case["covered"]


def test_each_action_has_the_patterns_of_its_own_grants() -> None:
    caller = Caller("key:1", "team", (LOGS, STAFF))

    assert caller.patterns([Action.ASK]) == ("logs-*",)
    assert caller.patterns([Action.EXAMPLES_READ]) == ("staff",)
    assert caller.patterns([Action.ASK, Action.EXAMPLES_READ]) == ("logs-*", "staff")
    assert not caller.may([Action.ADMIN])


@pytest.mark.parametrize("pattern", ["", "a b", "a,b", "-a", ".a", "_a", "A*", "a/b", "a:b", "a" * 300])
def test_what_no_index_can_be_named_is_no_pattern(pattern: str) -> None:
    with pytest.raises(InputError, match="is no pattern"):
        checked_patterns(["fine", pattern])


@pytest.mark.parametrize(("actions", "said"), [(["ask", "all"], "'all' is no action"), ([], "Name the actions")])
def test_actions_are_those_that_exist(actions: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        checked_actions(actions)


def test_a_bucket_holds_a_minutes_requests_and_fills_up_again() -> None:
    moment = 0.0
    buckets = Buckets(clock=lambda: moment)

    assert [buckets.take("a", rate=2) for _ in range(2)] == [0, 0]
    assert buckets.take("a", rate=2) == pytest.approx(30)
    assert buckets.take("b", rate=2) == 0
    moment = 30.0
    assert buckets.take("a", rate=2) == 0
    assert buckets.take("a", rate=2) == pytest.approx(30)
    moment = 10_000.0
    assert [buckets.take("a", rate=2) > 0 for _ in range(3)] == [False, False, True]


def test_buckets_of_who_asked_longest_ago_are_forgotten() -> None:
    buckets = Buckets(clock=lambda: 0.0)
    buckets.take("first", rate=1)
    for number in range(MOST_KEPT):
        buckets.take(str(number), rate=1)

    assert buckets.take("first", rate=1) == 0
    assert buckets.take(str(MOST_KEPT - 1), rate=1) > 0


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("localhost", True),
        ("::1", True),
        ("[::1]", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("example.org", False),
    ],
)
def test_loopback_is_what_only_this_machine_reaches(host: str, here: bool) -> None:
    assert is_loopback(host) is here


@pytest.mark.parametrize(
    ("auth", "host", "keyed", "wanted"),
    [
        ("auto", "127.0.0.1", False, False),
        ("auto", "127.0.0.1", True, True),
        ("auto", "0.0.0.0", True, True),
        ("on", "127.0.0.1", True, True),
        ("off", "0.0.0.0", False, False),
        ("off", "0.0.0.0", True, False),
    ],
)
def test_a_key_is_needed_where_others_reach_the_service_or_there_is_one(
    tmp_path: Path, auth: Auth, host: str, *, keyed: bool, wanted: bool
) -> None:
    keys = KeyStore(tmp_path / "keys.db")
    if keyed:
        keys.revoke(keys.add("team", LOGS, lifetime=timedelta(days=1))[1].id)  # once is enough

    assert needed(auth, host=host, keys=keys, tokens=False) is wanted


@pytest.mark.parametrize(("auth", "host"), [("auto", "0.0.0.0"), ("on", "127.0.0.1")])
def test_a_service_that_nobody_could_use_does_not_start(tmp_path: Path, auth: Auth, host: str) -> None:
    keys = KeyStore(tmp_path / "keys.db")

    with pytest.raises(ConfigError, match=r"nlq keys add.*--no-auth"):
        needed(auth, host=host, keys=keys, tokens=False)
    assert needed(auth, host=host, keys=keys, tokens=True)


def test_anyone_may_do_everything() -> None:
    assert all(ANYONE.patterns([action]) == ("*",) for action in Action)
