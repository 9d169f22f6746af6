"""``nlq eval``: sample candidates for benchmark sets, score them, report, compare."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from typer.core import TyperGroup

from nlq.errors import InputError
from nlq.settings import load_settings
from nlq.values import KINDS
from nlq.vote import RULES

if TYPE_CHECKING:
    from nlq.evaluation.run import Folder
    from nlq.evaluation.scores import Scores

_LINKS = ", ".join(sorted(KINDS))
_RULES = ", ".join(RULES)


class _WithDefault(TyperGroup):
    """`nlq eval SET…` is `nlq eval run SET…`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        named = not args or args[0] in self.commands or args[0] == "--help"
        return list(super().parse_args(ctx, args if named else ["run", *args]))


app = typer.Typer(
    cls=_WithDefault,
    no_args_is_help=True,
    help="Ask every question of benchmark sets, and measure how often candidates and choices are right: "
    "`nlq eval SET... --out DIR` samples, scores and reports (`nlq eval run --help`).",
)

Dir = Annotated[Path, typer.Argument(help="A run's folder.", metavar="DIR")]
Half = Annotated[
    Literal["a", "b"] | None, typer.Option(help="One half of each set: choose on one, report on the other.")
]
Select = Annotated[str, typer.Option(help=f"The rule to look at closely: {_RULES}.")]
Subsets = Annotated[int, typer.Option(help="Random subsets of k candidates that precision@k is a mean over.", min=1)]
Wrong = Annotated[bool, typer.Option("--wrong", help="List the cases where the choice is wrong.")]


@app.command()
def run(
    sets: Annotated[list[Path], typer.Argument(help="Folders with indices/ and cases.jsonl.", metavar="SET")],
    out: Annotated[Path, typer.Option(help="The run's folder; samples that it holds are kept and completed.")],
    n: Annotated[int, typer.Option("-n", "--n", help="Candidates per case.", min=1, max=1024)] = 16,
    sample: Annotated[int | None, typer.Option(help="So many cases of each set, at random.", min=1)] = None,
    seed: Annotated[int, typer.Option(help="Which cases --sample takes.")] = 1,
    every: Annotated[int, typer.Option(help="Take every so many-th case only.", min=1)] = 1,
    half: Half = None,
    sampler: Annotated[str | None, typer.Option(help="In place of NLQ_SAMPLER.")] = None,
    examples: Annotated[
        Literal["cold", "warm", "store", "own"],
        typer.Option(
            help="cold: those nlq ships; warm: also the sets' other cases, none of the same index; "
            "store: the examples database, none of the same index; own: all of it, as a service shows it."
        ),
    ] = "cold",
    links: Annotated[str, typer.Option(help=f"Linked values: shown, all, none, or some of {_LINKS}.")] = "shown",
    free: Annotated[bool, typer.Option("--free", help="Sample without the schema, to see what it is worth.")] = False,
    greedy: Annotated[bool, typer.Option(help="One candidate more per case, at temperature 0.")] = True,
    select: Select = "vote",
    subsets: Subsets = 8,
    wrong: Wrong = False,
    sample_only: Annotated[bool, typer.Option("--sample-only", help="Leave scoring for later.")] = False,
) -> None:
    """Sample, score, report. Sampling is slow; interrupt it at will, it goes on where it stopped."""
    from nlq.evaluation.cases import CaseSet, read_sets
    from nlq.evaluation.run import Asked, Folder, choice
    from nlq.evaluation.stages import link_kinds, sample_sets

    _check_rule(select)
    link_kinds(links)
    whole = read_sets(sets)

    def choose(cases: CaseSet) -> CaseSet:
        return cases.choose(every=every, half=half, most=sample, seed=seed)

    settings = load_settings(**({"sampler": sampler} if sampler else {}))
    with _progress("sampling", sum(len(choose(s).cases) for s in whole)) as advance:
        sample_sets(
            Folder(out),
            whole,
            Asked(n=n, greedy=greedy, links=links, free=free, examples=examples),
            settings=settings,
            chosen=choice(every=every, half=half, sample=sample, seed=seed),
            choose=choose,
            on_case=advance,
        )
    if not sample_only:
        score(out, None, select=select, subsets=subsets, half=half, wrong=wrong)
        report(out, half=half)


