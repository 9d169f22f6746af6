"""A translator with canned answers, chosen by a word of the question; its parts can be taken down."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nlq.errors import EngineError, NlqError, NoAnswerError, UnknownIndexError
from nlq.translator import AskOptions, Event
from nlq.types import (
    Answer,
    Ballot,
    Body,
    Candidate,
    EngineInfo,
    Example,
    Field,
    Group,
    IndexInfo,
    IndexSchema,
    LinkedValue,
    Outcome,
    Question,
    Result,
    Signal,
    Verdict,
)

MAPPING = {
    "properties": {
        "title": {"type": "text", "fields": {"keyword": {"type": "keyword"}}},
        "director": {"type": "keyword"},
        "genres": {"type": "keyword"},
        "year": {"type": "integer"},
        "rating": {"type": "float"},
        "cast": {"type": "nested", "properties": {"name": {"type": "keyword"}}},
    }
}

LONG = "The lives of two mob hitmen, a boxer, a gangster and his wife intertwine in four tales of violence. " * 4

FILMS: tuple[dict[str, Any], ...] = (
    {"title": "The Hobbit", "director": "Peter Jackson", "genres": ["Adventure", "Fantasy"], "year": 2012},
    {"title": "أفضل فيلم", "director": "يوسف شاهين", "genres": ["Drama"], "year": 1958, "plot": LONG},
    {"title": "<img src=x onerror=alert(1)>", "director": "<script>alert(2)</script>", "genres": [], "year": 1999},
)


def _hits(films: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], ...]:
    return tuple({"_id": str(i), "_source": dict(film)} for i, film in enumerate(films, 1))


def _buckets() -> dict[str, Any]:
    def bucket(key: str, count: int, decades: Sequence[int]) -> dict[str, Any]:
        inner = [{"key": 1990 + 10 * i, "doc_count": n} for i, n in enumerate(decades)]
        return {"key": key, "doc_count": count, "decades": {"buckets": inner}, "rating": {"value": 6 + count / 1000}}

    rows = [bucket("Drama", 812, [300, 412, 100]), bucket("Comedy", 604, [204, 400]), bucket("Horror", 95, [95])]
    return {"genres": {"sum_other_doc_count": 33, "buckets": rows}, "average": {"value": 6.4183}}


CANNED: dict[str, tuple[Body, Result, str]] = {
    "count": ({"query": {"range": {"year": {"gt": 1995}}}, "size": 0}, Result((), 1234), "Count of films after 1995"),
    "per genre": (
        {"size": 0, "aggs": {"genres": {"terms": {"field": "genres"}}, "average": {"avg": {"field": "rating"}}}},
        Result((), 1511, _buckets(), 3),
        "Films grouped by genre, then by decade",
    ),
    "nothing": ({"query": {"match": {"title": "zzz"}}}, Result((), 0), "Films whose title has “zzz”"),
    "": (
        {"query": {"match": {"title": "hobbit"}}, "size": 10},
        Result(_hits(FILMS), 42, took=7),
        "Films whose title has “hobbit”",
    ),
}

VARIANT: Body = {"query": {"match_phrase": {"title": "the hobbit"}}}


class FakeEngine:
    def __init__(self) -> None:
        self.down: NlqError | None = None

    def _check(self) -> None:
        if self.down is not None:
            raise self.down

    def info(self) -> EngineInfo:
        self._check()
        return EngineInfo("9.4.3")

    def indexes(self) -> Sequence[IndexInfo]:
        self._check()
        return (IndexInfo("movies", 4803, "Feature films"), IndexInfo("articles", 120))

    def mapping(self, index: str) -> Mapping[str, Any]:
        self._check()
        if index not in ("movies", "articles"):
            raise UnknownIndexError(f"There is no index {index!r}; `nlq indexes` lists those there are.")
        return MAPPING


class FakeSampler:
    name = "fake model"

    def __init__(self) -> None:
        self.down: NlqError | None = None

    def ready(self) -> None:
        if self.down is not None:
            raise self.down


class FakeExamples:
    def all(self) -> Sequence[Example]:
        return (EXAMPLE,)

    def count(self) -> int:
        return 1


EXAMPLE = Example("films by Kubrick", {"query": {"term": {"director": "Stanley Kubrick"}}}, "movies")
BROKEN = Verdict(Candidate("{", -3.0, 1, complete=False), Outcome.UNPARSED, reason="It ends inside an object.")
REJECTED = Verdict(
    Candidate('{"query":{"match":{"titel":"hobbit"}}}', -1.5, 12),
    Outcome.INVALID,
    {"query": {"match": {"titel": "hobbit"}}},
    reason="'titel' is no field of this index.",
)


class FakeTranslator:
    """``gate`` holds every translation between its "examples" event and its first candidate until it is set."""

    def __init__(self) -> None:
        self.engine = FakeEngine()
        self.cache = None
        self.sampler = FakeSampler()
        self.examples = FakeExamples()
        self.asked: list[tuple[Question, AskOptions]] = []
        self.ended: list[str] = []
        self.crash: Exception | None = None
        self.changed = threading.Condition()
        self.gate = threading.Event()
        self.gate.set()

    def translate(
        self, question: Question, options: AskOptions, *, on_event: Callable[[Event], None] | None = None
    ) -> Answer:
        self._note(self.asked, (question, options))
        try:
            answer = self._translate(question, on_event or (lambda _: None))
        except Exception as exc:
            self._note(self.ended, type(exc).__name__)
            raise
        self._note(self.ended, "answer")
        return answer

    def wait_for(self, fact: Callable[[], bool]) -> bool:
        """Whether ``fact`` came true; looks again whenever a translation starts or ends."""
        with self.changed:
            return self.changed.wait_for(fact, timeout=30)

    def _note(self, where: list[Any], what: Any) -> None:
        with self.changed:
            where.append(what)
            self.changed.notify_all()

    def _translate(self, question: Question, emit: Callable[[Event], None]) -> Answer:
        self.engine.mapping(question.index)
        fields = (Field("title", "text"), Field("year", "integer"))
        value = LinkedValue("hobbit", "title", "The Hobbit")
        for event in (
            Event("schema", IndexSchema(question.index, fields, "Feature films")),
            Event("values", (value,)),
            Event("examples", (EXAMPLE,)),
        ):
            emit(event)
        self.gate.wait(30)
        if self.crash is not None:
            raise self.crash
        if "engine down" in question.text:
            raise EngineError("Elasticsearch does not answer; start it with `nlq elastic start`.")
        verdicts, groups = self._sampled(question)
        for verdict in verdicts:
            emit(Event("candidate", verdict))
        if not groups:
            raise NoAnswerError("None of the 2 candidates survived; ask in other words.", verdicts=verdicts)
        ballot = Ballot(groups, len(verdicts), 0.6, 0.72)
        emit(Event("ballot", ballot))
        query, result, readback = self._canned(question)
        answer = Answer(
            "a1", question, query, result, readback, ballot, verdicts, (value,), (EXAMPLE,), {"sampling": 1.5}
        )
        emit(Event("answer", answer))
        return answer

    def _canned(self, question: Question) -> tuple[Body, Result, str]:
        return next(canned for word, canned in CANNED.items() if word in question.text)

    def _sampled(self, question: Question) -> tuple[tuple[Verdict, ...], tuple[Group, ...]]:
        if "hopeless" in question.text:
            return (BROKEN, REJECTED), ()
        query, result, _ = self._canned(question)
        same = tuple(
            Verdict(Candidate(f"same {i}", -0.2 - i / 10, 20), Outcome.EXECUTED, query, result) for i in range(3)
        )
        candidate = Candidate("other", -0.9, 18, draw="t=0.8")
        signals = (Signal("empty", 1.0, "it finds nothing"),)
        found = Result(_hits(FILMS[:1]), 1)
        other = Verdict(candidate, Outcome.EXECUTED, VARIANT, found, signals=signals, score=0.25)
        return (*same[:2], REJECTED, other, same[2]), (Group(same), Group((other,)))
