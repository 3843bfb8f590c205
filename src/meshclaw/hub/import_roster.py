"""A whole roster at once, as human resources export it: who is not in it any more has left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy import Connection, Engine, select, update

from meshclaw.errors import UserError
from meshclaw.hub.roster import put_person, put_unit, revoke
from meshclaw.hub.store import tables as t
from meshclaw.hub.store.database import writing


class TakenIn(msgspec.Struct, frozen=True, kw_only=True):
    people: int
    units: int
    left: int
    revoked: int
    """Devices of those who left."""


def take_in(engine: Engine, rows: Sequence[Mapping[str, str]], *, dry_run: bool = False) -> TakenIn:
    """Rows with id, name, email and unit, and unit_name and parent where units have them. All of it or nothing."""
    if not rows:
        raise UserError("there is nobody in it; an empty roster would send everybody away")
    if len({row["id"] for row in rows}) < len(rows):
        raise UserError("somebody stands in it twice")
    with writing(engine) as connection:
        _put_units(connection, rows)
        for row in rows:
            put_person(connection, row["id"], name=row["name"], unit=row["unit"], email=row["email"])
        known = connection.execute(select(t.person.c.id).where(t.person.c.active)).scalars().all()
        gone = sorted(set(known) - {row["id"] for row in rows})
        revoked = sum(len(revoke(connection, person=person)) for person in gone)
        connection.execute(update(t.person).where(t.person.c.id.in_(gone)).values(active=False))
        if dry_run:
            connection.rollback()
    return TakenIn(
        people=len(rows), units=len({row["unit"] for row in rows}), left=len(gone), revoked=revoked
    )


def _put_units(connection: Connection, rows: Sequence[Mapping[str, str]]) -> None:
    """Each before those that name it as their parent."""
    units = {row["unit"]: row for row in rows}
    for unit, row in units.items():
        put_unit(connection, unit, row.get("unit_name") or unit)
    for unit, row in units.items():
        if parent := row.get("parent") or "":
            if parent not in units:
                put_unit(connection, parent, parent)
            put_unit(connection, unit, row.get("unit_name") or unit, parent)
