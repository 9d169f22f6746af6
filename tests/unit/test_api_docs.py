"""The pages for users name everything they can set, send and get."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from api.requests import Ask, Refine, RunIn
from api.schemas import AlternativeOut, CandidateOut, ExplainedAnswerOut, RanOut
from nlq.settings import Settings

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def test_every_setting_is_on_its_page_and_nothing_else_is() -> None:
    rows = re.findall(r"^\| (`.*)$", (DOCS / "settings.md").read_text("utf-8"), re.MULTILINE)
    named = re.findall(r"`NLQ_([A-Z_]+)`", "\n".join(rows))

    assert sorted(set(named)) == sorted(name.upper() for name in Settings.model_fields)


def test_the_page_of_the_command_line_is_what_the_commands_say() -> None:
    made = runpy.run_path(str(DOCS / "make_cli.py"))["page"]()

    assert (DOCS / "cli.md").read_text("utf-8") == made, "run python docs/make_cli.py"


@pytest.mark.parametrize(
    "names",
    [
        Ask.model_fields,
        Refine.model_fields,
        RunIn.model_fields,
        ExplainedAnswerOut.__annotations__,
        AlternativeOut.__annotations__,
        CandidateOut.__annotations__,
        RanOut.__annotations__,
    ],
    ids=["question", "follow-up", "query", "answer", "alternative", "candidate", "run"],
)
def test_every_name_that_is_sent_is_on_the_page_of_the_api(names: dict[str, object]) -> None:
    words = set(re.findall(r"\w+", (DOCS / "api.md").read_text("utf-8")))

    assert set(names) - words == set()


@pytest.mark.parametrize("page", ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs/api.md"])
def test_every_link_to_a_file_leads_to_one(page: str) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", (ROOT / page).read_text("utf-8"))

    assert [link for link in links if not ((ROOT / page).parent / link).exists()] == []


@pytest.mark.parametrize(
    "path", re.findall(r"`((?:nlq|tests|docs|api)/[\w/.]+)`", (ROOT / "CONTRIBUTING.md").read_text("utf-8"))
)
def test_every_path_that_contributors_are_sent_to_exists(path: str) -> None:
    assert (ROOT / path).exists()
