"""What happened to the candidates of one question so far."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from nlq.json_schema import Schema
from nlq.options import Event
from nlq.plan import Draw
from nlq.timings import Timings
from nlq.types import Candidate, Example, Group, Origin, Verdict


@dataclass(slots=True)
class Trail:
    """Draws candidates under ``schema``, and has them verified and judged.

    ``verify`` is ``nlq.verify.verify`` with all but the candidates given. ``judge`` sees all verdicts each time, as
    what a candidate is worth depends on the others.
    """

    schema: Schema | None
    verify: Callable[..., Sequence[Verdict]]
    judge: Callable[[Sequence[Verdict]], Sequence[Verdict]]
    tell: Callable[[Event], None]
    timings: Timings
    verdicts: tuple[Verdict, ...] = ()
    _shots: dict[str, tuple[Example, ...]] = field(default_factory=dict)

    def draw(self, draws: Sequence[Draw], *, origin: Origin = "sampled") -> None:
        """Sample every draw, then verify what came, together."""
        candidates: list[Candidate] = []
        for draw in draws:
            self._shots[draw.name] = draw.variant.shots
            sampled = draw.variant.sampler.sample(draw.variant.prompt, self.schema, draw.params)
            with self.timings("sample"), _closing(sampled) as texts:
                for text in texts:
                    # What was recorded says itself where it came from.
                    candidates.append(text if text.draw else replace(text, origin=origin, draw=draw.name))
                    self.tell(Event("sampled", candidates[-1]))
        self.add(candidates)

    def add(self, candidates: Sequence[Candidate]) -> None:
        """Verify and judge ``candidates``; tells of each."""
        if not candidates:
            return
        known = len(self.verdicts)
        with self.timings("verify"):
            self.verdicts = tuple(self.judge((*self.verdicts, *self.verify(candidates))))
        for verdict in self.verdicts[known:]:
            self.tell(Event("candidate", verdict))

    def shown(self) -> tuple[Example, ...]:
        """The examples that the model has seen."""
        return _distinct(self._shots.values())

    def shown_to(self, group: Group) -> tuple[Example, ...]:
        """The examples of the prompts that ``group`` comes from."""
        return _distinct(self._shots.get(v.candidate.draw, ()) for v in group.verdicts)


def _distinct(shots: Iterable[Sequence[Example]]) -> tuple[Example, ...]:
    """By identity: examples hold bodies, which have no hash."""
    return tuple({id(example): example for few in shots for example in few}.values())


@contextmanager
def _closing(candidates: Iterator[Candidate]) -> Iterator[Iterator[Candidate]]:
    """Stops the sampling of ``candidates`` at the end, not whenever garbage is collected."""
    try:
        yield candidates
    finally:
        close = getattr(candidates, "close", None)
        if close is not None:
            close()
