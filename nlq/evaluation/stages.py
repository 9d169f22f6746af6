"""Both stages of a run on real parts, as ``nlq eval`` does them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from nlq.bootstrap import open_translator
from nlq.errors import InputError
from nlq.evaluation.cases import CaseSet, Half, read_sets
from nlq.evaluation.recorded import NoExamples, Recorded
from nlq.evaluation.run import Asked, Folder, Run, shown_settings
from nlq.evaluation.samples import read_samples
from nlq.evaluation.sampling import sample
from nlq.evaluation.scores import CaseScore, Scores, write_scores
from nlq.evaluation.scoring import Plan, score
from nlq.evaluation.warm import add_cases
from nlq.ports import ExampleStore
from nlq.settings import Settings
from nlq.translator import Translator
from nlq.values import KINDS, SHOWN, Kind

Told = Callable[[], None]


def sample_sets(
    folder: Folder,
    sets: Sequence[CaseSet],
    asked: Asked,
    *,
    settings: Settings,
    chosen: Mapping[str, Any],
    choose: Callable[[CaseSet], CaseSet],
    on_case: Told,
) -> None:
    """Draw what the folder lacks of the cases that ``choose`` leaves of each set; ``chosen`` says in words how.

    InputError where the folder holds samples that were drawn in another way.
    """
    asked = replace(asked, settings=shown_settings(settings))
    with open_translator(_with_examples(settings, asked, folder)) as opened:
        translator = _limited(opened, asked)
        names = " + ".join(sampler.name for sampler, _ in opened.samplers) or opened.sampler.name
        engine = opened.engine.info().version
        folder.begin(Run.now(asked, sets, chosen=chosen, model=names, engine=engine))
        if asked.examples == "warm":
            add_cases(sets, opened.engine, opened.examples, embedder=opened.embedder)
        files = {s.name: folder.samples(s.name) for s in sets}
        sample([choose(s) for s in sets], translator, files, n=asked.n, greedy=asked.greedy, on_case=on_case)


def score_samples(
    folder: Folder,
    folders: Sequence[Path],
    *,
    files: Sequence[Path],
    plan: Plan,
    half: Half | None,
    settings: Settings,
    on_case: Told,
) -> Scores:
    """Score what ``files`` hold (none: what the run's folder holds) of the sets in ``folders`` (none: the run's own)
    and keep the scores in the folder. No model is loaded. InputError where nothing is there to be scored."""
    run = folder.read()
    sets = read_sets(folders or [Path(path) for path in (run.sets.values() if run else ())])
    if not sets:
        raise InputError(f"{folder.path} does not say which sets were sampled: name them after it.")
    samples = {s.name: read_samples(files or [folder.samples(s.name)]) for s in sets}
    halves = [s.choose(half=half) for s in sets]
    with _opened_for_scoring(settings, run.asked if run else Asked(n=1)) as translator:
        found: list[CaseScore] = []
        for case in score(halves, translator, samples, plan):
            found.append(case)
            on_case()
    if not found:
        raise InputError(f"{folder.path} holds no samples of {', '.join(s.name for s in sets)}: sample them first.")
    scores = Scores(plan.select, plan.subsets, tuple(found))
    folder.path.mkdir(parents=True, exist_ok=True)
    write_scores(folder.scores, scores)
    return scores


def link_kinds(links: str) -> frozenset[Kind]:
    """The kinds of linked values that "shown", "all", "none" or a list with commas means; InputError for others."""
    named = {"shown": SHOWN, "all": KINDS, "none": frozenset[Kind]()}
    if links in named:
        return named[links]
    wanted = {kind.strip() for kind in links.split(",")}
    if unknown := wanted - KINDS:
        fine = ", ".join(sorted(KINDS))
        raise InputError(
            f"There is no kind of link {', '.join(sorted(unknown))}: use shown, all, none, or some of {fine}."
        )
    return frozenset(kind for kind in KINDS if kind in wanted)


@contextmanager
def _opened_for_scoring(settings: Settings, asked: Asked) -> Iterator[Translator]:
    # It is never asked for more than an empty store answers.
    nothing = cast(ExampleStore, NoExamples())
    with open_translator(settings, sampler=Recorded(iter(())), examples=nothing) as opened:
        yield _limited(opened, asked)


def _limited(translator: Translator, asked: Asked) -> Translator:
    kinds = link_kinds(asked.links)
    limits = replace(
        translator.limits, link_kinds=kinds, constrained=not asked.free, foreign_shots=asked.examples != "own"
    )
    return replace(translator, limits=limits, cache=None)  # what is measured is asked


def _with_examples(settings: Settings, asked: Asked, folder: Folder) -> Settings:
    """Examples of the run's own, so that those of a user neither help nor are joined by cases of a benchmark."""
    if asked.examples in ("store", "own"):
        return settings
    folder.path.mkdir(parents=True, exist_ok=True)
    own = {"examples_store": "sqlite", "examples_db": folder.path / f"examples-{asked.examples}.db"}
    return settings.model_copy(update=own)
