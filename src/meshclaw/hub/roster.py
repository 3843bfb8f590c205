"""Who is in the company, in which unit, with which devices: who people are, never what they did."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from meshclaw.errors import NotFound, Refused, UserError
from meshclaw.flow.units import sha256_hex
from meshclaw.hub.store import tables as t

CODE_LIVES_S = 24 * 3600
_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Without what people mistake for one another."""
GENESIS = bytes(32).hex()


class Device(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    public: bytes
    person: str
    revoked: bool


def today() -> str:
    return datetime.now(UTC).date().isoformat()


def put_unit(connection: Connection, id_: str, name: str, parent: str | None = None) -> None:
    known = connection.execute(select(t.unit.c.id).where(t.unit.c.id == id_)).first()
    values = {"name": name, "parent": parent}
    connection.execute(
        update(t.unit).where(t.unit.c.id == id_).values(values)
        if known
        else insert(t.unit).values(id=id_, **values)
    )


def put_person(
    connection: Connection, id_: str, *, name: str, unit: str, email: str = "", active: bool = True
) -> None:
    """One who leaves takes their devices along: none of them may send from this moment on."""
    if connection.execute(select(t.unit.c.id).where(t.unit.c.id == unit)).first() is None:
        raise NotFound(f"there is no unit {unit!r}, so {id_!r} cannot be in it")
    known = connection.execute(select(t.person.c.id).where(t.person.c.id == id_)).first()
    values = {"name": name, "unit": unit, "email": email, "active": active}
    connection.execute(
        update(t.person).where(t.person.c.id == id_).values(values)
        if known
        else insert(t.person).values(id=id_, **values)
    )
    if not active:
        revoke(connection, person=id_)


# -- enrolling ---------------------------------------------------------------------------


def new_code(connection: Connection, person: str) -> str:
    """For one device, once, within a day."""
    if (
        connection.execute(select(t.person.c.id).where(t.person.c.id == person, t.person.c.active)).first()
        is None
    ):
        raise NotFound(f"there is no {person!r} in the roster", fix="Put them in: meshclaw hub roster")
    text = "".join(secrets.choice(_ALPHABET) for _ in range(16))
    expires = int(time.time()) + CODE_LIVES_S
    connection.execute(insert(t.code).values(digest=_digest(text), person=person, expires=expires))
    return "-".join(text[at : at + 4] for at in range(0, 16, 4))


def enrol(connection: Connection, code: str, public: bytes) -> tuple[Device, str]:
    """The new device and its person's unit. Raises Refused for a code that was used, ran out or never was."""
    digest = _digest(code.replace("-", "").upper())
    row = connection.execute(
        select(t.code.c.person, t.code.c.expires, t.person.c.unit)
        .join(t.person, t.person.c.id == t.code.c.person)
        .where(t.code.c.digest == digest, t.person.c.active)
    ).first()
    connection.execute(delete(t.code).where(t.code.c.digest == digest))
    if row is None or row.expires < time.time():
        raise Refused("this code is not known, was used or ran out", fix="Ask for a new one.")
    if len(public) != 32:  # RFC 8032
        raise UserError("the device's public key does not have 32 bytes")
    id_ = sha256_hex(public)[:16]
    if connection.execute(select(t.device.c.id).where(t.device.c.id == id_)).first() is not None:
        raise Refused("this device is enrolled already", fix="A device that was revoked needs a new key.")
    connection.execute(
        insert(t.device).values(
            id=id_, public=public.hex(), person=row.person, enrolled=today(), hash=GENESIS
        )
    )
    return Device(id=id_, public=public, person=row.person, revoked=False), row.unit


def find_device(connection: Connection, id_: str) -> Device | None:
    row = connection.execute(
        select(t.device.c.public, t.device.c.person, t.device.c.revoked, t.person.c.active)
        .join(t.person, t.person.c.id == t.device.c.person)
        .where(t.device.c.id == id_)
    ).first()
    if row is None:
        return None
    return Device(
        id=id_,
        public=bytes.fromhex(row.public),
        person=row.person,
        revoked=bool(row.revoked) or not row.active,
    )


def revoke(connection: Connection, *, device: str = "", person: str = "") -> Sequence[str]:
    """A device, or all of a person's; those that could send until now."""
    mine = t.device.c.id == device if device else t.device.c.person == person
    ids = connection.execute(select(t.device.c.id).where(mine, t.device.c.revoked == "")).scalars().all()
    connection.execute(update(t.device).where(t.device.c.id.in_(ids)).values(revoked=today()))
    return ids


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()


# -- where somebody counts ---------------------------------------------------------------


def unit_in(connection: Connection, person: str, quarter: str) -> str:
    """The unit that a person's facts of ``quarter`` count for: theirs when the first of them came."""
    own = (t.membership.c.quarter == quarter) & (t.membership.c.person == person)
    found = connection.execute(select(t.membership.c.unit).where(own)).scalar()
    if found is None:
        found = connection.execute(select(t.person.c.unit).where(t.person.c.id == person)).scalar_one()
        connection.execute(insert(t.membership).values(quarter=quarter, person=person, unit=found))
    return found
