"""Writes cli.md from the commands themselves.

python docs/make_cli.py
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from nlq.cli.root import build_app

PAGE = Path(__file__).with_name("cli.md")
HEAD = """\
# Command line

Every command takes `--help`. It ends with 0, with 1 where something that nlq depends on failed, with 2 where the call
was wrong, and 130 after Ctrl-C. What a command leaves open, the [settings](settings.md) say. This page is made by
`python docs/make_cli.py`.
"""


def page() -> str:
    return "\n".join([HEAD, *_sections(typer.main.get_command(build_app()), ["nlq"])])


def _sections(command: Any, path: list[str]) -> Iterator[str]:
    below = getattr(command, "commands", {})
    options = [each for each in command.params if each.name != "help"]
    if len(path) > 1 and (options or not below):
        arguments = [_called(each) for each in options if each.param_type_name == "argument"]
        yield f"## {' '.join([*path, *arguments])}\n\n{_plain(command.help)}\n"
        rows = [f"| {_names(each)} | {_plain(each.help)} |" for each in options]
        if rows:
            yield "\n".join(["| | |", "|---|---|", *rows, ""])
    for name, each in below.items():
        yield from _sections(each, [*path, name])


def _called(argument: Any) -> str:
    name = argument.name.upper() + ("…" if argument.nargs != 1 else "")
    return name if argument.required else f"[{name}]"


def _names(option: Any) -> str:
    named = option.opts + option.secondary_opts if option.param_type_name == "option" else [_called(option)]
    default = option.default
    shown = default not in (None, False, True, "", ()) and not callable(default)
    return ", ".join(f"`{name}`" for name in named) + (f" ({default})" if shown else "")


def _plain(text: str | None) -> str:
    return re.sub(r"\s+", " ", text or "").strip().replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
