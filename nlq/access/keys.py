"""API keys in a SQLite file. Of a key only its SHA-256 is kept: it is 256 random bits, which nothing can guess."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from nlq.access.callers import Action, Caller, CredentialsError, Grant
from nlq.errors import InputError, StoreError

PREFIX = "nlq_"
"""By which scanners find keys that were published by mistake."""

_VERSION = 1
_WAIT_SECONDS = 2.0
_TABLE = """
CREATE TABLE keys (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, hash TEXT NOT NULL UNIQUE, indexes TEXT NOT NULL, actions TEXT NOT NULL,
    rate INTEGER, created TEXT NOT NULL, expires TEXT, revoked TEXT, used TEXT
) STRICT
"""
_COLUMNS = "id, name, indexes, actions, rate, created, expires, revoked, used"


@dataclass(frozen=True, slots=True)
class Key:
    """What is kept of a key. Times are UTC; ``used`` is the day on which it was last used, None never."""

    id: str
    name: str
    grant: Grant
    rate: int | None
    created: datetime
    expires: datetime | None
    revoked: datetime | None
    used: datetime | None

    def state(self, now: datetime) -> str:
        """ "active", "expired" or "revoked"."""
        if self.revoked is not None:
            return "revoked"
        return "expired" if self.expires is not None and self.expires <= now else "active"


class KeyStore:
    """The keys of the file at ``path``, which is made with the first one and read at every call: what another process
    changes holds at once. Every method raises StoreError where the file cannot be used.
    """

    def __init__(self, path: Path, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._path = path
        self._now = now

    def add(
        self, name: str, grant: Grant, *, lifetime: timedelta | None = None, rate: int | None = None
    ) -> tuple[str, Key]:
        """The new key in plain text, which is nowhere else, and what is kept of it."""
        if not name.strip() or len(name) > 100 or not name.isprintable():
            raise InputError("A key needs a name of at most 100 printable characters: say who will use it.")
        now = self._now()
        secret = f"{PREFIX}{secrets.token_urlsafe(32)}"
        key = Key(
            id=secrets.token_hex(4),
            name=name.strip(),
            grant=grant,
            rate=rate,
            created=now,
            expires=now + lifetime if lifetime else None,
            revoked=None,
            used=None,
        )
        with self._written() as db:
            db.execute(
                "INSERT INTO keys (id, name, hash, indexes, actions, rate, created, expires) VALUES (?,?,?,?,?,?,?,?)",
                (
                    key.id,
                    key.name,
                    _hashed(secret),
                    json.dumps(grant.indexes),
                    json.dumps(sorted(grant.actions)),
                    rate,
                    _text(now),
                    _text(key.expires) if key.expires else None,
                ),
            )
        return secret, key

    def all(self) -> list[Key]:
        """Every key that was ever added, in that order."""
        return self._found("ORDER BY rowid")

    def revoke(self, key_id: str) -> Key:
        """Make the key useless; one that is stays as it is. Raises InputError where there is none of that id."""
        if self._path.exists():
            with self._written() as db:
                db.execute("UPDATE keys SET revoked = coalesce(revoked, ?) WHERE id = ?", (_text(self._now()), key_id))
        if not (found := self._found("WHERE id = ?", key_id)):
            raise InputError(f"There is no key {key_id[:60]!r}: `nlq keys list` shows their ids.")
        return found[0]

    def caller(self, secret: str) -> Caller:
        """Who has the key; raises CredentialsError where it is unknown, expired or revoked."""
        if not (found := self._found("WHERE hash = ?", _hashed(secret))):
            raise CredentialsError("This key is not known: ask for another one.")
        key, now = found[0], self._now()
        if (state := key.state(now)) != "active":
            raise CredentialsError(f"This key is {state}: ask for another one.")
        if key.used is None or key.used.date() != now.date():
            with suppress(StoreError):  # the day is a help for who keeps the keys: it spoils no request
                self._note_use(key.id, now)
        return Caller(f"key:{key.id}", key.name, (key.grant,), key.rate)

    def _note_use(self, key_id: str, now: datetime) -> None:
        day = now.replace(hour=0, minute=0, second=0, microsecond=0)
        with self._written() as db:
            db.execute("UPDATE keys SET used = ? WHERE id = ?", (_text(day), key_id))

    def _found(self, which: str, *parameters: str) -> list[Key]:
        if not self._path.exists():
            return []
        with self._opened("ro") as (db, version):
            rows = db.execute(f"SELECT {_COLUMNS} FROM keys {which}", parameters) if version else ()
            return [_key(row) for row in rows]

    @contextmanager
    def _written(self) -> Iterator[sqlite3.Connection]:
        """One transaction on the file, which is made where it is missing."""
        self._make()
        with self._opened("rw") as (db, _), db:
            db.execute("BEGIN IMMEDIATE")
            if _version(db) == 0:
                db.execute(_TABLE)
                db.execute(f"PRAGMA user_version = {_VERSION}")
            yield db

    def _make(self) -> None:
        """An empty file that only its owner can read."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError as exc:
            raise StoreError(f"The keys at {self._path} cannot be written ({exc.strerror}).") from exc

    @contextmanager
    def _opened(self, mode: str) -> Iterator[tuple[sqlite3.Connection, int]]:
        """A connection, and the version of what the file holds (0: nothing yet)."""
        try:
            uri = f"file:{quote(str(self._path.absolute()))}?mode={mode}"
            with closing(sqlite3.connect(uri, uri=True, timeout=_WAIT_SECONDS)) as db:
                if (version := _version(db)) > _VERSION:
                    raise StoreError(f"The keys at {self._path} are of a newer nlq: update this one.")
                yield db, version
        except sqlite3.Error as exc:
            raise StoreError(f"The keys at {self._path} cannot be used ({exc}).") from exc


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _key(row: tuple[str, ...]) -> Key:
    id_, name, indexes, actions, rate, created, expires, revoked, used = row
    return Key(
        id=id_,
        name=name,
        grant=Grant(tuple(json.loads(indexes)), frozenset(Action(a) for a in json.loads(actions))),
        rate=None if rate is None else int(rate),
        created=datetime.fromisoformat(created),
        expires=_moment(expires),
        revoked=_moment(revoked),
        used=_moment(used),
    )
