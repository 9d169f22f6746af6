"""The SQLite file below the store: opening it safely, its tables, and its errors in our words."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nlq.errors import StoreError

BUSY_SECONDS = 30.0

_APPLICATION_ID = 0x6E6C7131  # "nlq1": tells our files from other programs' databases
_SCHEMA_VERSION = 1
_TABLES = (
    """
    CREATE TABLE example (
        id       INTEGER PRIMARY KEY,
        question TEXT NOT NULL,
        query    TEXT NOT NULL,  -- minified JSON in the order it was given
        "index"  TEXT NOT NULL,
        fields   TEXT NOT NULL,  -- JSON array of "name:kind"
        source   TEXT NOT NULL,
        created  TEXT NOT NULL,  -- UTC, ISO 8601
        embedder TEXT,           -- who made the vector, of which text; all three are a cache and may be NULL
        hash     TEXT,
        vector   BLOB,           -- float32
        UNIQUE (question, "index", query)
    ) STRICT
    """,
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
    f"PRAGMA application_id = {_APPLICATION_ID}",
    f"PRAGMA user_version = {_SCHEMA_VERSION}",
)


def open_database(path: Path) -> sqlite3.Connection:
    """A connection for several threads (one at a time), in autocommit; makes file and tables where there are none.

    Raises StoreError where the file is damaged, not ours, or cannot be opened.
    """
    with translated(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            with _alone_in(path.parent):
                _prepare(connection, path)
        except BaseException:
            connection.close()
            raise
        return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Everything in the block or nothing; waits for other writers first."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """SQLite's errors as StoreError with the fix."""
    try:
        yield
    except sqlite3.ProgrammingError as exc:
        raise StoreError(f"The example store {path} is closed: open it again.") from exc
    except sqlite3.OperationalError as exc:
        if getattr(exc, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            raise StoreError(f"Another process keeps writing to {path}: try again when it is done.") from exc
        raise StoreError(
            f"The examples in {path} cannot be read or written ({exc}): check the folder's rights and free space, "
            "or set NLQ_EXAMPLES_DB to another file."
        ) from exc
    except sqlite3.DatabaseError as exc:
        raise _damaged(path) from exc
    except OSError as exc:
        raise StoreError(
            f"The folder {path.parent} for the examples cannot be made ({exc.strerror}): "
            "set NLQ_HOME or NLQ_EXAMPLES_DB to a place you can write to."
        ) from exc


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """One process at a time: SQLite does not wait for others where a file changes to WAL mode."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    _check_owner(connection, path)  # before anything is written
    if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
        raise _damaged(path)
    if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")  # what was committed survives a power cut too
    with transaction(connection):
        if not _check_owner(connection, path):
            for statement in _TABLES:
                connection.execute(statement)


def _check_owner(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether our tables are there; raises StoreError where the file is another program's or a newer version's."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if not tables:
        return False
    if application != _APPLICATION_ID:
        raise StoreError(f"{path} is a database of another program: set NLQ_EXAMPLES_DB to another file.")
    if version > _SCHEMA_VERSION:
        raise StoreError(f"{path} was written by a newer nlq: update nlq or set NLQ_EXAMPLES_DB to another file.")
    return True


def _damaged(path: Path) -> StoreError:
    return StoreError(
        f"The examples in {path} are damaged or no SQLite file: move the file away (nlq then starts a new one with its "
        "own examples) and bring yours back with `nlq examples import FILE`."
    )
