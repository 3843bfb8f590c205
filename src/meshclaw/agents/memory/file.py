"""The SQLite file of the memory: its tables, and how what was forgotten leaves no byte in it.

An erased row stays readable in three places until somebody cleans up: pages that nothing uses, older segments of the
full-text index, and the write-ahead log. So a forgetting first marks the file as unclean, in its own transaction, and
``clean`` merges the index, writes the whole file anew and empties the log; a kill in between, and the next opening
does it.
"""

from __future__ import annotations

import fcntl
import secrets
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from meshclaw import sqlite
from meshclaw.errors import Busy, Damaged

SCHEMA = """
CREATE TABLE fact (
  id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT NOT NULL, subject TEXT NOT NULL, attribute TEXT NOT NULL,
  trust TEXT NOT NULL, scope TEXT NOT NULL, source BLOB NOT NULL, learned INTEGER NOT NULL, expires INTEGER,
  state TEXT NOT NULL);
CREATE INDEX fact_about ON fact (subject, attribute) WHERE state = 'live' AND subject <> '';
CREATE INDEX fact_expires ON fact (expires) WHERE state = 'live' AND expires IS NOT NULL;
CREATE TABLE revision (
  number INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, by TEXT NOT NULL, run TEXT NOT NULL,
  key TEXT NOT NULL UNIQUE, undoes INTEGER NOT NULL, salt TEXT NOT NULL, digest TEXT NOT NULL,
  told INTEGER NOT NULL DEFAULT 0);
CREATE INDEX revision_untold ON revision (number) WHERE told = 0;
CREATE TABLE operation (
  revision INTEGER NOT NULL, place INTEGER NOT NULL, kind TEXT NOT NULL, undone INTEGER NOT NULL DEFAULT 0,
  of_revision INTEGER NOT NULL DEFAULT 0, of_place INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (revision, place)) WITHOUT ROWID;
CREATE TABLE change (
  revision INTEGER NOT NULL, place INTEGER NOT NULL, fact INTEGER NOT NULL, was TEXT NOT NULL, now TEXT NOT NULL,
  PRIMARY KEY (revision, place, fact)) WITHOUT ROWID;
CREATE INDEX change_fact ON change (fact);
CREATE TABLE veto (mark BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE vector (
  fact INTEGER NOT NULL, model TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (fact, model)) WITHOUT ROWID;
CREATE TABLE night (run TEXT PRIMARY KEY, until INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE own (salt BLOB NOT NULL, unclean INTEGER NOT NULL);
INSERT INTO own VALUES (randomblob(32), 0);
CREATE VIRTUAL TABLE words USING fts5(
  text, content='fact', content_rowid='id', tokenize='porter unicode61 remove_diacritics 2');
CREATE VIRTUAL TABLE often USING fts5vocab('words', 'row');
"""


def connect(path: Path | str) -> sqlite3.Connection:
    """Open, checked as far as is cheap, and cleaned where a forgetting was cut short."""
    file = Path(path)
    if path != sqlite.MEMORY and file.is_file() and file.stat().st_size == 0:
        # SQLite takes an empty file for a new one: all that was remembered would vanish without a word.
        raise Damaged(
            f"the memory {str(path)!r} is empty",
            fix="Restore a copy of it; to start with no memories, delete the file.",
        )
    connection = sqlite.connect(path, SCHEMA)
    try:
        with sqlite.telling(path):
            connection.execute("PRAGMA secure_delete=ON")
            if is_unclean(connection):
                clean(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def salt(connection: sqlite3.Connection) -> bytes:
    return connection.execute("SELECT salt FROM own").fetchone()[0]


def soil(connection: sqlite3.Connection) -> None:
    """Within the transaction that erases."""
    connection.execute("UPDATE own SET unclean = 1")


def is_unclean(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("SELECT unclean FROM own").fetchone()[0])


def clean(connection: sqlite3.Connection) -> bool:
    """False where it cannot be done yet, for another process is in the file or the disk is full: it is left marked."""
    try:
        connection.execute("INSERT INTO words(words) VALUES ('optimize')")
        connection.execute("VACUUM")
        busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if not busy:
            connection.execute("UPDATE own SET unclean = 0")
    except sqlite3.OperationalError:
        return False
    return not busy


def new_salt() -> str:
    return secrets.token_hex(16)


@contextmanager
def alone(path: Path | str) -> Generator[None]:
    """Of several processes one dreams at a time; Busy where another one does. A crash leaves nothing locked."""
    if path == sqlite.MEMORY:
        yield
        return
    with Path(f"{path}.dreaming").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Busy(
                "another dream is under way", fix="Wait for it; see it with: meshclaw run list"
            ) from error
        yield
