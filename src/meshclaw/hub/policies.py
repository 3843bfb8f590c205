"""Policies for claws: versions that only go up, each signed, by ring; and which devices have them in force."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import get_args

import msgspec
from sqlalchemy import Connection, Engine, func, insert, select, update

from meshclaw.errors import NotFound, UserError
from meshclaw.flow.limits import Limits
from meshclaw.flow.mesh import Applied, Policy, Ring
from meshclaw.flow.units import canonical, digest_of
from meshclaw.hub.roster import today
from meshclaw.hub.store import tables as t
from meshclaw.hub.store.database import reading, writing
from meshclaw.ledger.device import Device as Key
from meshclaw.ledger.ledger import timestamp

RINGS: tuple[Ring, ...] = get_args(Ring)
UNLIMITED = Limits()
AHEAD = 10_000
"""How far beyond what is known here a device's version may be, as after an old backup."""


class InForce(msgspec.Struct, frozen=True, kw_only=True):
    """How far a ring is. Devices by their ids: who has them is not asked here."""

    ring: Ring
    version: int
    """That its devices should have; 0 where there is none."""
    expires: str
    stopped: bool
    devices: int
    in_force: int
    behind: tuple[str, ...]
    refused: dict[str, str]
    """By device, why it could not take the version."""


class Policies:
    def __init__(self, engine: Engine, key: Key) -> None:
        self._engine = engine
        self._key = key

    def publish(
        self, *, cedar: str, limits: Limits = UNLIMITED, ring: Ring = "canary", lives: timedelta, offline: str = "stop"
    ) -> Policy:  # fmt: skip
        """A new version for a ring. A stop that is in force there stays in force."""
        expires = timestamp(datetime.now(UTC) + lives)
        with _publishing(self._engine) as (connection, version):
            old = _current(connection, ring)
            new = _blank(ring) if old is None else old
            return self._issue(
                connection, new, version, ring=ring, cedar=cedar, limits=limits, expires=expires, offline=offline
            )  # fmt: skip

    def promote(self, version: int) -> Policy:
        """What a version for canaries says, for all of them. UserError where it is for all already."""
        with _publishing(self._engine) as (connection, next_):
            body = connection.execute(select(t.policy.c.body).where(t.policy.c.version == version)).scalar()
            if body is None:
                raise NotFound(f"there is no version {version}", fix="See them: meshclaw hub policy status")
            tried = msgspec.json.decode(body, type=Policy)
            if tried.ring == "all":
                raise UserError(f"version {version} is meant for all already")
            now = _current(connection, "all")
            stop = {"stopped": now.stopped, "reason": now.reason} if now else {"stopped": False, "reason": ""}
            return self._issue(connection, tried, next_, ring="all", **stop)

    def stop(self, reason: str) -> list[Policy]:
        """Every claw, in every ring; each ring's policy stays what it is."""
        return self._switch(stopped=True, reason=reason[:500])

    def lift(self) -> list[Policy]:
        if not any(one and one.stopped for one in map(self.current, RINGS)):
            raise UserError("nothing is stopped", fix="Stop every claw: meshclaw hub stop REASON")
        return self._switch(stopped=False, reason="")

    def _switch(self, *, stopped: bool, reason: str) -> list[Policy]:
        """First for all, then again what canaries have beyond that."""
        with _publishing(self._engine) as (connection, version):
            now, tried = _current(connection, "all"), _current(connection, "canary")
            changed = [now or _blank("all")]
            if tried is not None and tried.ring == "canary":
                changed.append(tried)
            return [
                self._issue(connection, one, version + place, stopped=stopped, reason=reason)
                for place, one in enumerate(changed)
            ]

    def current(self, ring: Ring) -> Policy | None:
        """What the devices of a ring should have now."""
        with reading(self._engine) as connection:
            return _current(connection, ring)

    def newest(self) -> int:
        """Number of the latest version of any ring; 0 where there is none."""
        with reading(self._engine) as connection:
            return connection.execute(select(func.coalesce(func.max(t.policy.c.version), 0))).scalar_one()

    # -- devices -------------------------------------------------------------------------

    def put_in_ring(self, device: str, ring: Ring) -> None:
        with writing(self._engine) as connection:
            if not connection.execute(
                update(t.device).where(t.device.c.id == device).values(ring=ring)
            ).rowcount:
                raise NotFound(f"the device {device!r} is not known here")

    def for_device(self, device: str) -> Policy | None:
        with reading(self._engine) as connection:
            ring = connection.execute(select(t.device.c.ring).where(t.device.c.id == device)).scalar_one()
            return _current(connection, ring)

    def keep_applied(self, device: str, said: Applied) -> None:
        """A version older than what the device said before is old news. UserError for one that cannot be."""
        a = t.applied.c
        values = {"version": said.version, "digest": said.digest, "problem": said.problem, "day": today()}
        with writing(self._engine) as connection:
            if not 0 < said.version <= _next(connection) + AHEAD:
                raise UserError(f"no policy has the version {said.version}")
            known = connection.execute(select(a.version).where(a.device == device)).scalar()
            if known is None:
                connection.execute(insert(t.applied).values(device=device, **values))
            elif said.version >= known:
                connection.execute(update(t.applied).where(a.device == device).values(values))

    def status(self) -> list[InForce]:
        with reading(self._engine) as connection:
            return [_in_force(connection, ring) for ring in RINGS]

    # -- the store -----------------------------------------------------------------------

    def _issue(self, connection: Connection, policy: Policy, version: int, **more: object) -> Policy:
        now = timestamp(datetime.now(UTC))
        made = msgspec.structs.replace(policy, **{**more, "version": version, "issued": now, "signature": ""})
        made = msgspec.structs.replace(made, signature=self._key.sign(made.signed).hex())
        connection.execute(insert(t.policy).values(version=version, ring=made.ring, body=canonical(made)))
        return made


