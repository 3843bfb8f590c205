"""Money of a unit's budgets, leased to claws: never more than a budget has, however often or at once they ask."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Engine, Row, delete, func, insert, select, update

from meshclaw.errors import NotFound, Refused, UserError
from meshclaw.flow.mesh import Lease, Leased, Micros, Returned, Wanted
from meshclaw.flow.units import sha256_hex
from meshclaw.hub.roster import Device
from meshclaw.hub.store import tables as t
from meshclaw.hub.store.database import reading, writing
from meshclaw.ledger.device import Device as Key
from meshclaw.ledger.ledger import timestamp

LIVES = timedelta(hours=4)
FREE = timedelta(minutes=10)
"""How long a claw need not ask again where no budget binds it."""
KEPT = timedelta(days=1)
"""How long a lease that ended is known, so that a wish that comes late gets no second one."""
SHARE = 10
"""A claw gets no more than this part of what is left, unless its next call costs more: others want to work, too."""
DEEPEST = 20
"""Units above one another."""
FEWEST = 5
"""People in a unit whose sums may be shown."""
PERIODS = {"hour": 13, "day": 10, "month": 7}
"""With how much of a time's text names them, as 2026-11-21T22."""


class OverBudget(Refused):
    """The unit has no room for it."""

    code = "over_budget"


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """Micro-dollars; None is no limit. ``hour`` is the breaker: it opens at its limit until the hour is over."""

    unit: str
    intent: str = ""
    """Empty: for every one together."""
    agent: str = ""
    hour: Micros | None = None
    day: Micros | None = None
    month: Micros | None = None
    soft: Annotated[int, msgspec.Meta(ge=1, le=100)] = 80
    """Per cent from which on it warns."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    budget: Budget
    granted: dict[str, int] | None
    """Leased or used in this hour, day and month; None where too few people are in the unit to show it."""


class Counted(NamedTuple):
    """A row of ``granted``."""

    unit: str
    intent: str
    agent: str
    period: str


class Leases:
    def __init__(self, engine: Engine, key: Key) -> None:
        self._engine = engine
        self._key = key

    # -- budgets -------------------------------------------------------------------------

    def put(self, budget: Budget) -> None:
        """Counts from the moment it is there. One without any limit is taken away."""
        with writing(self._engine) as connection:
            if connection.execute(select(t.unit.c.id).where(t.unit.c.id == budget.unit)).first() is None:
                raise NotFound(f"there is no unit {budget.unit!r}", fix="Units come with the roster.")
            _lock(connection)
            b = t.budget.c
            connection.execute(
                delete(t.budget).where(
                    b.unit == budget.unit, b.intent == budget.intent, b.agent == budget.agent
                )
            )
            if (budget.hour, budget.day, budget.month) != (None, None, None):
                connection.execute(insert(t.budget).values(msgspec.structs.asdict(budget)))

    def standing(self, now: datetime | None = None) -> list[Standing]:
        """Every budget with what is gone of it."""
        at = timestamp(now or datetime.now(UTC))
        with reading(self._engine) as connection:
            budgets = [
                _budget(row) for row in connection.execute(select(t.budget).order_by(*t.budget.primary_key))
            ]
            return [
                Standing(
                    budget=one,
                    granted={
                        period: _granted(connection, Counted(one.unit, one.intent, one.agent, at[:length]))
                        for period, length in PERIODS.items()
                    } if _people(connection, one.unit) >= FEWEST else None,
                ) for one in budgets
            ]  # fmt: skip

    # -- leases --------------------------------------------------------------------------

    def lease(self, device: Device, wanted: Wanted, now: datetime | None = None) -> Leased:
        """The same wish gets the same lease. Raises OverBudget where less is left than the claw needs.

        What it gives back is back in either case.
        """
        if wanted.least > wanted.most:
            raise UserError("a wish is for at least ``least`` and at most ``most``")
        moment = now or datetime.now(UTC)
        with writing(self._engine) as connection:
            _lock(connection)
            for one in wanted.back:
                _take_back(connection, device, one)
            connection.execute(delete(t.lease).where(t.lease.c.until < timestamp(moment - KEPT)))
            found = _known(connection, device, wanted) or _new(connection, device, wanted, moment)
        if isinstance(found, Refused):
            raise found
        return msgspec.structs.replace(found, signature=self._key.sign(found.signed).hex())


def _lock(connection: Connection) -> None:
    """One after the other: what is left is then what is left."""
    connection.execute(select(t.setting).where(t.setting.c.name == "company").with_for_update())


def _id(device: Device, key: str) -> str:
    return sha256_hex(f"{device.id} {key}".encode())[:32]


def _known(connection: Connection, device: Device, wanted: Wanted) -> Leased | Refused | None:
    row = connection.execute(select(t.lease).where(t.lease.c.id == _id(device, wanted.key))).first()
    if row is None:
        return None
    if not row.open:
        return Refused("this wish was granted and given back", fix="Wish anew, with another key.")
    return Leased(key=wanted.key, lease=_lease(row))


def _new(connection: Connection, device: Device, wanted: Wanted, now: datetime) -> Leased | Refused:
    unit = connection.execute(select(t.person.c.unit).where(t.person.c.id == device.person)).scalar_one()
    budgets = _binding(connection, _above(connection, unit), wanted)
    if not budgets:
        return Leased(key=wanted.key, free_until=timestamp(now + FREE))
    rooms = [room for budget in budgets for room in _rooms(connection, budget, timestamp(now))]
    tightest = min(rooms, key=lambda room: room.left)
    if tightest.left < wanted.least:
        return OverBudget(
            f"the budget of the unit {tightest.counted.unit!r} for this {tightest.span} is used up"
        )
    micros = max(wanted.least, min(wanted.most, tightest.left // SHARE))
    counted = [room.counted for room in rooms]
    for one in counted:
        _count(connection, one, micros)
    values = {
        "id": _id(device, wanted.key), "device": device.id, "unit": unit, "intent": wanted.intent,
        "agent": wanted.agent, "micros": micros, "until": timestamp(now + LIVES), "open": True,
        "bound": msgspec.json.encode(counted),
    }  # fmt: skip
    connection.execute(insert(t.lease).values(values))
    nearly = next((room for room in rooms if room.warns_after(micros)), None)
    warning = (
        f"the budget of the unit {nearly.counted.unit!r} for this {nearly.span} is nearly used up"
        if nearly
        else ""
    )
    lease = msgspec.convert({name: values[name] for name in Lease.__struct_fields__}, Lease)
    return Leased(key=wanted.key, lease=lease, warning=warning)


def _lease(row: Row[*tuple[Any, ...]]) -> Lease:
    return Lease(id=row.id, intent=row.intent, agent=row.agent, micros=row.micros, until=row.until)


def _take_back(connection: Connection, device: Device, said: Returned) -> None:
    """Once. More than the lease was counts, too: it is gone."""
    mine = (t.lease.c.id == said.id) & (t.lease.c.device == device.id) & t.lease.c.open
    row = connection.execute(select(t.lease.c.micros, t.lease.c.bound).where(mine)).first()
    if row is None:
        return
    for one in msgspec.json.decode(row.bound, type=list[Counted]):
        _count(connection, one, said.used - row.micros)
    connection.execute(
        update(t.lease).where(mine).values(open=False, micros=0, intent="", agent="", unit="", bound=b"[]")
    )


# -- what is left ------------------------------------------------------------------------


class Room(NamedTuple):
    counted: Counted
    span: str
    limit: int
    granted: int
    soft: int

    @property
    def left(self) -> int:
        return self.limit - self.granted

    def warns_after(self, micros: int) -> bool:
        return (self.granted + micros) * 100 >= self.limit * self.soft


def _rooms(connection: Connection, budget: Budget, at: str) -> Iterator[Room]:
    for span, length in PERIODS.items():
        limit: int | None = getattr(budget, span)
        if limit is not None:
            counted = Counted(budget.unit, budget.intent, budget.agent, at[:length])
            yield Room(counted, span, limit, _granted(connection, counted), budget.soft)


def _above(connection: Connection, unit: str) -> list[str]:
    """It and the units that it belongs to."""
    found, at = list[str](), unit
    while at and at not in found and len(found) < DEEPEST:
        found.append(at)
        at = connection.execute(select(t.unit.c.parent).where(t.unit.c.id == at)).scalar() or ""
    return found


def _binding(connection: Connection, units: Sequence[str], wanted: Wanted) -> list[Budget]:
    b = t.budget.c
    rows = connection.execute(
        select(t.budget).where(
            b.unit.in_(units), b.intent.in_(("", wanted.intent)), b.agent.in_(("", wanted.agent))
        )
    )
    return [_budget(row) for row in rows]


def _budget(row: Row[*tuple[Any, ...]]) -> Budget:
    return Budget(**{name: getattr(row, name) for name in Budget.__struct_fields__})


def _where(one: Counted) -> Any:
    g = t.granted.c
    return (g.unit == one.unit) & (g.intent == one.intent) & (g.agent == one.agent) & (g.period == one.period)


def _granted(connection: Connection, one: Counted) -> int:
    return connection.execute(select(t.granted.c.micros).where(_where(one))).scalar() or 0


def _count(connection: Connection, one: Counted, micros: int) -> None:
    more = update(t.granted).where(_where(one)).values(micros=t.granted.c.micros + micros)
    if not connection.execute(more).rowcount:
        connection.execute(insert(t.granted).values(**one._asdict(), micros=micros))


def _people(connection: Connection, unit: str) -> int:
    """In it and in the units below it."""
    below, frontier = {unit}, {unit}
    while frontier:
        rows = connection.execute(select(t.unit.c.id).where(t.unit.c.parent.in_(sorted(frontier)))).scalars()
        frontier = set(rows) - below
        below |= frontier
    mine = (t.person.c.unit.in_(sorted(below))) & t.person.c.active
    return connection.execute(select(func.count()).select_from(t.person).where(mine)).scalar_one()
