"""LiteLLM's spend log in its own PostgreSQL: what is new there, through a connection that can only read.

Every call is a row. A row is written when its call has ended, so rows come out of the order of their start; newer
LiteLLM says when each was written. A reading takes the rows that were written since the last one began, in the order
of the table's index, and stores them portion by portion, each with how far it got: a later one goes on there.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, LiteralString

import msgspec

from meshclaw.errors import (
    MeshClawError,
    NotFound,
    NotReachable,
    Operational,
    Refused,
    SignInNeeded,
    UserError,
)
from meshclaw.flow.usage import Unread, Usage
from meshclaw.ledger.usage.store import FileState, UsageStore
from meshclaw.readers.calls import found_in
from meshclaw.readers.litellm import NEEDED, OTHERS, TABLE, call_of, cost_of
from meshclaw.usage.importing import Imported, Importer

if TYPE_CHECKING:
    from psycopg import Connection, Error
    from psycopg.rows import DictRow
    from psycopg.sql import Composable, Composed

TOOL = "litellm"
WRITTEN = ("updated_at", "created_at", "endTime", "startTime")
"""Columns that say when a row was written, the surest first."""
OVERLAP = "10 minutes"
"""A row may be seen this long after the time it says: clocks differ, and the proxy writes in batches."""
LONGEST_CALL = "7 days"
"""Rows of calls that started longer before the last reading are not looked for: the table's index is by start."""
PORTION = 5_000
CONNECT_S = 10
QUIET_S, TRY_S, TRIES = 30, 10, 3
"""A server that is cut off without a word is given up after a minute."""
STATEMENT_S = 60
"""What one portion may take the server."""
JSON: dict[str, LiteralString] = {
    "metadata": "jsonb_build_object('usage_object', {0}::jsonb -> 'usage_object', "
    "'additional_usage_values', {0}::jsonb -> 'additional_usage_values')::text",
    "request_tags": "{0}::text",
}
"""How columns of JSON are asked for: as text, and of the metadata what tells of tokens."""

Read = Callable[[int], None]
"""Told how many rows were read."""


class Mark(msgspec.Struct, kw_only=True):
    """What has been read. Times are the server's, UTC, as ISO 8601; empty where there is none."""

    since: str = ""
    """Rows written before it have been read."""
    began: str = ""
    """An unfinished reading began then,"""
    at: str = ""
    """got to the row that started then,"""
    id: str = ""
    """and has this id."""


def read_new(importer: Importer, conninfo: str, told: Read) -> Imported:
    """Store the calls that came since the last reading of the same table. ``conninfo``: as libpq takes it.

    Where the server goes away, NotReachable; what was read until then is stored, and the next reading goes on there.
    """
    imported, rows = Imported(), 0
    with _connected(conninfo) as connection:
        name, columns = _name(connection), _columns(connection)
        state = importer.state_of(name)
        mark = msgspec.json.decode(state, type=Mark) if state else Mark()
        mark.began = mark.began or _now(connection)
        for portion in _portions(connection, mark, columns):
            found = [one for row in portion for one in _found(name, row)]
            if len(portion) == PORTION:
                mark.at, mark.id = str(portion[-1]["startTime"]), str(portion[-1]["request_id"])
            else:
                mark = Mark(since=mark.began)
                found += [
                    Unread(path=name, why="missing-field", what=other)
                    for other in OTHERS
                    if other not in columns
                ]
            imported = importer.received(found, TOOL, partial(_keep, name=name, mark=mark), fresh=True)
            rows += len(portion)
            told(rows)
    return imported


def _found(name: str, row: DictRow) -> Iterator[Usage | Unread]:
    """Rows have no numbers: what cannot be read is told of by the row's own id."""
    return found_in(f"{name}#{row['request_id']}", 0, row, call_of, cost_of)


def _keep(store: UsageStore, name: str, mark: Mark) -> None:
    state = msgspec.json.encode(mark)
    place = FileState(tool=TOOL, inode=0, size=0, mtime_ns=0, offset=0, line=0, state=state, tail=b"")
    store.keep_file(name, place, [], fresh=False)


# -- the table ---------------------------------------------------------------------------


def _portions(
    connection: Connection[DictRow], mark: Mark, columns: AbstractSet[str]
) -> Iterator[list[DictRow]]:
    """Each PORTION rows long but the last, which may be empty."""
    with connection.cursor(name="meshclaw") as cursor:
        cursor.execute(_query(mark, columns), {"since": mark.since, "at": mark.at, "id": mark.id})
        while len(portion := cursor.fetchmany(PORTION)) == PORTION:
            yield portion
        yield portion


