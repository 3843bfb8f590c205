"""Opening SQLite the one way this project does, with the machine's faults told as our errors."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from meshclaw.errors import Busy, Damaged, MeshClawError, Operational

BUSY_MS = 5_000
"""How long a writer waits for another one before it says so."""


def connect(path: Path, schema: str, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection in WAL mode whose commits are on disk when they return (synchronous=FULL)."""
    with telling(path):
        mode = "ro" if read_only else "rwc"
        connection = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")
            if not read_only:
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute("PRAGMA synchronous=FULL")
                _migrate(connection, schema)
        except BaseException:
            connection.close()
            raise
    return connection


def _migrate(connection: sqlite3.Connection, schema: str) -> None:
    if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
        connection.executescript(f"BEGIN IMMEDIATE; {schema} PRAGMA user_version=1; COMMIT;")


@contextmanager
def telling(path: Path) -> Generator[None]:
    """Turn what SQLite says into what a person can do about it."""
    try:
        yield
    except sqlite3.Error as error:
        raise _told(error, path) from error


def _told(error: sqlite3.Error, path: Path) -> MeshClawError:
    words = str(error)
    if "locked" in words or "busy" in words:
        return Busy(
            f"another process is writing to {str(path)!r} and did not finish within {BUSY_MS // 1000} s",
            fix="Wait for it, or see which one it is with: meshclaw doctor",
        )
    if "full" in words:
        return Operational(
            f"the disk that holds {str(path)!r} is full; nothing that was recorded before is lost",
            fix="Free some space and run the same command again.",
        )
    if isinstance(error, sqlite3.DatabaseError) and ("malformed" in words or "not a database" in words):
        return Damaged(
            f"{str(path)!r} is damaged ({words})",
            fix=f"Keep the file, restore its last copy, and compare both: sqlite3 {path.name} .recover",
        )
    if "unable to open" in words or "readonly" in words:
        return Operational(
            f"{str(path)!r} cannot be opened for this ({words})",
            fix="Check that the folder exists and belongs to you; MESHCLAW_HOME moves it elsewhere.",
        )
    return Operational(f"{str(path)!r}: {words}", fix="Run: meshclaw doctor")
