"""Opening SQLite the one way this project does, with the machine's faults told as our errors."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from meshclaw.errors import Busy, Damaged, MeshClawError, Operational

MEMORY = ":memory:"
VERSION = 1
"""Of a schema that says no other; ``PRAGMA user_version`` of the file."""
BUSY_MS = 5_000
"""How long a writer waits for another one before it says so."""


def connect(
    path: Path | str, schema: str, *, version: int = VERSION, durable: bool = True
) -> sqlite3.Connection:
    """A connection in WAL mode to a file that only its owner can read, made with ``schema`` where it is new.

    ``durable``: a commit is on disk when it returns; else the last ones may be lost with the power, never torn.
    """
    with telling(path):
        _make_private(path)
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")
            _write_ahead(connection)
            connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            _migrate(connection, path, schema, version)
        except BaseException:
            connection.close()
            raise
    return connection


def _write_ahead(connection: sqlite3.Connection) -> None:
    """SQLite does not wait where two connections change a new file to WAL at the same moment; so it is done here."""
    end = time.monotonic() + BUSY_MS / 1_000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.005)
        else:
            return


def _make_private(path: Path | str) -> None:
    """SQLite would make the file, and the WAL beside it, readable for everybody."""
    if path == MEMORY or Path(path).exists():
        return
    try:
        Path(path).touch(mode=0o600)
    except OSError as error:
        raise sqlite3.OperationalError(f"unable to open database file: {error.strerror}") from error


def _migrate(connection: sqlite3.Connection, path: Path | str, schema: str, known: int) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == 0:
        _make(connection, schema, known)
    elif version != known:
        raise Damaged(
            f"{str(path)!r} has version {version}, and this MeshClaw knows version {known}",
            fix="Use the MeshClaw that wrote it, or a newer one.",
        )


def _make(connection: sqlite3.Connection, schema: str, version: int) -> None:
    try:
        connection.executescript(f"BEGIN IMMEDIATE; {schema} PRAGMA user_version={version}; COMMIT;")
    except sqlite3.OperationalError:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        if connection.execute("PRAGMA user_version").fetchone()[0] != version:
            raise  # else another process made it while this one waited


@contextmanager
def telling(path: Path | str) -> Generator[None]:
    """Turn what SQLite says into what a person can do about it."""
    try:
        yield
    except sqlite3.Error as error:
        raise _told(error, str(path)) from error


def _told(error: sqlite3.Error, path: str) -> MeshClawError:
    words = str(error)
    if "locked" in words or "busy" in words:
        return Busy(
            f"another process is writing to {path!r} and did not finish within {BUSY_MS // 1000} s",
            fix="Wait for it, or see which one it is with: meshclaw doctor",
        )
    if "full" in words:
        return Operational(
            f"the disk that holds {path!r} is full; nothing that was recorded before is lost",
            fix="Free some space and run the same command again.",
        )
    if "unable to open" in words or "readonly" in words:
        return Operational(
            f"{path!r} cannot be opened for this ({words})",
            fix="Check that the folder exists and belongs to you; MESHCLAW_HOME moves it elsewhere.",
        )
    if isinstance(error, sqlite3.DatabaseError) and ("malformed" in words or "not a database" in words):
        return Damaged(
            f"{path!r} is damaged ({words})",
            fix=f"Keep the file, restore its last copy, and compare both: sqlite3 {Path(path).name} .recover",
        )
    return Operational(f"{path!r}: {words}", fix="Run: meshclaw doctor")
