"""The SQLite file under the lessons: its tables, how it is opened, and its faults in a person's words."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from meshclaw.errors import Busy, Damaged, MeshClawError, Operational

MEMORY = ":memory:"
VERSION = 1
_BUSY_MS = 5_000
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


def connect(path: str) -> sqlite3.Connection:
    """An open, checked and migrated file. Raises sqlite3 errors (wrap in ``telling``) and Damaged."""
    _refuse_empty(path)
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        connection.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
        connection.execute("PRAGMA journal_mode=WAL")
        # A lost last lesson after a power cut is learned again; a torn file would not be.
        connection.execute("PRAGMA synchronous=NORMAL")
        _migrate(connection, path)
        _verify(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def salt(connection: sqlite3.Connection) -> bytes:
    return connection.execute("SELECT value FROM salt").fetchone()[0]


def _refuse_empty(path: str) -> None:
    # SQLite takes an empty file for a new database: lessons cut to nothing would vanish without a word.
    file = Path(path)
    if path != MEMORY and file.is_file() and file.stat().st_size == 0:
        raise Damaged(f"the lessons file {path!r} is empty", fix=_FIX)


def _migrate(connection: sqlite3.Connection, path: str) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == 0:
        connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version={VERSION}; COMMIT;")
    elif version != VERSION:
        raise Damaged(f"the lessons file {path!r} has version {version}, not {VERSION}", fix=_FIX)


def _verify(connection: sqlite3.Connection, path: str) -> None:
    found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise Damaged(f"the lessons file {path!r} is damaged ({found})", fix=_FIX)


@contextmanager
def telling(path: str) -> Generator[None]:
    """Turn what SQLite says into what a person can do about it."""
    try:
        yield
    except sqlite3.Error as error:
        raise _told(error, path) from error


def _told(error: sqlite3.Error, path: str) -> MeshClawError:
    words = str(error)
    if "locked" in words or "busy" in words:
        return Busy(
            f"another process is writing to the lessons file {path!r}", fix="Wait for it and run this again."
        )
    if "full" in words:
        return Operational(
            f"the disk that holds {path!r} is full", fix="Free some space and run the same command again."
        )
    if "unable to open" in words or "readonly" in words:
        return Operational(
            f"the lessons file {path!r} cannot be opened ({words})",
            fix="Check that its folder exists and belongs to you.",
        )
    if isinstance(error, sqlite3.ProgrammingError):
        return Operational(f"the lessons file {path!r} is not open ({words})", fix="Open it again.")
    return Damaged(f"the lessons file {path!r} is damaged ({words})", fix=_FIX)
