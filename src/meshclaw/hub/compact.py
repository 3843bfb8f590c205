"""The journal's facts become Parquet files by week, each fact once, whatever ends this process and when.

A row leaves the journal after its facts are in files; whoever is killed in between finds their ids there the next time
(and the same where claws send again what a restored hub lost). A week's file is written anew as a whole and sorted by
its content: which facts came together is not kept. Only closed weeks are rolled up; a fact that comes later still
counts, and its week's answers are made again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec
from duckdb import DuckDBPyConnection
from sqlalchemy import Engine, bindparam, delete, func, insert, literal, select

from meshclaw.errors import UserError
from meshclaw.flow.fact import Fact
from meshclaw.hub.alone import alone
from meshclaw.hub.hub import Hub
from meshclaw.hub.store import tables as t
from meshclaw.hub.store.database import reading, writing
from meshclaw.metrics.folder import PART, Folder, Week, connected, put
from meshclaw.metrics.metric import NUMBERS, TEXTS
from meshclaw.metrics.query.duckdb import parquet, quoted
from meshclaw.metrics.rollup import roll

AT_ONCE = 5_000
"""Rows of the journal that become files together: 5,000 batches of a hundred facts are 200 MB of JSON."""
MOST = 2**40
"""Of any number of a fact, as of micro-dollars ($1.1 million): a sum over everybody has to fit into 63 bits, and nobody
may spoil it for the rest."""
OPEN = timedelta(days=9)
"""From a Monday on its week is not final: a laptop that was closed on Sunday still has its Monday and Tuesday."""
GENERATED = "generated"
"""Setting of a hub whose facts are made up; real ones never come among them."""


class Told(NamedTuple):
    """A row of the journal."""

    number: int
    quarter: str
    unit: str
    facts: int
    body: bytes


class Done(msgspec.Struct, frozen=True, kw_only=True):
    facts: int
    """Read from the journal; those that were in files already are among them."""
    weeks: int
    """Rolled up."""
    implausible: int = 0
    """Facts that say a number above ``MOST``: left out."""


def compact(hub: Hub, *, rebuild: bool = False, today: date | None = None) -> Done:
    """Empty the journal into files and bring the rollups up to date; ``rebuild`` makes all of them anew.

    Raises Busy where another process does it, UserError for a hub with generated facts.
    """
    folder, count, implausible = Folder(hub.folder), 0, 0
    if generated(hub):
        raise UserError("this hub's facts are generated; real ones do not come among them")
    with alone(hub.folder):
        folder.clean()
        last = _last(hub.engine)
        while rows := _some(hub.engine, last):
            count += sum(row.facts for row in rows)
            implausible += _to_files(folder, rows)
            _forget(hub.engine, rows)
        _freeze(hub.engine, folder)
        if rebuild:
            folder.mark(folder.weeks())
        final = ((today or datetime.now(UTC).date()) - OPEN).isoformat()
        closed = [week for week in folder.stale() if week.monday <= final and folder.facts(week).exists()]
        roll(folder, closed)
    return Done(facts=count, weeks=len(closed), implausible=implausible)


def generated(hub: Hub) -> bool:
    with reading(hub.engine) as connection:
        return (
            connection.execute(select(t.setting.c.name).where(t.setting.c.name == GENERATED)).first()
            is not None
        )


# -- facts -----------------------------------------------------------------------------------


def _last(engine: Engine) -> int:
    """Where the journal ends now: what comes while this runs is for the next time, or it would never end."""
    with reading(engine) as connection:
        return connection.execute(select(func.coalesce(func.max(t.journal.c.number), 0))).scalar_one()


def _some(engine: Engine, last: int) -> Sequence[Told]:
    columns = (t.journal.c.number, t.journal.c.quarter, t.journal.c.unit, t.journal.c.count, t.journal.c.body)
    query = select(*columns).where(t.journal.c.number <= last).order_by(t.journal.c.number).limit(AT_ONCE)
    with reading(engine) as connection:
        return [Told(*row) for row in connection.execute(query)]


def _forget(engine: Engine, rows: Sequence[Told]) -> None:
    """Row by row: numbers between them may belong to what another writer is about to commit."""
    with writing(engine) as connection:
        connection.execute(
            delete(t.journal).where(t.journal.c.number == bindparam("at")),
            [{"at": row.number} for row in rows],
        )


def _to_files(folder: Folder, rows: Sequence[Told]) -> int:
    """How many were left out."""
    lines = folder.path / f"journal{PART}"
    with lines.open("wb") as file:
        for row in rows:
            quarter, unit = msgspec.json.encode(row.quarter), msgspec.json.encode(row.unit)
            file.write(b'{"quarter":%b,"unit":%b,"facts":%b}\n' % (quarter, unit, row.body))
    with connected(folder) as connection:
        connection.execute(f"CREATE TEMP TABLE told AS {_facts(lines)}")
        plausible = f"GREATEST({', '.join(NUMBERS)}) <= {MOST}"
        connection.execute(
            f"CREATE TEMP TABLE fresh AS SELECT DISTINCT ON (id) * FROM told WHERE {plausible}"
        )
        left_out = connection.execute(f"SELECT COUNT(*) FROM told WHERE NOT ({plausible})").fetchall()[0][0]
        found = connection.execute("SELECT DISTINCT quarter, week FROM fresh ORDER BY ALL").fetchall()
        for week in (Week(*row) for row in found):
            folder.mark([week])
            _add(connection, folder, week)
    lines.unlink()
    return left_out


def _facts(lines: Path) -> str:
    """With what a fact leaves out filled in."""
    kinds = {"id": "VARCHAR", **dict.fromkeys(TEXTS, "VARCHAR"), **dict.fromkeys(NUMBERS, "BIGINT")}
    defaults = {field.name: field.default for field in msgspec.structs.fields(Fact)}
    struct = ", ".join(f"{name} {kind}" for name, kind in kinds.items())
    columns = ", ".join(
        f"COALESCE(fact.{name}, {int(defaults[name])}) AS {name}"
        if name in NUMBERS
        else f"COALESCE(fact.{name}, '') AS {name}"
        for name in kinds
    )
    return (
        "SELECT quarter, strftime(date_trunc('week', CAST(fact.day AS DATE)), '%Y-%m-%d') AS week, "
        f"unit, {columns} FROM (SELECT quarter, unit, UNNEST(facts) AS fact FROM read_json({quoted(str(lines))}, "
        f"format = 'newline_delimited', maximum_object_size = 67108864, "
        f"columns = {{quarter: 'VARCHAR', unit: 'VARCHAR', facts: 'STRUCT({struct})[]'}}))"
    )


def _add(connection: DuckDBPyConnection, folder: Folder, week: Week) -> None:
    path = folder.facts(week)
    mine = f"(SELECT * FROM fresh WHERE quarter = {quoted(week.quarter)} AND week = {quoted(week.monday)})"
    if path.exists():
        old = parquet([str(path)])
        mine = f"(SELECT * FROM {old} UNION ALL BY NAME SELECT * FROM {mine} ANTI JOIN {old} USING (id))"
    put(connection, f"SELECT * FROM {mine} ORDER BY kind, unit, who, day, id", path)


# -- people ----------------------------------------------------------------------------------


def _freeze(engine: Engine, folder: Folder) -> None:
    """Who counts where in each quarter that has stale weeks: whoever is in the company when its first facts come, and
    whoever tells something later. Where that changes, all of the quarter's answers do."""
    for quarter in sorted({week.quarter for week in folder.stale()}):
        with writing(engine) as connection:
            if not folder.people(quarter).exists():
                known = select(t.membership.c.person).where(t.membership.c.quarter == quarter)
                missing = select(literal(quarter), t.person.c.id, t.person.c.unit).where(
                    t.person.c.active, t.person.c.id.not_in(known)
                )
                connection.execute(insert(t.membership).from_select(["quarter", "person", "unit"], missing))
            counted = select(t.membership.c.unit, func.count()).where(t.membership.c.quarter == quarter)
            rows = connection.execute(
                counted.group_by(t.membership.c.unit).order_by(t.membership.c.unit)
            ).all()
            above: dict[str, str | None] = {
                row.id: row.parent for row in connection.execute(select(t.unit.c.id, t.unit.c.parent))
            }
        counts = [(unit, count) for unit, count in rows]
        if _people(folder, quarter) != counts:
            folder.mark(week for week in folder.weeks() if week.quarter == quarter)
            write_people(folder, quarter, counts)
        write_tree(folder, quarter, above)