@contextmanager
def _publishing(engine: Engine) -> Generator[tuple[Connection, int]]:
    """One transaction of one publisher at a time, with the number that comes next."""
    with writing(engine) as connection:
        connection.execute(select(t.setting).where(t.setting.c.name == "company").with_for_update())
        yield connection, _next(connection)


def _next(connection: Connection) -> int:
    """Beyond what any device has, too: this store may be an old copy."""
    known = [
        connection.execute(select(func.coalesce(func.max(column), 0))).scalar_one()
        for column in (t.policy.c.version, t.applied.c.version)
    ]
    return max(known) + 1


def _blank(ring: Ring) -> Policy:
    return Policy(version=0, issued="", ring=ring)


def _current(connection: Connection, ring: Ring) -> Policy | None:
    rings = RINGS if ring == "canary" else ("all",)
    newest = (
        select(t.policy.c.body).where(t.policy.c.ring.in_(rings)).order_by(t.policy.c.version.desc()).limit(1)
    )
    body = connection.execute(newest).scalar()
    return None if body is None else msgspec.json.decode(body, type=Policy)


def _in_force(connection: Connection, ring: Ring) -> InForce:
    wanted = _current(connection, ring)
    d, a = t.device.c, t.applied.c
    rows = connection.execute(
        select(d.id, a.version, a.digest, a.problem).select_from(t.device.outerjoin(t.applied))
        .where(d.ring == ring, d.revoked == "").order_by(d.id)
    ).all()  # fmt: skip
    version, digest = (wanted.version, digest_of(wanted)) if wanted else (0, "")
    good = {
        row.id
        for row in rows
        if not wanted or ((row.version, row.digest) == (version, digest) and not row.problem)
    }
    return InForce(
        ring=ring, version=version, expires=wanted.expires if wanted else "", stopped=bool(wanted and wanted.stopped),
        devices=len(rows), in_force=len(good), behind=tuple(row.id for row in rows if row.id not in good),
        refused={row.id: row.problem for row in rows if row.version == version and row.problem},
    )  # fmt: skip
