"""Opening the store by URL, and bringing its tables to the version that this hub knows."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError

from meshclaw.errors import Damaged, NotReachable, UserError

BUSY_S = 30
"""How long a writer waits for another process at the same SQLite file."""


def connect(url: str) -> Engine:
    """``sqlite:///PATH`` or ``postgresql://...``. Raises UserError for whatever is neither."""
    fix = "Write sqlite:///PATH or postgresql://USER@HOST/NAME."
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise UserError("that is no URL of a database", fix=fix) from error  # it may hold a password
    if parsed.get_backend_name() == "postgresql":
        return create_engine(parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True)
    if parsed.get_backend_name() != "sqlite":
        raise UserError(f"{parsed.get_backend_name()!r} is no store of a hub", fix=fix)
    engine = create_engine(parsed, connect_args={"timeout": BUSY_S})
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, _: object) -> None:
    connection.isolation_level = None  # ``_begin`` begins: its own way would begin too late
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    """At once as the writer, so that what is read in a transaction stays true until its end."""
    if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
        connection.exec_driver_sql("BEGIN IMMEDIATE")


@contextmanager
def writing(engine: Engine) -> Generator[Connection]:
    """One transaction; all of it is durable when the block ends, or none. NotReachable where the store is gone."""
    with _telling(), engine.begin() as connection:
        yield connection


@contextmanager
def reading(engine: Engine) -> Generator[Connection]:
    """For what only looks: nobody has to wait for it."""
    with _telling(), engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        yield connection


@contextmanager
def _telling() -> Generator[None]:
    try:
        yield
    except DBAPIError as error:
        if isinstance(error, OperationalError) or error.connection_invalidated:
            said = str(error.orig).partition("\n")[0]
            raise NotReachable(
                f"the hub's store does not answer: {said}", fix="Look at its server and its disk."
            ) from error
        raise


def migrate(engine: Engine) -> bool:
    """Bring the tables forward; whether there was anything to do. Damaged for the store of a newer hub."""
    config = Config()
    config.set_main_option("script_location", "meshclaw.hub.store:migrations")
    script = ScriptDirectory.from_config(config)
    with writing(engine) as connection:
        version = MigrationContext.configure(connection).get_current_revision()
        if version == script.get_current_head():
            return False
        if version is not None and version not in {one.revision for one in script.walk_revisions()}:
            raise Damaged(
                f"the hub's store is of version {version}, which this hub does not know",
                fix="Run a newer hub.",
            )
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return True
