"""When a schedule is due: cron, every and at, in the person's own zone and through its daylight-saving changes.

As in Debian's cron (cron(8), "Daylight Saving Time and other time changes"), by what the expression says:
- a time of day (neither minute nor hour begins with ``*``): once a day. Where clocks jump over it, right after the
  jump; where they show it twice, the first time.
- a wildcard (``*/15 * * * *``): whenever the wall shows a time that fits, so not in a jump, and twice where it does.
A jump of three hours or more is no daylight saving: what lies in it, as the day that Samoa left out, has no due time.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import msgspec

from meshclaw.errors import UserError
from meshclaw.flow.schedule import Timing, span
from meshclaw.triggers.zone import SECOND, moment, next_change, offset, wall

LONGEST_JUMP = timedelta(hours=3)
LOOKED_BACK = tuple(timedelta(hours=hours) for hours in (1, 24, 32 * 24, 400 * 24, 5 * 366 * 24))
SHOWN = 5
MOST = 10_000
"""Due times that are counted; who was away for longer is told of that many."""


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """One due time as a person reads it."""

    at: datetime
    """UTC."""
    words: str
    """``Mon 2026-03-30 06:30``, with what the clocks do then."""


def due_after(timing: Timing, zone: ZoneInfo, since: datetime, after: datetime) -> Iterator[datetime]:
    """Due times behind ``after`` in UTC, one after the other; ``every`` counts from ``since``."""
    if timing.every:
        return _by_span(timing.every, since, after)
    if timing.at:
        return (at for at in (_once(timing.at, zone),) if at > after)
    fixed = not any(field.startswith("*") for field in timing.cron.split()[:2])
    return (_by_day if fixed else _by_wall)(timing.cron, zone, after)


def due_between(
    timing: Timing, zone: ZoneInfo, since: datetime, after: datetime, until: datetime
) -> list[datetime]:
    """Behind ``after`` and not behind ``until``, at most 10,000; of more, the last one is the newest all the same."""
    found = list(islice(_until(due_after(timing, zone, since, after), until), MOST))
    if len(found) == MOST:
        found[-1] = _newest(timing, zone, since, found[-1], until)
    return found


def preview(
    timing: Timing, zone: ZoneInfo, since: datetime, after: datetime, number: int = SHOWN
) -> list[Due]:
    before, shown = after, list[Due]()
    for at in islice(due_after(timing, zone, since, after), number):
        shown.append(Due(at=at, words=in_words(at, zone, before)))
        before = at
    return shown


def in_words(at: datetime, zone: ZoneInfo, before: datetime | None = None) -> str:
    """``before``: the due time shown above this one; a change of the clocks in between is told."""
    change = next_change(zone, before, at) if before and at - before < timedelta(days=400) else None
    told = f"{wall(at, zone):%a %Y-%m-%d %H:%M}"
    if change is None:
        return told
    forward = offset(change, zone) - offset(change - SECOND, zone)
    how = "forward" if forward > timedelta() else "back"
    day = "" if wall(change, zone).date() == wall(at, zone).date() else f" on {wall(change, zone):%a %d %b}"
    return f"{told} (clocks change{day}: {_length(abs(forward))} {how})"


def _length(span_: timedelta) -> str:
    minutes = int(span_.total_seconds() // 60)
    return f"{minutes // 60} h" if minutes % 60 == 0 else f"{minutes} min"


def _newest(timing: Timing, zone: ZoneInfo, since: datetime, after: datetime, until: datetime) -> datetime:
    """The last one behind ``after``, which is one itself, and not behind ``until``."""
    for back in LOOKED_BACK:
        found = list(_until(due_after(timing, zone, since, max(after, until - back)), until))
        if found:
            return found[-1]
        if until - back <= after:
            break
    return after


def _until(found: Iterator[datetime], until: datetime) -> Iterator[datetime]:
    for at in found:
        if at > until:
            return
        yield at


def _by_span(text: str, since: datetime, after: datetime) -> Iterator[datetime]:
    """Counted from ``since``: however late one was noticed, the next one is not late."""
    step = span(text)
    if step is None:
        raise UserError(f"{text!r} is no span of time", fix="Write 90m, 6h or 1d.")
    at = since + step * ((after - since) // step + 1)
    while True:
        yield at
        at += step


def _once(text: str, zone: ZoneInfo) -> datetime:
    return moment(datetime.fromisoformat(text), zone)[0]


def _by_day(cron: str, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    last = after
    for shown in _shown(cron, wall(after, zone)):
        at, jump = moment(shown, zone)
        if at > last and jump < LONGEST_JUMP:
            yield at
            last = at


def _by_wall(cron: str, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """Stretch by stretch of one offset: within it the wall and the sun go alike."""
    start = wall(after, zone)
    while True:
        ahead, change = offset(after, zone), None
        for shown in _shown(cron, start):
            at = (shown - ahead).replace(tzinfo=UTC)
            change = next_change(zone, after, at)
            if change is not None:
                break
            yield at
            after = at
        if change is None:
            return
        after, start = change, wall(change, zone) - SECOND  # the change itself may be due


def _shown(cron: str, after: datetime) -> Iterator[datetime]:
    from cronsim import CronSim, CronSimError

    try:
        yield from CronSim(cron, after)
    except CronSimError as error:
        raise UserError(f"{cron!r} is never due ({error})", fix="Write it as in 30 6 * * mon-fri.") from error
