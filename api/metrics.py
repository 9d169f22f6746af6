"""Numbers for Prometheus at /metrics. Labels are closed sets: nothing of a user's question or index is in them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from fastapi import APIRouter
from fastapi.responses import Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from api.logs import QuestionLog
from nlq.types import Answer

_SECONDS = (0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 20, 40, 80)
_NUMBERS = (1, 2, 4, 6, 8, 12, 16, 24, 32, 64)
_SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """Counts of one application. ``log`` hears of every question's end too."""

    def __init__(self, *, log: QuestionLog | None = None) -> None:
        self.registry = registry = CollectorRegistry()
        self._log = log or QuestionLog()
        ProcessCollector(registry=registry)
        self._requests = Histogram(
            "nlq_http_seconds",
            "Seconds from a request to the end of its answer.",
            ["method", "route", "status"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._in_flight = Gauge("nlq_http_in_flight", "Requests that are being answered.", registry=registry)
        self._questions = Counter("nlq_questions", "Questions by how they ended.", ["end"], registry=registry)
        self._candidates = Counter(
            "nlq_candidates",
            "Candidates of answered questions by where they come from and how far they came.",
            ["origin", "outcome"],
            registry=registry,
        )
        self._seconds = Histogram(
            "nlq_stage_seconds",
            "Seconds by stage of answered questions.",
            ["stage"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._stages = Gauge(
            "nlq_stage_in_flight",
            "Questions in a stage now; those that wait for the model are in sample.",
            ["stage"],
            registry=registry,
        )
        self._samples = Histogram(
            "nlq_samples", "Candidates sampled for an answered question.", buckets=_NUMBERS, registry=registry
        )
        self._tokens = Counter("nlq_tokens", "Tokens that models wrote for answered questions.", registry=registry)
        self._votes = Histogram(
            "nlq_vote_share", "The answer's votes, as a share of all.", buckets=_SHARES, registry=registry
        )
        self._confidence = Histogram("nlq_confidence", "Confidence of answers.", buckets=_SHARES, registry=registry)
        self._groups = Histogram(
            "nlq_groups", "Different results among an answer's candidates.", buckets=_NUMBERS, registry=registry
        )
        self._empty = Counter("nlq_empty_answers", "Answers whose query matched no document.", registry=registry)
        told = "Questions that got a kept answer, by whether it was to the same words."
        self._cached = Counter("nlq_cache_hits", told, ["wording"], registry=registry)
        self._feedback = Counter("nlq_feedback", "Answers that people judged.", ["verdict"], registry=registry)

    def answered(self, answer: Answer) -> None:
        self._log.answered(answer)
        self._questions.labels("answered").inc()
        for stage, seconds in answer.timings.items():
            self._seconds.labels(stage).observe(seconds)
        if not answer.result.total:
            self._empty.inc()
        if answer.cached:
            self._cached.labels("other" if answer.answered_as else "same").inc()
        else:
            self._sampled(answer)

    def _sampled(self, answer: Answer) -> None:
        """What choosing among candidates came to."""
        ballot = answer.ballot
        for verdict in answer.verdicts:
            self._candidates.labels(verdict.candidate.origin, verdict.outcome.value).inc()
        self._samples.observe(answer.samples)
        self._tokens.inc(answer.tokens)
        self._confidence.observe(ballot.confidence)
        self._groups.observe(len(ballot.groups))
        if ballot.leader and ballot.of:
            self._votes.observe(ballot.leader.votes / ballot.of)

    def failed(self, kind: str) -> None:
        """``kind`` is the name of the error's class."""
        self._log.failed(kind)
        self._questions.labels(kind).inc()

    def judged(self, verdict: Literal["right", "corrected", "wrong"]) -> None:
        self._feedback.labels(verdict).inc()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count a question as being in that stage until the end of the block."""
        with self._stages.labels(name).track_inprogress():
            yield

    @contextmanager
    def request(self) -> Iterator[None]:
        """Count a request as being answered until the end of the block."""
        with self._in_flight.track_inprogress():
            yield

    def responded(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """``route`` is the path's template, never the path."""
        known = method if method in _METHODS else "other"
        self._requests.labels(known, route, str(status)).observe(seconds)


def metrics_routes(metrics: Metrics) -> APIRouter:
    router = APIRouter()

    @router.get("/metrics", include_in_schema=False)
    def text() -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return router
