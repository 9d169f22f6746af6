"""From settings to what a translator does where a request does not say."""

from __future__ import annotations

from typing import TypedDict

from nlq.options import Limits
from nlq.plan import Diversity
from nlq.rounds import Rounds
from nlq.second_look import SecondLook
from nlq.settings import Settings
from nlq.types import SamplingParams


class Defaults(TypedDict):
    """Arguments of ``Translator``."""

    params: SamplingParams
    limits: Limits
    rounds: Rounds
    diversity: Diversity
    second_look: SecondLook
    select: str


def defaults(settings: Settings) -> Defaults:
    """What ``settings`` say of sampling and choosing."""
    return {
        "params": SamplingParams(
            n=settings.n,
            temperature=settings.temperature,
            top_p=settings.top_p,
            top_k=settings.top_k,
            min_p=settings.min_p,
            repetition_penalty=settings.repetition_penalty,
            max_tokens=settings.max_tokens,
        ),
        "limits": Limits(
            shots=settings.shots,
            shot_tokens=settings.shot_tokens,
            max_fields=settings.max_fields,
            max_question_chars=settings.max_question_chars,
            max_results=settings.max_results,
            engine_timeout=settings.es_timeout,
            dry_run_documents=settings.dry_run_documents,
            neighbours=settings.neighbours,
        ),
        "rounds": Rounds(first=settings.first_round, step=settings.next_rounds, stop=settings.stop),
        "diversity": Diversity(
            temperatures=settings.temperatures,
            shot_groups=settings.shot_groups,
            shotless_share=settings.shotless_share,
        ),
        "second_look": SecondLook(on=settings.revise, samples=settings.revisions, close=settings.close),
        "select": settings.select,
    }
