"""Seeding without a teacher: queries are drawn, the local model puts them into words.

The few shots are examples of other indices, turned round: their query and its meaning first, then their question. Those
of queries built alike are chosen, in the manner of speaking that is wanted, so that questions are as different as
people's.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from nlq.json_schema import minified
from nlq.ports import Sampler
from nlq.readback import readback
from nlq.seeding.coverage import Target
from nlq.seeding.draws import Draws
from nlq.seeding.ledger import Call, Item, Place
from nlq.seeding.seeder import Seeder
from nlq.seeding.sieve import Found
from nlq.types import Body, Example, Message, Prompt, SamplingParams
from nlq.values.words import fold

RULES = """\
You are given a search over an index: its query and what it means. Write the question of a person who wants just this.
- Say every condition with its values, and every order, number and field that is asked for. Add nothing.
- Speak of the things in the index as people do. No names of fields with "_" or ".", no JSON, no "match all".
- One line, in the manner asked for: a question, a request, or a few words as typed into a search box."""

_SHOTS, _NEAREST = 4, 16
_SAME_MANNER = 0.2  # beside how much of the queries is alike, 0 to 1
_WORDINGS = 4
_LONGEST = 220
_SHORTEST = 8
_BATCH = 8
_ROUNDS = 4
"""Batches of targets for which nothing was found: the index holds no more."""
_MANNERS = ("a question", "a question", "a request", "a few words")
_TECHNICAL = re.compile(r"\w_\w|[A-Za-z]\.[a-z]\w|[{}\[\]]|\b(keyword|match_all|null|aggregat\w*|boolean|nested)\b")
_REQUEST = re.compile(
    r"(?i)(show|list|give|find|get|tell|count|name|display|return|fetch|calculate|rank|sort|i |please)"
)
_NUMBER_WORDS = dict(
    zip(range(13), "zero one two three four five six seven eight nine ten eleven twelve".split(), strict=True)
)
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(slots=True)
class Writer:
    """Puts queries of ``index`` into words. ``pool`` are the examples that shots are taken from."""

    sampler: Sampler
    pool: Sequence[Example]
    params: SamplingParams
    wordings: int = _WORDINGS

    def __post_init__(self) -> None:
        self.pool = [e for e in self.pool if len(e.question) <= _LONGEST]

    def questions(self, query: Body, index: str, rng: random.Random) -> list[str]:
        """Wordings that say all of the query, the likeliest first; none where the model found none."""
        params = self.params.with_(n=self.wordings, max_tokens=80, seed=rng.randrange(2**32))
        candidates = list(self.sampler.sample(self.prompt(query, index, rng), None, params))
        candidates = [c for c in candidates if c.complete and says_all(c.text, query)]
        candidates.sort(key=lambda c: -c.logprob)
        return list(dict.fromkeys(_unquoted(c.text) for c in candidates))

    def prompt(self, query: Body, index: str, rng: random.Random) -> Prompt:
        """Rules, some shots built like ``query``, and the query itself."""
        manner = rng.choice(_MANNERS)
        others = [e for e in self.pool if e.index != index]
        fit = {id(e): _alike(query, e.query) + _SAME_MANNER * (manner_of(e.question) == manner) for e in others}
        near = sorted(others, key=lambda e: -fit[id(e)])[:_NEAREST]
        chosen = sorted(rng.sample(near, min(_SHOTS, len(near))), key=lambda e: _alike(query, e.query))
        shots: list[Message] = []
        for example in chosen:
            asked = _asked(example.query, example.index, manner_of(example.question))
            shots += [Message("user", asked), Message("assistant", example.question)]
        tail = (Message("user", _asked(query, index, manner)),)
        return Prompt((Message("system", RULES),), tuple(shots), tail)


@dataclass(slots=True)
class BackTranslation:
    """Items for self-seeding: what the ledger holds unjudged first, then new ones for the least covered targets.

    ``_BATCH`` are put into words before they are asked again, since a runtime keeps the prompt of its last request:
    one prompt's rules are then computed once for all of them. ``tries`` queries are drawn for one that tells something,
    before its target is given up.
    """

    seeder: Seeder
    draws: Callable[[random.Random], Draws]
    writer: Writer
    seed: int
    tries: int = 40
    stop: Callable[[], bool] = lambda: False

    def __iter__(self) -> Iterator[tuple[Place, Item]]:
        ledger = self.seeder.ledger
        while True:
            for place, item in list(ledger.pending()):
                if self.stop():
                    return
                yield place, item
            items = () if self.stop() else self._batch(random.Random(f"{self.seed}:{len(ledger.calls)}"))
            if not items:
                return
            ledger.add(Call(0, 0, items))

    def _batch(self, rng: random.Random) -> tuple[Item, ...]:
        """New items; none where the index holds no more."""
        plan, items, drawn = self.seeder.plan, list[Item](), set[str]()
        for _ in range(_ROUNDS):
            for target in plan.targets(_BATCH, rng):
                found = self._drawn(target, rng, drawn)
                if found is None:
                    plan.note(target.kind.name, target.cell, kept=False)
                    continue
                drawn.add(found.fingerprint)
                question = next(iter(self.writer.questions(found.query, plan.index.index, rng)), "")
                items.append(Item(target.kind.name, target.cell, question, minified(found.query)))
                if self.stop():
                    break
            if items:
                break
        return tuple(items)

    def _drawn(self, target: Target, rng: random.Random, besides: set[str]) -> Found | None:
        """The first query drawn for a target that tells something new."""
        draws, known = self.draws(rng), self.seeder.known
        for _ in range(self.tries):
            body = draws.body(target)
            found = self.seeder.sieve.examine(minified(body), strict=True) if body else None
            if isinstance(found, Found) and not (found.fingerprint in besides or known.has_result(found.fingerprint)):
                return found
        return None


def says_all(question: str, query: Body) -> bool:
    """Whether a question may be the one of a query: on one line, in plain words, with every value of the query."""
    text = _unquoted(question)
    if not _SHORTEST <= len(text) <= _LONGEST or "\n" in text or _TECHNICAL.search(_without_values(text, query)):
        return False
    return all(_said(value, text) for value in literals(query))


def manner_of(question: str) -> str:
    """One of the manners that a question can be asked for in."""
    if question.rstrip().endswith("?"):
        return "a question"
    return "a request" if _REQUEST.match(question) else "a few words"


def _asked(query: Body, index: str, manner: str) -> str:
    meaning = readback(query, index).removesuffix(", the first 10")  # where no number is asked for, all are meant
    return f"Index: {index}\nQuery: {minified(query)}\nMeaning: {meaning}\nManner: {manner}"


def _unquoted(text: str) -> str:
    text = text.strip()
    return text[1:-1].strip() if len(text) > 1 and text[0] == text[-1] == '"' and text.count('"') == 2 else text


def _without_values(text: str, query: Body) -> str:
    for value in literals(query):
        if isinstance(value, str):
            text = text.replace(value, " ")
    return text


def _said(value: Any, text: str) -> bool:
    """Whether a literal is in the text: a number in digits or as a word, a day by its year, a text by all its words."""
    plain = f" {fold(text)} "
    if isinstance(value, tuple):
        return any(day[:4] in text for day in value)
    if isinstance(value, str):
        return all(fold(word).strip() in plain for word in value.split())
    digits = f"{value:g}" if abs(value) < 1e6 else str(value)
    bare = text.replace(",", "")
    found = re.search(rf"(?<![\d.]){re.escape(digits)}(?:\.0+)?(?!\d|\.\d)", bare)
    return bool(found) or _NUMBER_WORDS.get(int(value), "\0") in plain.split()


def literals(node: Any, key: str = "") -> Iterator[Any]:
    """The values a question has to name: texts, numbers, and the days of a range as one tuple. Sizes of one are said
    in other words ("the highest")."""
    if isinstance(node, list):
        for item in node:
            yield from literals(item, key)
    elif isinstance(node, dict):
        for name, value in node.items():
            if name in ("term", "terms", "range", "prefix", "match", "match_phrase"):
                yield from _of_clause(name, value)
            elif name in ("size", "min_doc_count") and value > 1:
                yield value
            elif name == "script":
                yield from (float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", str(value)))
            else:
                yield from literals(value, name)


def _of_clause(clause: str, content: Body) -> Iterator[Any]:
    if "field" in content:  # an aggregation
        yield from literals({k: v for k, v in content.items() if k != "field"})
        return
    for value in content.values():
        if clause == "range":
            days = tuple(v for v in value.values() if isinstance(v, str) and _DAY.match(v))
            yield from (days,) if days else value.values()
            continue
        plain = value.get("query", value.get("value")) if isinstance(value, dict) else value
        yield from (v for v in (plain if isinstance(plain, list) else [plain]) if not isinstance(v, bool))


def _alike(one: Body, other: Body) -> float:
    """How many of the keys of two queries are the same, 0 to 1."""
    a, b = set(_keys(one)), set(_keys(other))
    return len(a & b) / len(a | b)


def _keys(node: Any) -> Iterator[str]:
    """The keys of a body without the names of fields (which hold the rest of a clause), with small sizes told apart."""
    items: Iterable[Any] = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    if isinstance(node, dict):
        yield from (f"{k}:{v}" if k in ("size", "order") and not isinstance(v, dict) else k for k, v in node.items())
    for item in items:
        yield from _keys(item)
