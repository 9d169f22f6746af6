"""What the service did, as one JSON object a line on standard error. A question's text is in none, unless allowed."""

from __future__ import annotations

import json
import logging
import re
import uuid
from collections import Counter
from contextvars import ContextVar
from typing import IO, Any, Literal

from nlq.types import Answer

Level = Literal["debug", "info", "warning", "error"]

request_id: ContextVar[str] = ContextVar("nlq_request_id", default="")
"""The id of the request that is served in this context, "" outside of one."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
_log = logging.getLogger("nlq.questions")


def checked_id(sent: str) -> str:
    """The id that a caller sent, where it can stand in a log and a header; else a new one."""
    return sent if _ID.fullmatch(sent) else uuid.uuid4().hex


def configure(level: Level, *, stream: IO[str] | None = None) -> None:
    """Send the records of this process to ``stream`` (default: standard error): those of nlq from ``level`` on, those
    of the libraries from warnings on."""
    from pythonjsonlogger.json import JsonFormatter

    handler = logging.StreamHandler(stream)
    handler.addFilter(_with_id)
    handler.setFormatter(
        JsonFormatter(
            "%(levelname)s %(name)s %(message)s",
            rename_fields={"levelname": "level", "name": "logger", "message": "event", "exc_info": "traceback"},
            timestamp="time",
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("nlq").setLevel(level.upper())


def _with_id(record: logging.LogRecord) -> bool:
    if known := request_id.get():
        record.request_id = known
    return True


class QuestionLog:
    """One record for every question that ended; with ``texts`` it holds the question and the query that answered it."""

    def __init__(self, *, texts: bool = False) -> None:
        self._texts = texts

    def answered(self, answer: Answer) -> None:
        leader = answer.ballot.leader
        facts: dict[str, Any] = {
            "end": "answered",
            "answer": answer.id,
            "index": answer.question.index,
            "cached": answer.cached,
            "samples": answer.samples,
            "tokens": answer.tokens,
            "outcomes": Counter(verdict.outcome.value for verdict in answer.verdicts),
            "votes": leader.votes if leader else 0,
            "confidence": round(answer.ballot.confidence, 4),
            "total": answer.result.total,
            "seconds": {stage: round(seconds, 4) for stage, seconds in answer.timings.items()},
        }
        if self._texts:
            facts |= {"question": answer.question.text, "query": json.dumps(answer.query, separators=(",", ":"))}
        _log.info("question", extra=facts)

    def failed(self, kind: str) -> None:
        """``kind`` is the name of the error's class."""
        _log.info("question", extra={"end": kind})
