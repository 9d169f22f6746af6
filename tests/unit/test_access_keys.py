"""Keys: made, shown once, found again, revoked, expired; and the command that does so."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nlq.access.callers import Action, CredentialsError, Grant
from nlq.access.keys import PREFIX, KeyStore
from nlq.cli.root import build_app
from nlq.errors import InputError, StoreError

GRANT = Grant(("logs-*", "movies"), frozenset({Action.ASK, Action.EXAMPLES_READ}))
BEGIN = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = BEGIN

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(tmp_path: Path, clock: Clock) -> KeyStore:
    return KeyStore(tmp_path / "home" / "keys.db", now=clock)


def test_whoever_has_a_key_is_known_by_it(keys: KeyStore) -> None:
    secret, key = keys.add("team", GRANT, rate=60)
    caller = keys.caller(secret)

    assert secret.startswith(PREFIX)
    assert len(secret) == len(PREFIX) + 43  # 256 bits
    assert (caller.id, caller.name, caller.grants, caller.rate) == (f"key:{key.id}", "team", (GRANT,), 60)


def test_of_a_key_the_file_holds_only_the_hash_and_nobody_else_reads_it(keys: KeyStore, tmp_path: Path) -> None:
    secret, _ = keys.add("team", GRANT)
    path = tmp_path / "home" / "keys.db"

    assert secret.removeprefix(PREFIX).encode() not in path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_no_key_is_known_before_there_is_one_and_looking_makes_no_file(keys: KeyStore, tmp_path: Path) -> None:
    with pytest.raises(CredentialsError, match="not known"):
        keys.caller("nlq_x")

    assert keys.all() == []
    assert not (tmp_path / "home").exists()


def test_another_key_is_not_known_and_not_repeated(keys: KeyStore) -> None:
    secret, _ = keys.add("team", GRANT)

    with pytest.raises(CredentialsError) as caught:
        keys.caller(secret + "x")
    assert secret not in str(caught.value)


def test_a_revoked_key_is_useless_and_the_new_one_goes_on(keys: KeyStore, clock: Clock) -> None:
    old, key = keys.add("team", GRANT)
    new, _ = keys.add("team", GRANT)
    revoked = keys.revoke(key.id)
    clock.now += timedelta(days=1)

    with pytest.raises(CredentialsError, match="revoked"):
        keys.caller(old)
    assert keys.caller(new).name == "team"
    assert keys.revoke(key.id).revoked == revoked.revoked == BEGIN


def test_a_key_is_useless_from_the_moment_it_expires(keys: KeyStore, clock: Clock) -> None:
    secret, _ = keys.add("team", GRANT, lifetime=timedelta(days=7))
    clock.now += timedelta(days=7) - timedelta(seconds=1)
    keys.caller(secret)
    clock.now += timedelta(seconds=1)

    with pytest.raises(CredentialsError, match="expired"):
        keys.caller(secret)


def test_the_day_of_the_last_use_is_kept(keys: KeyStore, clock: Clock) -> None:
    secret, _ = keys.add("team", GRANT)
    keys.add("other", GRANT)
    clock.now += timedelta(days=2)
    keys.caller(secret)

    assert [key.used and key.used.date().isoformat() for key in keys.all()] == ["2026-03-03", None]


def test_a_key_that_is_not_there_cannot_be_revoked(keys: KeyStore) -> None:
    with pytest.raises(InputError, match="nlq keys list"):
        keys.revoke("00000000")


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 101])
def test_a_key_has_a_name_that_fits_a_line(keys: KeyStore, name: str) -> None:
    with pytest.raises(InputError, match="needs a name"):
        keys.add(name, GRANT)


def test_a_file_that_holds_no_keys_is_a_store_error(keys: KeyStore, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "keys.db").write_text("not a database, but long enough to be looked at " * 30)

    with pytest.raises(StoreError, match="cannot be used"):
        keys.caller("nlq_x")


def test_the_file_of_a_newer_nlq_is_left_alone(keys: KeyStore, tmp_path: Path) -> None:
    keys.add("team", GRANT)
    with closing(sqlite3.connect(tmp_path / "home" / "keys.db")) as db:
        db.execute("PRAGMA user_version = 9")

    with pytest.raises(StoreError, match="newer nlq"):
        keys.all()


def test_a_file_left_empty_by_a_crash_is_filled_by_the_next_key(keys: KeyStore, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "keys.db").touch()

    assert keys.all() == []
    assert keys.caller(keys.add("team", GRANT)[0]).name == "team"


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NLQ_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    return CliRunner()


def test_the_command_prints_the_key_alone_and_lists_it_without(command: CliRunner, tmp_path: Path) -> None:
    added = command.invoke(build_app(), ["keys", "add", "team", "--index", "logs-*", "--days", "30"])
    secret = added.stdout.strip()
    listed = command.invoke(build_app(), ["keys", "list"]).stdout
    caller = KeyStore(tmp_path / "keys.db").caller(secret)

    assert caller.grants == (Grant(("logs-*",), frozenset({Action.ASK, Action.QUERY})),)
    assert secret not in added.stderr + listed
    assert "team" in listed
    assert "active" in listed


def test_the_command_revokes_by_id(command: CliRunner, tmp_path: Path) -> None:
    _, key = KeyStore(tmp_path / "keys.db").add("team", GRANT)
    command.invoke(build_app(), ["keys", "revoke", key.id])

    assert [k.state(datetime.now(UTC)) for k in KeyStore(tmp_path / "keys.db").all()] == ["revoked"]