@app.command()
def score(
    folder: Dir,
    sets: Annotated[
        list[Path] | None, typer.Argument(help="Sets, where the run's own are elsewhere now.", metavar="[SET]")
    ] = None,
    samples: Annotated[
        list[Path] | None, typer.Option(help="Score this file of samples in place of the folder's own (repeatable).")
    ] = None,
    select: Select = "vote",
    subsets: Subsets = 8,
    half: Half = None,
    wrong: Wrong = False,
) -> None:
    """Verify, vote on and judge what was sampled, as often as wanted. Loads no model."""
    from nlq.evaluation.run import Folder
    from nlq.evaluation.scoring import Plan
    from nlq.evaluation.stages import score_samples

    _check_rule(select)
    with _progress("scoring", None) as advance:
        scores = score_samples(
            Folder(folder),
            sets or [],
            files=samples or [],
            plan=Plan(select=select, subsets=subsets),
            half=half,
            settings=load_settings(),
            on_case=advance,
        )
    _print(scores, wrong=wrong)


@app.command()
def report(folder: Dir, half: Half = None) -> None:
    """Write report.md, report.json and pictures from the scores."""
    from nlq.evaluation.report import write_report
    from nlq.evaluation.run import Folder

    path = write_report(Folder(folder), _scores(Folder(folder)), half=half)
    Console(stderr=True).print(f"Wrote {path}.", markup=False, highlight=False, soft_wrap=True)


@app.command()
def train(
    folders: Annotated[list[Path], typer.Argument(help="Folders of scored runs.", metavar="DIR...")],
    out: Annotated[Path, typer.Option(help="The file to write; NLQ_SCORER=FILE makes nlq choose by it.")],
    half: Half = None,
) -> None:
    """Train the scorer on the candidates of scored runs. Train on one half of the sets and report on the other."""
    from nlq.evaluation.training import train_on, write_scorer

    trained = train_on(folders, half=half)
    write_scorer(out, trained)
    Console().print_json(data=trained["report"])


@app.command()
def compare(
    before: Annotated[Path, typer.Argument(help="A run's folder.", metavar="DIR1")],
    after: Annotated[Path, typer.Argument(help="Another one's.", metavar="DIR2")],
    select: Select = "vote",
    half: Half = None,
) -> None:
    """Print, as Markdown, two scored runs on the cases they share: what was won, what was lost, and how likely that is
    by chance."""
    from nlq.evaluation.compare import compare as compared
    from nlq.evaluation.compare import comparison
    from nlq.evaluation.run import Folder

    _check_rule(select)
    found = compared(_scores(Folder(before)), _scores(Folder(after)), select=select, half=half)
    sys.stdout.write("\n".join(comparison(found)) + "\n")


def _scores(folder: Folder) -> Scores:
    from nlq.evaluation.scores import read_scores

    return read_scores(folder.scores)


def _check_rule(select: str) -> None:
    if select not in RULES:
        raise InputError(f"There is no selection rule {select!r}: use one of {_RULES}.")


@contextmanager
def _progress(what: str, total: int | None) -> Iterator[Callable[[], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(what, total=total)
        yield lambda: progress.advance(task)


def _print(scores: Scores, *, wrong: bool) -> None:
    from nlq.evaluation.report import overview
    from nlq.evaluation.summary import summaries

    sys.stdout.write("\n".join(overview(summaries(scores), select=scores.select)))
    for case in scores.cases if wrong else ():
        if not case.chosen[scores.select].right:
            sys.stdout.write(f"{case.id}  {case.hits}/{case.n} right  {case.question}\n")
