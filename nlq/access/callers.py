"""Callers and what they may do. Pure: where a caller comes from is the business of ``keys`` and ``tokens``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from nlq.errors import AccessError, InputError


class Action(StrEnum):
    """What a key can allow; none includes another. ``admin`` is what operates the service: its metrics."""

    ASK = "ask"
    QUERY = "query"
    EXAMPLES_READ = "examples:read"
    EXAMPLES_WRITE = "examples:write"
    ADMIN = "admin"


EVERY_ACTION = frozenset(Action)
EVERY_INDEX = ("*",)

Behind = Mapping[str, frozenset[str]]
"""Names (of indices, aliases, data streams) with the indices and data streams behind each."""

_PATTERN = re.compile(r"[^\s,\\/?\"<>|#:_+.-][^\s,\\/?\"<>|#:]{0,254}")


class CredentialsError(AccessError):
    """The caller is not known: no key or token, or one that is not valid (any more)."""


@dataclass(frozen=True, slots=True)
class Grant:
    """These actions on the indices that one of these patterns (``*`` stands for any characters) matches."""

    indexes: tuple[str, ...]
    actions: frozenset[Action]


@dataclass(frozen=True, slots=True)
class Caller:
    """``id`` tells callers apart, "" is nobody in particular; ``name`` is fit for logs. ``rate`` is requests a minute,
    None takes the service's."""

    id: str
    name: str
    grants: tuple[Grant, ...]
    rate: int | None = None

    def may(self, actions: Iterable[Action]) -> bool:
        """Whether one of these is allowed, on whatever index."""
        return bool(self.patterns(actions))

    def patterns(self, actions: Iterable[Action]) -> tuple[str, ...]:
        """The patterns of the indices on which one of ``actions`` is allowed."""
        wanted = frozenset(actions)
        found = (pattern for grant in self.grants if grant.actions & wanted for pattern in grant.indexes)
        return tuple(sorted(set(found)))


ANYONE = Caller("", "anyone", (Grant(EVERY_INDEX, EVERY_ACTION),))
"""Who asks where no key is needed."""


def covered(names: str, patterns: tuple[str, ...], behind: Behind) -> bool:
    """Whether every index that ``names`` (a name or pattern, or several with commas between) stands for is in
    ``patterns``.

    ``behind`` holds what there is. A part that stands for nothing is covered where whatever it could match would be.
    """
    return all(_part_covered(part, patterns, behind) for part in names.split(","))


def _part_covered(part: str, patterns: tuple[str, ...], behind: Behind) -> bool:
    found = [behind[name] for name in behind if name == part or ("*" in part and _expression(part).fullmatch(name))]
    if not found:
        # A star of the part is a character like any other here: only a star of a pattern takes it.
        return _matched(part, patterns)
    return all(_matched(index, patterns) for each in found for index in each)


def _matched(name: str, patterns: tuple[str, ...]) -> bool:
    return any(_expression(pattern).fullmatch(name) for pattern in patterns)


@lru_cache(maxsize=1024)
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in re.split(r"\*+", pattern)), re.DOTALL)


def checked_patterns(patterns: Iterable[str]) -> tuple[str, ...]:
    """The patterns once each; raises InputError where one is none, or there is none at all."""
    found = tuple(dict.fromkeys(patterns))
    if not found:
        raise InputError("Name the indices that are allowed: a pattern such as 'logs-*', or '*' for all.")
    for pattern in found:
        if not _PATTERN.fullmatch(pattern) or pattern != pattern.lower():
            raise InputError(f"{pattern[:60]!r} is no pattern of indices: write one such as 'logs-*', in lower case.")
    return found


def checked_actions(actions: Iterable[str]) -> frozenset[Action]:
    """Raises InputError where one is none, or there is none at all."""
    names = [str(action) for action in actions]
    known = ", ".join(Action)
    if wrong := [name for name in names if name not in set(Action)]:
        raise InputError(f"{wrong[0][:60]!r} is no action: there are {known}.")
    if not names:
        raise InputError(f"Name the actions that are allowed, of {known}.")
    return frozenset(Action(name) for name in names)
