"""What a schedule owes now: one due time to be done, others to be told as missed. Pure, and so tested by histories.

What the ledger holds is all that is remembered. A due time that was done is never done again, whatever the clock
says. One that was told as missed while the clock ran ahead comes again when the clock was set right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from itertools import groupby

import msgspec

from meshclaw.flow.event.schedule import ScheduleFired, ScheduleMissed
from meshclaw.flow.schedule import Gap, Missed, Timing, Why
from meshclaw.settings.times import Times
from meshclaw.triggers.due import due_after, due_between
from meshclaw.triggers.quiet import over

GRACE = timedelta(minutes=5)
"""What is noticed within this time was not missed: a restart, a short nap."""


class Past(msgspec.Struct):
    """What the ledger says of one schedule."""

    fired: set[datetime] = msgspec.field(default_factory=set[datetime])
    gaps: list[tuple[datetime, datetime]] = msgspec.field(default_factory=list[tuple[datetime, datetime]])
    """First and last of due times that were told as missed."""
    run: str = ""
    """Its last one."""

    def take(self, event: ScheduleFired | ScheduleMissed) -> None:
        if isinstance(event, ScheduleMissed):
            self.gaps.append((datetime.fromisoformat(event.first), datetime.fromisoformat(event.last)))
            return
        self.run = event.run
        if event.due:
            self.fired.add(datetime.fromisoformat(event.due))

    def through(self, enabled: datetime, now: datetime) -> datetime:
        """Up to where nothing is owed any more; never ahead of the clock."""
        seen = [at for at in self.fired if at <= now]
        seen += [min(last, now) for first, last in self.gaps if first <= now]
        return max(min(enabled, now), *seen) if seen else min(enabled, now)


class Owed(msgspec.Struct, frozen=True, kw_only=True):
    due: datetime | None = None
    """To be done now."""
    caught_up: bool = False
    """It passed while nothing ran."""
    gaps: tuple[Gap, ...] = ()
    """To be told."""
    wake: datetime | None = None
    """When there may be something to do next."""


def owed(
    timing: Timing, past: Past, enabled: datetime, times: Times, now: datetime, *,
    missed: Missed = "once", urgent: bool = False,
) -> Owed:  # fmt: skip
    """``urgent``: it does not wait for the end of quiet hours."""
    if timing.at and (past.fired or past.gaps):
        return Owed()  # once is once, also in another time zone
    through = past.through(enabled, now)
    found = [due for due in due_between(timing, times.zone, enabled, through, now) if due not in past.fired]

    def ready(due: datetime) -> datetime:
        return due if urgent else over(due, times)

    free = len(found)
    while free and ready(found[free - 1]) > now:
        free -= 1
    wake = (
        ready(found[free])
        if free < len(found)
        else next(map(ready, due_after(timing, times.zone, enabled, now)), None)
    )
    return _settled(found[:free], ready, now, wake, missed)


def _settled(
    found: list[datetime], ready: Callable[[datetime], datetime], now: datetime, wake: datetime | None,
    missed: Missed,
) -> Owed:  # fmt: skip
    if not found:
        return Owed(wake=wake)
    last, begins = found[-1], ready(found[-1])
    late = now - begins > GRACE
    does = missed == "once" or not late

    def why(due: datetime) -> Why:
        return "quiet" if does and due != begins and ready(due) == begins else "away"

    rest = found[:-1] if does else found
    return Owed(due=last if does else None, caught_up=late and does, gaps=tuple(_gaps(rest, why)), wake=wake)


def _gaps(found: Iterable[datetime], why: Callable[[datetime], Why]) -> Iterator[Gap]:
    for reason, several in groupby(found, why):
        dues = list(several)
        yield Gap(first=dues[0], last=dues[-1], count=len(dues), why=reason)
