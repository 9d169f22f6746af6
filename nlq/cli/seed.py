"""``nlq seed``."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from nlq.errors import InputError, StoreError
from nlq.seeding.ledger import Entry, Header, Ledger
from nlq.settings import load_settings

if TYPE_CHECKING:
    from nlq.seeding.backtranslate import BackTranslation
    from nlq.seeding.chat import Teacher
    from nlq.seeding.coverage import Plan
    from nlq.seeding.seeder import Seeder
    from nlq.seeding.teacher import Budget
    from nlq.translator import Translator

_LONGEST_NAME = 200
_POOL = 2000
"""Examples that shots are chosen among."""
_ENDED = {
    "budget": "The budget allows no further call; raise --budget to go on.",
    "time": "The time is over; the same command goes on.",
    "fruitless": "Of the last answers nothing was kept; see the reasons in the ledger.",
    "nothing": "Nothing more can be asked of this index.",
}


class TeacherSettings(BaseSettings):
    """NLQ_TEACHER_KEY, from the environment or ``.env`` as the other settings: no key stands in a command line."""

    model_config = SettingsConfigDict(env_prefix="NLQ_TEACHER_", env_file=".env", extra="ignore")

    key: SecretStr | None = None


def seed(
    index: Annotated[str, typer.Argument(help="The index, alias or pattern to make examples for.")],
    count: Annotated[int, typer.Option(help="Stop when so many examples are kept, earlier runs included.", min=1)] = 50,
    minutes: Annotated[float | None, typer.Option(help="Stop after this time.", min=0)] = None,
    teacher: Annotated[
        str | None, typer.Option(help="Base URL (ending in /v1) of a larger model. Without it the local model asks.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="The teacher's model.")] = None,
    budget: Annotated[float | None, typer.Option(help="Most that the teacher may cost, in all runs.", min=0)] = None,
    price_in: Annotated[float, typer.Option(help="Price of a million tokens sent to the teacher.", min=0)] = 0,
    price_out: Annotated[float, typer.Option(help="Price of a million tokens it writes.", min=0)] = 0,
    values: Annotated[bool, typer.Option("--values/--no-values", help="Send the teacher some real values.")] = True,
    n: Annotated[int, typer.Option("-n", help="Candidates when a question is asked again.", min=1, max=64)] = 6,
    random_seed: Annotated[int, typer.Option("--seed", help="Other numbers make other examples.", min=0)] = 0,
    keep_unconfirmed: Annotated[
        bool, typer.Option("--keep-unconfirmed", help="Without a teacher too, keep what is not confirmed, as such.")
    ] = False,
    store: Annotated[bool, typer.Option("--store/--no-store", help="Keep them in the examples database.")] = True,
    out: Annotated[Path | None, typer.Option(help="Write what was kept to this JSONL file too.")] = None,
    ledger: Annotated[Path | None, typer.Option(help="Where this run is written down; default: in NLQ_HOME.")] = None,
) -> None:
    """Make examples for INDEX: questions with queries that find something in it.

    Every query passes the schema, the policy and a dry run; every question is asked again and must lead back to the
    same result. With --teacher a larger model writes both, and what is not confirmed is kept as such; without it,
    queries are drawn and the local model puts them into words. What is unconfirmed is never shown to a model: hard
    questions with right queries are among it. Interrupt it at will: the same command goes on.
    """
    from nlq.bootstrap import open_translator
    from nlq.seeding.seeder import seeder_for
    from nlq.seeding.teacher import Budget, Lessons

    bounds = Budget(price_in, price_out, budget)
    _check(teacher, model, bounds)
    settings = load_settings()
    local = Path(settings.model).stem if settings.model.endswith(".gguf") else settings.model
    header = Header(index, "teacher" if teacher else "self", model or local)
    path = ledger or _default_ledger(settings.home, header)
    stop = _stopwatch(minutes)
    with ExitStack() as parts:
        asked = parts.enter_context(_opened(teacher, model)) if teacher and model else None
        kept = parts.enter_context(closing(Ledger.open(path, header)))
        translator = parts.enter_context(open_translator(settings))
        seeder = seeder_for(
            translator,
            index,
            kept,
            n=n,
            seed=random_seed,
            source=header.source,
            author=header.author,
            into=translator.examples if store else None,
            unconfirmed="unconfirmed" if asked or keep_unconfirmed else "dropped",
        )
        ended = parts.enter_context(_reported(seeder, bounds, count=count, out=out))
        if asked:
            lessons = Lessons(seeder, asked, bounds, random_seed, show_values=values, stop=stop)
            done = seeder.run(lessons, count=count)
            ended.append("" if done else _ENDED[lessons.ended or "nothing"])
        else:
            done = seeder.run(_drawn(seeder, translator, seed=random_seed, stop=stop), count=count)
            ended.append("" if done else _ENDED["time" if stop() else "nothing"])


def _check(teacher: str | None, model: str | None, budget: Budget) -> None:
    if model and (len(model) > _LONGEST_NAME or not model.isprintable()):
        raise InputError(f"--model takes the name of a model, at most {_LONGEST_NAME} characters.")
    if bool(teacher) != bool(model):
        raise InputError("--teacher and --model go together: give the URL and the name of the larger model.")
    if budget.most is not None and not (budget.price_in or budget.price_out):
        raise InputError("--budget needs --price-in and --price-out, the prices of a million tokens.")


def _default_ledger(home: Path, header: Header) -> Path:
    """One file for each index, source and model; the hash tells names apart that are written alike in a file's."""
    named = f"{header.index}-{header.source}-{header.author}"
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(named).name)[:80].strip("-.")
    return home / "seeding" / f"{plain}-{hashlib.blake2b(named.encode(), digest_size=4).hexdigest()}.jsonl"