def _people(folder: Folder, quarter: str) -> list[tuple[str, int]]:
    path = folder.people(quarter)
    if not path.exists():
        return []
    with connected(folder) as connection:
        return connection.execute(f"SELECT unit, people FROM {parquet([str(path)])} ORDER BY unit").fetchall()


def write_people(folder: Folder, quarter: str, counts: Sequence[tuple[str, int]]) -> None:
    rows = [{"quarter": quarter, "unit": unit, "people": count} for unit, count in counts]
    with connected(folder) as connection:
        kinds = {"quarter": "VARCHAR", "unit": "VARCHAR", "people": "BIGINT"}
        _put_rows(connection, folder, rows, kinds, folder.people(quarter))


def write_tree(folder: Folder, quarter: str, parents: dict[str, str | None]) -> None:
    """A unit that the quarter knows already stays where it was; new ones are added."""
    path, known = folder.tree(quarter), set[str]()
    with connected(folder) as connection:
        kept = list[tuple[str, str]]()
        if path.exists():
            kept = connection.execute(f"SELECT unit, above FROM {parquet([str(path)])}").fetchall()
            known = {unit for unit, _ in kept}
        new = [(unit, above) for unit in parents if unit not in known for above in _above(unit, parents)]
        if new:
            rows = [{"unit": unit, "above": above} for unit, above in [*kept, *new]]
            _put_rows(connection, folder, rows, {"unit": "VARCHAR", "above": "VARCHAR"}, path)


def _above(unit: str, parents: dict[str, str | None]) -> list[str]:
    """The unit itself first. A circle, which a roster can hold, is walked once."""
    found, at = list[str](), unit
    while at not in found:
        found.append(at)
        at = parents.get(at) or at
    return found


def _put_rows(
    connection: DuckDBPyConnection, folder: Folder, rows: Sequence[object], kinds: dict[str, str], path: Path
) -> None:
    lines = folder.path / f"rows{PART}"
    lines.write_bytes(msgspec.json.Encoder().encode_lines(rows))
    source = f"read_json({quoted(str(lines))}, format = 'newline_delimited', columns = {kinds})"
    put(connection, f"SELECT * FROM {source} ORDER BY ALL", path)
    lines.unlink()
