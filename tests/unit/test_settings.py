"""What the environment may say of sampling."""

from __future__ import annotations

import pytest

from nlq.defaults import defaults
from nlq.errors import ConfigError
from nlq.options import Limits
from nlq.plan import Diversity
from nlq.rounds import Rounds
from nlq.second_look import SecondLook
from nlq.settings import load_settings
from nlq.types import SamplingParams


def test_without_settings_edits_are_tried_half_is_shotless_and_the_scorer_chooses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir("/")

    assert defaults(load_settings()) == {
        "params": SamplingParams(n=8),
        "limits": Limits(neighbours=4),
        "rounds": Rounds(),
        "diversity": Diversity(shotless_share=0.5),
        "second_look": SecondLook(),
        "select": "best",
    }


def test_lists_are_written_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NLQ_TEMPERATURES", "0.3, 0.8,1.1")
    monkeypatch.setenv("NLQ_ENSEMBLE", "org/big:q4.gguf:0.75, small:0.25")
    settings = load_settings()

    assert settings.temperatures == (0.3, 0.8, 1.1)
    assert settings.ensemble == (("org/big:q4.gguf", 0.75), ("small", 0.25))


WRONG = [
    ("temperatures", "hot", "0.3,0.8,1.1"),
    ("temperatures", "0", "above 0"),
    ("temperatures", "0.5,9", "from 0 to 5"),
    ("ensemble", "a:0.5,b", "a:0.75,b:0.25"),
    ("ensemble", "a:0", "above 0"),
    ("ensemble", ":1", "each model"),
    ("select", "luck", "choose one of vote, first"),
    ("stop", "luck", "choose one of decided, beta"),
]


@pytest.mark.parametrize(("name", "value", "fix"), WRONG)
def test_a_wrong_setting_is_named_with_what_it_may_be(
    name: str, value: str, fix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"NLQ_{name.upper()}", value)
    with pytest.raises(ConfigError, match=f"NLQ_{name.upper()}: .*{fix}"):
        load_settings()