def _query(mark: Mark, columns: AbstractSet[str]) -> Composed:
    """No more of a row than is understood: no prompt, no address leaves the database."""
    from psycopg.sql import SQL, Identifier

    wanted = [
        SQL("{} AS {}").format(SQL(JSON.get(column, "{0}")).format(Identifier(column)), Identifier(column))
        for column in (*NEEDED, *OTHERS) if column in columns
    ]  # fmt: skip
    times = SQL(", ").join(Identifier(column) for column in WRITTEN if column in columns)
    limits: list[Composable] = [SQL("TRUE")]
    if mark.since:
        limits.append(SQL("COALESCE({}) >= %(since)s::timestamp - {}::interval").format(times, OVERLAP))
        limits.append(SQL('"startTime" >= %(since)s::timestamp - {}::interval').format(LONGEST_CALL))
    if mark.at:
        limits.append(SQL('("startTime", request_id) > (%(at)s::timestamp, %(id)s)'))
    return SQL('SELECT {} FROM {} WHERE {} ORDER BY "startTime", request_id').format(
        SQL(", ").join(wanted), Identifier(TABLE), SQL(" AND ").join(limits)
    )


def _columns(connection: Connection[DictRow]) -> set[str]:
    found = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped",
        (f'"{TABLE}"',),
    )
    columns = {row["attname"] for row in found}
    if not columns:
        raise NotFound(
            f"{_name(connection)} has no table {TABLE!r} that this user can see",
            fix="Name LiteLLM's own database, with its schema: options=-csearch_path=SCHEMA",
        )
    if missing := [column for column in NEEDED if column not in columns]:
        raise UserError(
            f"{TABLE!r} of {_name(connection)} has no column {', '.join(missing)}",
            fix="It is of a LiteLLM that this MeshClaw does not know: say so, with the version of LiteLLM.",
        )
    return columns


def _now(connection: Connection[DictRow]) -> str:
    row = connection.execute("SELECT now()::timestamp::text AS at").fetchone()
    return str(row["at"]) if row else ""


def _name(connection: Connection[DictRow]) -> str:
    info = connection.info
    return f"postgresql://{info.host}:{info.port}/{info.dbname}"


# -- the connection ----------------------------------------------------------------------


@contextmanager
def _connected(conninfo: str) -> Generator[Connection[DictRow]]:
    """One transaction that can only read, over one state of the table."""
    try:
        import psycopg
        from psycopg.rows import dict_row
        from psycopg.sql import SQL
    except ImportError as error:
        raise UserError(
            "PostgreSQL cannot be spoken to on this machine",
            fix="Install what is missing: pip install 'openmeshclaw[usage]'",
        ) from error
    try:
        with psycopg.Connection[dict[str, Any]].connect(
            conninfo, row_factory=dict_row, prepare_threshold=None, connect_timeout=CONNECT_S,
            application_name="meshclaw", keepalives_idle=QUIET_S, keepalives_interval=TRY_S, keepalives_count=TRIES,
        ) as connection:  # fmt: skip
            connection.read_only = True
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.execute(SQL("SET LOCAL statement_timeout = {}").format(STATEMENT_S * 1000))
            connection.execute("SET LOCAL timezone = 'UTC'")
            yield connection
    except psycopg.Error as error:
        raise _told(error) from error


def _told(error: Error) -> MeshClawError:
    """In words without the connection string: what is wrong with it may quote the password."""
    from psycopg import OperationalError, errors

    said = str(error).strip().partition("\n")[0]
    again = "What was read is stored. Run the same command again: it goes on there."
    if isinstance(error, errors.InsufficientPrivilege):
        found: MeshClawError = Refused(
            f"the database lets this user not read it ({said})",
            fix=f'GRANT SELECT ON "{TABLE}" TO that user;',
        )
    elif isinstance(error, errors.QueryCanceled):
        found = Operational(f"the database took more than {STATEMENT_S} s for {PORTION:,} rows", fix=again)
    elif isinstance(error, OperationalError) and ("password" in said or "authentication" in said):
        found = SignInNeeded(f"the database refused the sign-in ({said})")
    elif isinstance(error, OperationalError):
        found = NotReachable(f"the database is not there, or went away ({said})", fix=again)
    elif error.sqlstate is None:
        found = UserError(
            "the connection string cannot be understood",
            fix="As in postgresql://user:password@host:5432/litellm; what Prisma alone understands is to be left out.",
        )
    else:
        found = Operational(f"the database said: {said}")
    return found
