"""What the settings open: who gets in, and a service that does not start where anybody would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from examples_db.seeding import SEEDS, read_seeds
from nlq.access.callers import ANYONE, Action, CredentialsError, Grant
from nlq.access.keys import KeyStore
from nlq.bootstrap import open_door
from nlq.cli.root import build_app
from nlq.errors import ConfigError
from nlq.settings import Settings
from nlq.types import Example

PROVIDER = {"oidc_issuer": "https://idp.example", "oidc_audience": "nlq"}


def settings(home: Path, **changes: Any) -> Settings:
    return Settings(_env_file=None, home=home, **changes)


def test_on_a_laptop_everybody_gets_in(tmp_path: Path) -> None:
    assert open_door(settings(tmp_path)).caller(None) is ANYONE


def test_where_there_is_a_key_nobody_gets_in_without(tmp_path: Path) -> None:
    secret, _ = KeyStore(tmp_path / "keys.db").add("team", Grant(("*",), frozenset({Action.ASK})))
    door = open_door(settings(tmp_path))

    assert door.caller(secret).name == "team"
    with pytest.raises(CredentialsError, match="Send a key"):
        door.caller(None)
    with pytest.raises(CredentialsError, match="start with nlq_"):
        door.caller("eyJhbGciOiJub25lIn0.e30.")


def test_serve_says_what_to_do_where_others_would_get_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NLQ_HOME", str(tmp_path))
    ended = CliRunner().invoke(build_app(), ["serve", "--host", "0.0.0.0"])

    assert isinstance(ended.exception, ConfigError)
    assert "others reach 0.0.0.0" in str(ended.exception)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"oidc_audience": ""}, "NLQ_OIDC_AUDIENCE"),
        ({"oidc_issuer": "http://idp.example"}, "https://"),
        ({"oidc_grants": {"a": {"indexes": ["x"], "actions": ["al"]}}}, "NLQ_OIDC_GRANTS: 'al' is no action"),
        ({"oidc_grants": {"a": {"actions": ["ask"]}}}, "NLQ_OIDC_GRANTS: Name the indices"),
    ],
)
def test_a_provider_that_cannot_be_used_is_told_at_the_start(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        open_door(settings(tmp_path, **{**PROVIDER, **changes}))


def test_with_a_provider_tokens_and_keys_are_asked_for(tmp_path: Path) -> None:
    door = open_door(settings(tmp_path, host="0.0.0.0", **PROVIDER))

    with pytest.raises(CredentialsError, match="token is not valid"):
        door.caller("x.y.z")
    with pytest.raises(CredentialsError, match="key is not known"):
        door.caller("nlq_x")


def test_examples_that_come_with_nlq_are_told_from_all_others(tmp_path: Path) -> None:
    shipped = open_door(settings(tmp_path)).shipped
    seed = read_seeds(SEEDS)[0]

    assert shipped(seed)
    assert not shipped(Example("who earns most?", seed.query, seed.index, source=seed.source))
