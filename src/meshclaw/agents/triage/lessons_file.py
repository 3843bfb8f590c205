"""The SQLite file under the lessons: its tables, and the checks before it is trusted."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from meshclaw import sqlite
from meshclaw.errors import Damaged

_FIX = "Restore a copy of the file, or delete it: triage then starts again from its rules and learns anew."

_SCHEMA = """
CREATE TABLE salt (value BLOB NOT NULL);
INSERT INTO salt VALUES (randomblob(16));
CREATE TABLE tokens (
    hash INTEGER PRIMARY KEY,
    wanted INTEGER NOT NULL DEFAULT 0,
    junk INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE learned (
    step INTEGER PRIMARY KEY AUTOINCREMENT,
    digest TEXT NOT NULL UNIQUE,
    category TEXT NOT NULL,
    sender INTEGER NOT NULL,
    list INTEGER,
    tokens BLOB NOT NULL
);
CREATE INDEX learned_sender ON learned (sender);
CREATE INDEX learned_list ON learned (list) WHERE list IS NOT NULL;
CREATE TABLE people (hash INTEGER PRIMARY KEY, sent INTEGER NOT NULL, received INTEGER NOT NULL);
CREATE TABLE noted (hash INTEGER PRIMARY KEY);
"""


def connect(path: Path | str) -> sqlite3.Connection:
    """An open and checked file. A lost last lesson after a power cut is learned again, so it need not be durable."""
    _refuse_empty(path)
    connection = sqlite.connect(path, _SCHEMA, durable=False)
    try:
        _verify(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _verify(connection: sqlite3.Connection, path: Path | str) -> None:
    with sqlite.telling(path):
        found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise Damaged(f"the lessons file {str(path)!r} is damaged ({found})", fix=_FIX)


def salt(connection: sqlite3.Connection) -> bytes:
    return connection.execute("SELECT value FROM salt").fetchone()[0]


def _refuse_empty(path: Path | str) -> None:
    # SQLite takes an empty file for a new database: lessons cut to nothing would vanish without a word.
    file = Path(path)
    if path != sqlite.MEMORY and file.is_file() and file.stat().st_size == 0:
        raise Damaged(f"the lessons file {str(path)!r} is empty", fix=_FIX)
