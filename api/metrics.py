"""Numbers for Prometheus at /metrics. Labels are closed sets: nothing of a user's question or index is in them."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest

from nlq.types import Answer

_SECONDS = (0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 20, 40, 80)


class Metrics:
    """Counts of one application."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._questions = Counter("nlq_questions", "Questions by how they ended.", ["end"], registry=self.registry)
        self._candidates = Counter(
            "nlq_candidates", "Candidates of answered questions by outcome.", ["outcome"], registry=self.registry
        )
        self._seconds = Histogram(
            "nlq_stage_seconds", "Seconds by stage.", ["stage"], buckets=_SECONDS, registry=self.registry
        )
        self._feedback = Counter("nlq_feedback", "Answers that people judged.", ["verdict"], registry=self.registry)

    def answered(self, answer: Answer) -> None:
        self._questions.labels("answered").inc()
        for verdict in answer.verdicts:
            self._candidates.labels(verdict.outcome.value).inc()
        for stage, seconds in answer.timings.items():
            self._seconds.labels(stage).observe(seconds)

    def failed(self, kind: str) -> None:
        """``kind`` is the name of the error's class."""
        self._questions.labels(kind).inc()

    def judged(self, verdict: Literal["right", "corrected", "wrong"]) -> None:
        self._feedback.labels(verdict).inc()


def metrics_routes(metrics: Metrics) -> APIRouter:
    router = APIRouter()

    @router.get("/metrics", include_in_schema=False)
    def text() -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return router
