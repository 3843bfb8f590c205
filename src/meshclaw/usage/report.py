"""What the store says, as people and programs ask for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import msgspec

from meshclaw.flow.usage import Unread
from meshclaw.ledger.usage.schema import By
from meshclaw.ledger.usage.store import Amounts, UsageStore
from meshclaw.usage.labels import CELLS

EPOCH = date(1970, 1, 1)


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """Days in UTC, both inclusive; None is without end."""

    since: date | None = None
    until: date | None = None

    @property
    def days(self) -> tuple[int | None, int | None]:
        return _day(self.since), _day(self.until)


ALL_TIME = Period()


def last(days: int, now: datetime) -> Period:
    """Today and the days before it, ``days`` together."""
    return Period(since=now.astimezone(UTC).date() - timedelta(days=days - 1))


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    calls: int
    input_uncached: int
    cache_read: int
    cache_write_5m: int
    cache_write_1h: int
    output: int
    cost_usd_micros: int


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a breakdown; the costs of all lines together are the total."""

    totals: Totals
    is_guessed: bool
    """Some of its cost is of a model without a price of its own: priced as the dearest known one."""
    credits_milli: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    totals: Totals
    guessed_usd_micros: int
    by_tool: dict[str, Part]
    by_model: dict[str, Part]
    partition: dict[str, int]
    unread: list[Unread]


def report(store: UsageStore, period: Period = ALL_TIME) -> Report:
    total = store.total(*period.days)
    cells = store.by("cell", *period.days)
    nanos = [cells[cell].nanos if cell in cells else 0 for cell in CELLS]
    return Report(
        totals=_totals(total, _micros(total.nanos)),
        guessed_usd_micros=_micros(total.guessed_nanos),
        by_tool=breakdown(store, "tool", period),
        by_model=breakdown(store, "model", period),
        partition=dict(zip(CELLS, apportioned(nanos), strict=True)),
        unread=[unread for _, unread in store.unread()],
    )


def breakdown(store: UsageStore, by: By | None, period: Period = ALL_TIME) -> dict[str, Part]:
    """Dearest first; by day, oldest first, where ``by`` is None."""
    found: Mapping[str, Amounts]
    if by is None:
        found = {_date(day): amounts for day, amounts in store.days(*period.days).items()}
    else:
        found = store.by(by, *period.days)
    micros = apportioned([amounts.nanos for amounts in found.values()])
    return {
        name: Part(
            totals=_totals(amounts, cost), is_guessed=amounts.guessed_nanos > 0, credits_milli=amounts.credits_milli
        )
        for (name, amounts), cost in zip(found.items(), micros, strict=True)
    }  # fmt: skip


def apportioned(nanos: Sequence[int]) -> list[int]:
    """Micro-dollars whose sum is the rounded sum of ``nanos``: each is the step between two rounded running totals."""
    micros: list[int] = []
    running = 0
    for one in nanos:
        micros.append(_micros(running + one) - _micros(running))
        running += one
    return micros


def _micros(nanos: int) -> int:
    """Rounded half to even."""
    whole, rest = divmod(nanos, 1000)
    return whole + (rest > 500 or (rest == 500 and whole % 2))


def _totals(amounts: Amounts, micros: int) -> Totals:
    return Totals(
        calls=amounts.calls, input_uncached=amounts.input_uncached, cache_read=amounts.cache_read,
        cache_write_5m=amounts.cache_write_5m, cache_write_1h=amounts.cache_write_1h, output=amounts.output,
        cost_usd_micros=micros,
    )  # fmt: skip


def _day(day: date | None) -> int | None:
    return None if day is None else (day - EPOCH).days


def _date(day: int) -> str:
    """Clocks may be so wrong that no calendar has the day."""
    try:
        return (EPOCH + timedelta(days=day)).isoformat()
    except OverflowError:
        return f"day {day}"
