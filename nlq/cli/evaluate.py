"""``nlq eval``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from nlq.errors import InputError
from nlq.evaluation.cases import load_indices, read_cases
from nlq.evaluation.run import Scored, sample, score
from nlq.settings import load_settings
from nlq.values import KINDS, SHOWN

_LINKS = ", ".join(sorted(KINDS))


def evaluate(
    folder: Annotated[Path, typer.Argument(help="A benchmark set: indices/, cases.jsonl.", metavar="SET")],
    samples: Annotated[Path, typer.Option(help="JSONL file of candidates: read, and filled with what it lacks.")],
    n: Annotated[int, typer.Option("-n", help="Candidates per case.", min=1, max=1024)] = 8,
    every: Annotated[int, typer.Option(help="Take every so many-th case only.", min=1)] = 1,
    wrong: Annotated[bool, typer.Option("--wrong", help="List the cases where the vote was wrong.")] = False,
    links: Annotated[str, typer.Option(help=f"Linked values: shown, all, none, or some of {_LINKS}.")] = "shown",
    free: Annotated[bool, typer.Option("--free", help="Sample without the schema, to see what it is worth.")] = False,
) -> None:
    """Ask every question of SET and print how often candidates, votes and first answers are right.

    Loads the set's indices where the engine lacks them. Interrupt it at will: the samples file keeps what is done.
    """
    from nlq.bootstrap import open_translator

    cases = read_cases(folder)[::every]
    console = Console()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with open_translator(load_settings()) as opened:
        limits = replace(opened.limits, link_kinds=_kinds(links), constrained=not free)
        translator = replace(opened, limits=limits)
        load_indices(folder, translator.engine, cases)
        with Progress(*columns, console=Console(stderr=True)) as progress:
            task = progress.add_task("cases", total=len(cases))
            sample(cases, translator, samples, n=n, on_case=lambda: progress.advance(task))
        scored = list(score(cases, translator, samples))
    console.print(_table(scored))
    if wrong:
        for s in scored:
            if not s.chosen["vote"]:
                right = f"{sum(s.candidates)}/{len(s.candidates)} right"
                console.print(f"{s.case.id}  {right}  {s.case.question}", markup=False, highlight=False, soft_wrap=True)


def _kinds(links: str) -> frozenset[str]:
    named = {"shown": SHOWN, "all": KINDS, "none": frozenset[str]()}
    if links in named:
        return named[links]
    chosen = frozenset(kind.strip() for kind in links.split(","))
    if unknown := chosen - KINDS:
        named_wrong = ", ".join(sorted(unknown))
        raise InputError(f"There is no kind of link {named_wrong}: use shown, all, none, or some of {_LINKS}.")
    return chosen


def _table(scored: Sequence[Scored]) -> Table:
    table = Table("group", "cases", "valid", "executed", "single", "first", "vote", "coverage", title="% right")
    groups: dict[str, list[Scored]] = defaultdict(list)
    for s in scored:
        groups[s.case.group].append(s)
    for name, members in [*sorted(groups.items()), ("all", list(scored))]:
        candidates = sum(len(s.candidates) for s in members)
        shares = (
            sum(s.valid for s in members) / max(1, candidates),
            sum(s.executed for s in members) / max(1, candidates),
            sum(sum(s.candidates) / max(1, len(s.candidates)) for s in members) / max(1, len(members)),
            sum(s.chosen["first"] for s in members) / max(1, len(members)),
            sum(s.chosen["vote"] for s in members) / max(1, len(members)),
            sum(any(s.candidates) for s in members) / max(1, len(members)),
        )
        table.add_row(name, str(len(members)), *(f"{100 * share:.1f}" for share in shares))
    return table
