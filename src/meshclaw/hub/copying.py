"""Copies of a hub's own store, and whether it holds together."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
from sqlalchemy import inspect, select

from meshclaw.errors import Damaged, UserError
from meshclaw.flow.fact import Fact
from meshclaw.hub.alone import alone
from meshclaw.hub.hub import STORE, Hub
from meshclaw.hub.store import tables as t
from meshclaw.hub.store.database import reading


def copy(hub: Hub, file: Path) -> None:
    """Whole as of one moment, while others write. UserError where the store is not the folder's own."""
    with closing(sqlite3.connect(_own(hub))) as source, closing(sqlite3.connect(file)) as target:
        source.backup(target)


def put_back(hub: Hub, file: Path, *, dry_run: bool = False) -> Path:
    """Returns where the store that was there is kept. Damaged where ``file`` is no copy of a hub."""
    own = _own(hub)
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as source:
        try:
            sound = source.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
            source.execute("SELECT COUNT(*) FROM device").fetchone()
        except sqlite3.DatabaseError:
            sound = False
        if not sound:
            raise Damaged(f"{str(file)!r} is no whole copy of a hub's store")
        kept = own.with_suffix(".db.before")
        if dry_run:
            return kept
        with alone(hub.folder):
            copy(hub, kept)
            hub.engine.dispose()
            with closing(sqlite3.connect(own)) as target:
                source.backup(target)
    return kept


def _own(hub: Hub) -> Path:
    path = hub.folder / STORE
    if not path.exists():
        raise UserError(
            "this hub's store is a server of its own", fix="Copy it with that server's tools: pg_dump"
        )
    return path


def problems(hub: Hub) -> Iterator[str]:
    with reading(hub.engine) as connection:
        there = inspect(connection)
        for table in t.METADATA.sorted_tables:
            known = {column["name"] for column in there.get_columns(table.name)}
            if missing := {column.name for column in table.columns} - known:
                yield f"table {table.name} lacks {', '.join(sorted(missing))}"
        for row in connection.execute(select(t.journal)):
            try:
                facts = msgspec.json.decode(row.body, type=list[Fact])
            except msgspec.MsgspecError as error:
                yield f"journal row {row.number} cannot be read: {error}"
            else:
                if len(facts) != row.count:
                    yield f"journal row {row.number} says {row.count} facts and holds {len(facts)}"
