"""``nlq ask`` and ``nlq indexes``."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Annotated

import typer
from rich.console import Console

from nlq.cli.render import print_answer
from nlq.settings import load_settings
from nlq.translator import AskOptions, Event, clean_question
from nlq.types import Question
from nlq.vote import RULES, STOPS

_STAGES = {
    "schema": "looking for values of the question in the index",
    "values": "looking for similar examples",
    "examples": "sampling candidates",
    "candidate": "running candidates",
    "ballot": "counting votes",
}


def ask(
    index: Annotated[
        str,
        typer.Argument(
            help="An index, alias or data stream (`nlq indexes` lists them), a pattern in quotes ('logs-*'), or "
            "several of these with commas between."
        ),
    ],
    question: Annotated[
        str, typer.Argument(help='What you want to know, in quotes: "films by Tim Burton after 2000".')
    ],
    n: Annotated[int | None, typer.Option("-n", help="How many candidates to sample (1 to 64).", min=1, max=64)] = None,
    temperature: Annotated[float | None, typer.Option(help="0 is greedy: one candidate, no vote.")] = None,
    select: Annotated[
        str | None,
        typer.Option(
            help="How to choose. best: the likeliest right; vote: the result most candidates agree on; first: the "
            "first that finds something; also weighted, scored, mbr, text (default: NLQ_SELECT)."
        ),
    ] = None,
    stop: Annotated[
        str | None,
        typer.Option(help="When to stop sampling: beta, decided, window, unanimous or sure (default: NLQ_STOP)."),
    ] = None,
    revise: Annotated[
        bool | None,
        typer.Option("--revise/--no-revise", help="Let the model look again where two answers are close."),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed draws the same candidates.")] = 0,
    max_results: Annotated[int | None, typer.Option(help="Most documents or groups to return.", min=1)] = None,
    time_budget: Annotated[float | None, typer.Option(help="Stop sampling after about so many seconds.")] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show every candidate with its verdict.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the answer as JSON, as the HTTP service does.")
    ] = False,
) -> None:
    """Ask INDEX a QUESTION: sample queries, run them, print the result that is likeliest right."""
    from nlq.bootstrap import open_engine, open_translator

    options = AskOptions(
        n=n,
        temperature=temperature,
        select=_known(select, RULES, option="--select"),
        stop=_known(stop, STOPS, option="--stop"),
        revise=revise,
        seed=seed,
        max_results=max_results,
        time_budget=time_budget,
    )
    settings = load_settings()
    clean_question(question, most=settings.max_question_chars)
    with open_engine(settings) as engine:
        engine.mapping(index)  # a wrong name is told before the model is loaded
    console = Console(stderr=True)
    with open_translator(settings, console=console) as translator, console.status("reading the index") as status:

        def show(event: Event) -> None:
            status.update(_STAGES.get(event.name, event.name))

        answer = translator.translate(Question(question, index), options, on_event=show)
    if as_json:
        from api.schemas import answer_out

        sys.stdout.write(
            json.dumps(answer_out(answer, explain=explain, unsure_below=settings.unsure_below), indent=1) + "\n"
        )
    else:
        print_answer(answer, explain=explain, unsure_below=settings.unsure_below)


def _known(name: str | None, names: Mapping[str, object], *, option: str) -> str | None:
    if name is not None and name not in names:
        raise typer.BadParameter(f"choose {', '.join(names)}", param_hint=option)
    return name


def indexes(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the indices that can be asked."""
    from rich.table import Table

    from nlq.bootstrap import open_engine

    with open_engine(load_settings()) as engine:
        found = engine.indexes()
    if as_json:
        rows = [{"name": i.name, "documents": i.documents, "about": i.about} for i in found]
        sys.stdout.write(json.dumps(rows, ensure_ascii=False) + "\n")
        return
    if not found:
        Console(stderr=True).print("No indices yet: `nlq demo load` loads three to try.")
        return
    table = Table("index", "documents", "about")
    for info in found:
        table.add_row(info.name, f"{info.documents:,}", info.about)
    Console().print(table)
