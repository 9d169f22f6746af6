"""The tables of the store, and how those of older versions become them.

``example`` is the truth. ``vector`` and ``placed`` are a cache that is made again from it: a ``maker`` is an embedder
with the way patterns are made for it; it has one ``vector`` for each different pattern, and ``placed`` says which
example has which. Neither vectors nor their ids ever change or come back, so an index over them is never wrong about a
neighbour: at most it lacks new ones or knows some that are gone.

Each change of an example takes the next number of ``meta.revision``; a maker has placed all changes up to its ``done``.
Counters and states are no changes.
"""

from __future__ import annotations

import hashlib
import sqlite3

APPLICATION_ID = 0x6E6C7131  # "nlq1": tells our files from other programs' databases
VERSION = 2

RECIPE = "values"
"""How patterns are made: with masked values; ``FIELDS_RECIPE`` masks names of fields too. Another way of making them
needs another name here."""
FIELDS_RECIPE = "values+fields"

_TABLES = (
    """
    CREATE TABLE example (
        id       INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given twice
        content  BLOB NOT NULL UNIQUE,               -- digest of question, index and query
        change   INTEGER NOT NULL UNIQUE,            -- the revision that wrote question, query, index, fields, tags
        question TEXT NOT NULL,
        query    TEXT NOT NULL,                      -- minified JSON in the order it was given
        "index"  TEXT NOT NULL,
        fields   TEXT NOT NULL,                      -- JSON array of "name:kind"
        source   TEXT NOT NULL,
        tags     TEXT NOT NULL DEFAULT '[]',         -- JSON array
        author   TEXT NOT NULL DEFAULT '',
        state    TEXT NOT NULL DEFAULT 'unchecked',
        engine   TEXT NOT NULL DEFAULT '',
        checked  TEXT NOT NULL DEFAULT '',
        reason   TEXT NOT NULL DEFAULT '',
        created  TEXT NOT NULL,                      -- these times: UTC, ISO 8601
        updated  TEXT NOT NULL,
        uses     INTEGER NOT NULL DEFAULT 0,
        wins     INTEGER NOT NULL DEFAULT 0
    ) STRICT
    """,
    'CREATE INDEX example_by_index ON example ("index")',
    "CREATE INDEX example_by_source ON example (source)",
    "CREATE INDEX example_by_state ON example (state)",
    """
    CREATE TABLE maker (
        id        INTEGER PRIMARY KEY AUTOINCREMENT,
        embedder  TEXT NOT NULL,
        dimension INTEGER NOT NULL,
        recipe    TEXT NOT NULL,
        done      INTEGER NOT NULL DEFAULT 0,
        opened    INTEGER NOT NULL DEFAULT 0,        -- larger where it was opened later
        file      TEXT NOT NULL DEFAULT '',          -- SHA-256 of the file of its index, '' where there is none
        UNIQUE (embedder, dimension, recipe)
    ) STRICT
    """,
    """
    CREATE TABLE vector (
        id    INTEGER PRIMARY KEY AUTOINCREMENT,
        maker INTEGER NOT NULL,
        hash  BLOB NOT NULL,                         -- SHA-256 of the pattern
        data  BLOB NOT NULL,                         -- float32
        UNIQUE (maker, hash)
    ) STRICT
    """,
    "CREATE INDEX vector_by_maker ON vector (maker, id)",
    """
    CREATE TABLE placed (
        example INTEGER NOT NULL,
        maker   INTEGER NOT NULL,
        vector  INTEGER NOT NULL,
        shape   BLOB NOT NULL,                       -- digest: equal where the example teaches the same
        PRIMARY KEY (example, maker)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX placed_by_vector ON placed (vector, example)",
    """
    CREATE TRIGGER placed_gone AFTER DELETE ON placed BEGIN
        DELETE FROM vector WHERE id = OLD.vector AND NOT EXISTS (SELECT 1 FROM placed WHERE vector = OLD.vector);
    END
    """,
    "CREATE TABLE declined (content BLOB PRIMARY KEY) STRICT",  # what a user took out of nlq's own examples
)
_META = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
    "INSERT INTO meta VALUES ('revision', '0')",
)


def update(connection: sqlite3.Connection, version: int) -> None:
    """Bring a file of that version (0: an empty one) to ``VERSION``, inside a transaction of the caller."""
    if version == VERSION:
        return
    statements = (*_META, *_TABLES) if version == 0 else ("ALTER TABLE example RENAME TO example_1", *_TABLES)
    for statement in statements:
        connection.execute(statement)
    if version == 1:
        _move_from_1(connection)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {VERSION}")


def content_of(question: str, index: str, query: str) -> bytes:
    """What makes an example the same as another: a digest of its three parts."""
    return hashlib.sha256("\0".join((question, index, query)).encode()).digest()[:16]


def _move_from_1(connection: sqlite3.Connection) -> None:
    connection.create_function("content_of", 3, content_of, deterministic=True)
    connection.create_function("bytes_of", 1, bytes.fromhex, deterministic=True)
    connection.execute(
        """
        INSERT INTO example (id, content, change, question, query, "index", fields, source, created, updated)
        SELECT id, content_of(question, "index", query), row_number() OVER (ORDER BY id), question, query, "index",
               fields, source, created, created
        FROM example_1 ORDER BY id
        """
    )
    connection.execute("INSERT INTO meta SELECT 'revision', CAST(count(*) AS TEXT) FROM example")
    whole = "embedder IS NOT NULL AND vector IS NOT NULL AND length(hash) = 64 AND hash NOT GLOB '*[^0-9a-f]*'"
    connection.execute(
        f"""
        INSERT OR IGNORE INTO maker (embedder, dimension, recipe)
        SELECT DISTINCT embedder, length(vector) / 4, ? FROM example_1 WHERE {whole}
        """,
        (RECIPE,),
    )
    connection.execute(
        f"""
        INSERT OR IGNORE INTO vector (maker, hash, data)
        SELECT maker.id, bytes_of(hash), vector FROM example_1
        JOIN maker ON maker.embedder = example_1.embedder AND maker.dimension * 4 = length(vector)
        WHERE example_1.{whole} ORDER BY example_1.id
        """
    )
    connection.execute("DROP TABLE example_1")
