"""A search body that a person or an agent wrote, run under the rules of every candidate: schema, policy, dry run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from nlq.errors import EngineError, InputError
from nlq.finish import Finish
from nlq.grounding import View
from nlq.json_schema import minified
from nlq.paging import Cursor, first_cursor, page, page_body, read_token
from nlq.policy import check_shape
from nlq.readback import readback
from nlq.translator import Translator
from nlq.types import Body, Candidate, Outcome, Repair, Result
from nlq.values import Seen
from nlq.verify import complete, verify


@dataclass(frozen=True, slots=True)
class Ran:
    """A body that ran: ``query`` as it was sent, what came back, and how it reads in English. ``next`` stands for the
    page of hits that follows, "" where there is none."""

    index: str
    query: Body
    result: Result
    readback: str
    next: str = ""


def run_body(translator: Translator, index: str, body: Body, *, max_results: int | None = None, after: str = "") -> Ran:
    """What ``body`` finds in ``index``, at most ``max_results`` documents or groups (never above the translator's own
    limit). No model is asked, and no value of the body is repaired. With ``after``, the ``next`` of an answer or of an
    earlier run of this body, it is the hits that follow those, without aggregations.

    Raises InputError that says what is wrong with the body, UnknownIndexError, EngineError where it takes too long.
    """
    refusal = check_shape(body)  # first: what follows recurses
    if refusal:
        raise _refused(refusal.reason)
    limits, embedder = translator.limits, translator.embedder
    schema = translator.engine.schema(index)
    view = View(question="", index=schema, near=schema, seen=Seen(None), values=(), periods=(), now=translator.now())

    def encode(texts: Sequence[str]) -> Sequence[Sequence[float]]:
        return embedder.encode(texts).tolist() if embedder else ()

    most = min(max_results or limits.max_results, limits.max_results)
    finish = Finish(view, max_results=most, encode=encode if embedder else None)
    pages = _Pages(finish, schema.index, after)
    [verdict] = verify(
        [Candidate(minified(body), 0.0)],
        schema=view.accepted,
        index=schema.index,
        engine=translator.engine,
        timeout=limits.engine_timeout,
        finish=pages,
    )
    if verdict.outcome is Outcome.TIMED_OUT:
        raise EngineError(f"The query was stopped: {verdict.reason.rstrip('.')}.")
    if verdict.query is None or verdict.result is None:
        by = "Elasticsearch rejects it: " if verdict.outcome is Outcome.REJECTED else ""
        raise _refused(by + verdict.reason)
    result, following = pages.split(verdict.result)
    read = readback(pages.query, schema.index)
    return Ran(schema.index, pages.query, result, read, following.token() if following else "")


@dataclass(slots=True)
class _Pages:
    """Finishes one body, and makes it the page that ``after`` asks for; ``query`` is the body without that."""

    finish: Finish
    index: str
    after: str
    query: Body = field(default_factory=dict)
    cursor: Cursor | None = None

    def __call__(self, body: Body) -> tuple[Body, tuple[Repair, ...]]:
        if self.after and (
            cursor := self._cursor(body)
        ):  # the query of an answer; finished again it may read otherwise
            self.query, self.cursor = body, cursor
            return page_body(body, cursor), ()
        self.query, repairs = self.finish(body)
        if self.after:
            self.cursor = read_token(self.after, index=self.index, query=self.query)
        return (page_body(self.query, self.cursor) if self.cursor else self.query), repairs

    def _cursor(self, query: Body) -> Cursor | None:
        """Of a token that came with exactly this query, where it asks for no more than it may."""
        if complete(query, max_results=self.finish.max_results) != query:
            return None
        try:
            return read_token(self.after, index=self.index, query=query)
        except InputError:
            return None

    def split(self, found: Result) -> tuple[Result, Cursor | None]:
        """The page, and where the next one begins."""
        if self.cursor:
            return page(self.query, self.cursor, found)
        return found, first_cursor(self.index, self.query, found)


def _refused(reason: str) -> InputError:
    return InputError(f"The query cannot be run: {reason.rstrip('.')}.")
