"""The SQLite file below the store: opening it safely, reading and writing it, and its errors in our words."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from examples_db import schema
from examples_db.retrieve import left_out
from nlq.errors import StoreError

BUSY_SECONDS = 30.0

_CACHE_KIB = 32 * 1024
_CHECKED_BYTES = 64 * 2**20
"""Larger files are not read through when they are opened: that would take seconds each time."""


class Database:
    """One connection for several threads, one at a time."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.path = path
        self._connection = connection
        self._using = threading.RLock()

    @classmethod
    def open(cls, path: Path) -> Self:
        """Makes file and tables where there are none, and brings those of older versions up to date.

        Raises StoreError where the file is damaged, not ours, of a newer version, or cannot be opened.
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
            connection.create_function("folded", 1, str.casefold, deterministic=True)
            connection.create_function("left_out", 2, left_out, deterministic=True)
            return cls(connection, path)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Each statement sees what was committed before it."""
        with self._using, translated(self.path):
            yield self._connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Everything in the block is committed or nothing; waits for other writers first."""
        with self.reading() as connection, _transaction(connection):
            yield connection

    @contextmanager
    def counting(self) -> Iterator[sqlite3.Connection]:
        """As ``writing``, without waiting for the disk: a power cut may undo it."""
        with self.reading() as connection:
            connection.execute("PRAGMA synchronous = NORMAL")
            try:
                with _transaction(connection):
                    yield connection
            finally:
                connection.execute("PRAGMA synchronous = FULL")

    def close(self) -> None:
        with self._using:
            self._connection.close()


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
            f"The folder {path.parent} for the examples cannot be used ({exc.strerror}): "
            "set NLQ_HOME or NLQ_EXAMPLES_DB to a place you can write to."
        ) from exc


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


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
    _version(connection, path)  # before anything is written
    if path.stat().st_size <= _CHECKED_BYTES and connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
        raise _damaged(path)
    if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")  # what was committed survives a power cut too
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    with _transaction(connection):
        schema.update(connection, _version(connection, path))


def _version(connection: sqlite3.Connection, path: Path) -> int:
    """0 where there are no tables; raises StoreError where the file is another program's or a newer version's."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if not tables:
        return 0
    if application != schema.APPLICATION_ID:
        raise StoreError(f"{path} is a database of another program: set NLQ_EXAMPLES_DB to another file.")
    if version > schema.VERSION:
        raise StoreError(f"{path} was written by a newer nlq: update nlq or set NLQ_EXAMPLES_DB to another file.")
    return int(version)


def _damaged(path: Path) -> StoreError:
    return StoreError(
        f"The examples in {path} are damaged or no SQLite file: move the file away (nlq then starts a new one with its "
        "own examples) and bring yours back with `nlq examples import FILE`."
    )