def _stopwatch(minutes: float | None) -> Callable[[], bool]:
    end = None if minutes is None else time.monotonic() + 60 * minutes
    return lambda: end is not None and time.monotonic() >= end


def _opened(url: str, model: str) -> closing[Teacher]:
    from nlq.seeding.chat import Teacher

    key = TeacherSettings().key
    return closing(Teacher(url, model, key.get_secret_value() if key else None))


def _drawn(seeder: Seeder, translator: Translator, *, seed: int, stop: Callable[[], bool]) -> BackTranslation:
    from nlq.seeding.backtranslate import BackTranslation, Writer
    from nlq.seeding.draws import Draws
    from nlq.seeding.seeder import pages
    from nlq.types import State

    shown = [r.example for r in pages(translator.examples, most=_POOL) if r.state in (State.UNCHECKED, State.VERIFIED)]
    writer = Writer(translator.sampler, shown, translator.params)
    plan, sieve = seeder.plan, seeder.sieve
    return BackTranslation(
        seeder, lambda rng: Draws(plan.index, plan.facts, rng, sieve.answer), writer, seed=seed, stop=stop
    )


@contextmanager
def _reported(seeder: Seeder, budget: Budget, *, count: int, out: Path | None) -> Iterator[list[str]]:
    """Progress while the block runs; then, also after an error or Ctrl-C, the coverage, the yield and the way on. The
    block appends to what it is given why it ended."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    ended: list[str] = []
    try:
        with Progress(*columns, console=console) as progress:
            task = progress.add_task("kept", total=count, completed=len(seeder.ledger.kept()))

            def show(entry: Entry) -> None:
                progress.update(task, completed=len(seeder.ledger.kept()), description=_state(seeder.ledger, budget))
                mark = {"verified": "+", "unconfirmed": "?", "dropped": "-"}[entry.fate]
                progress.console.print(_plain(f"{mark} {entry.question or entry.reason}"), soft_wrap=True)

            seeder.on_entry = show
            yield ended
    finally:
        if out:
            _write(seeder, out)
        Console().print(coverage_table(seeder.plan), reasons_table(seeder.ledger.entries))
        console.print(_plain(f"{_state(seeder.ledger, budget)}; ledger: {seeder.ledger.path}"), soft_wrap=True)
        way = ended[0] if ended else "Interrupted: nothing is lost, the same command goes on."
        if way:
            console.print(_plain(way), soft_wrap=True)


def _state(ledger: Ledger, budget: Budget) -> str:
    fates = Counter(entry.fate for entry in ledger.entries)
    unsure = f", {fates['unconfirmed']} unconfirmed" if fates["unconfirmed"] else ""
    text = f"{fates['verified']} verified{unsure} of {len(ledger.entries)} tried"
    tokens = sum(c.tokens_in + c.tokens_out for c in ledger.calls)
    if not tokens:
        return text
    return f"{text}, {tokens:,} tokens" + (f", cost {budget.cost(ledger.calls):.4f}" if budget.price_out else "")


def _write(seeder: Seeder, out: Path) -> None:
    """What the ledger kept, in place of what the file held, never half of it."""
    from examples_db import jsonl

    records = [seeder.record(entry) for entry in seeder.ledger.kept()]
    part = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        with part.open("wb") as file:
            jsonl.write(records, file)
        part.replace(out)
    except OSError as exc:
        part.unlink(missing_ok=True)
        raise StoreError(f"{out} cannot be written ({exc.strerror}); the ledger has everything.") from exc


def coverage_table(plan: Plan) -> Table:
    """Clauses with the examples kept for each field that they make sense on."""
    table = Table("clause", "kept", "fields", "examples per field", title=f"Coverage of {plan.index.index}")
    fields: dict[str, list[str]] = {}
    for clause, name in plan.possible:
        fields.setdefault(clause, []).append(name)
    for clause, names in fields.items():
        kept = {name: plan.kept[(clause, name)] for name in names}
        covered = sum(bool(number) for number in kept.values())
        shown = ", ".join(f"{name} {number or '-'}" for name, number in sorted(kept.items(), key=lambda k: -k[1]))
        table.add_row(clause, str(sum(kept.values())), f"{covered}/{len(names)}", _plain(shown))
    return table


def reasons_table(entries: list[Entry]) -> Table:
    """Kinds of queries with what became of them."""
    fates = Counter((entry.kind, entry.fate) for entry in entries)
    table = Table("kind", "verified", "unconfirmed", "dropped", "yield", title="Kept and tried")
    for kind in sorted({entry.kind for entry in entries}):
        found = [fates[(kind, fate)] for fate in ("verified", "unconfirmed", "dropped")]
        table.add_row(kind, *map(str, found), f"{100 * found[0] / sum(found):.0f} %")
    return table


def _plain(text: str) -> Text:
    """Text from outside as it is: no markup, no terminal control characters."""
    return Text("".join(c if c.isprintable() else " " for c in text), overflow="fold")
