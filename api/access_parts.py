"""The parts of a translation as one caller may use them."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import replace
from typing import cast

from nlq.access.callers import ANYONE, EVERY_INDEX, Action, Caller, Grant
from nlq.access.door import Door
from nlq.access.scope import Impersonating, Resolving, ScopedEngine, ScopedExamples
from nlq.errors import ConfigError
from nlq.ports import Engine, ExampleStore
from nlq.translator import Translator

MOST_KEPT = 64

PASSED = (Grant(EVERY_INDEX, frozenset({Action.ASK, Action.QUERY, Action.ADMIN})),)
"""What anyone may do whose own credentials decide what Elasticsearch tells: the examples know nothing of those."""


class Parts:
    """Translators for callers, made once each and kept while they are used (the MOST_KEPT last ones).

    All share the model and the examples' store. Callers with keys share what is kept of the values of an index, which
    each may read only behind the check of its name; callers with credentials of their own share nothing.
    """

    def __init__(self, translator: Translator, door: Door, *, pass_through: bool) -> None:
        """Raises ConfigError where the engine cannot do what is asked of it."""
        self._translator = translator
        self.door = door
        self._pass = pass_through
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, tuple[str, ...]], Translator] = OrderedDict()
        if pass_through and not isinstance(translator.engine, Impersonating):
            raise ConfigError("NLQ_ES_PASS_THROUGH is set, and this engine takes no credentials of callers.")

    def allowed(self, caller: Caller) -> Caller:
        """The caller with what it may do here."""
        return replace(caller, grants=PASSED) if self._pass and caller is ANYONE else caller

    def free(self, caller: Caller) -> bool:
        """Whether this caller may do all there is, as where no key is needed."""
        return self.allowed(caller) is ANYONE

    def translator(self, caller: Caller, actions: Collection[Action], *, elastic: str) -> Translator:
        """``elastic`` is the Authorization header with which Elasticsearch is asked ("" the service's own)."""
        patterns = self.allowed(caller).patterns(actions)
        if not elastic and "*" in patterns:
            return self._translator
        key = (hashlib.sha256(elastic.encode()).hexdigest() if elastic else "", patterns)
        with self._lock:
            made = self._kept.pop(key, None) or self._made(patterns, elastic)
            self._kept[key] = made
            if len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
            return made

    def _made(self, patterns: tuple[str, ...], elastic: str) -> Translator:
        base = self._translator
        engine: Engine = base.engine
        if elastic:
            engine = cast(Impersonating, engine).as_caller(elastic)
        resolver = base.engine
        if not isinstance(resolver, Resolving):
            raise ConfigError("Keys that are limited to indices need an engine that tells what is behind a name.")
        if "*" not in patterns:
            engine = ScopedEngine(engine, resolver, patterns)
        examples = ScopedExamples(
            base.examples, patterns, resolver=resolver, shipped=self.door.shipped, own_only=bool(elastic)
        )
        made = replace(base, engine=engine, examples=cast(ExampleStore, examples))
        if not elastic:
            made.grounding = replace(base.grounding, engine=engine)  # shares what it keeps
        return made
