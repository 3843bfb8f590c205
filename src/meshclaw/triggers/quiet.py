"""Quiet hours: what would talk to the person waits until they are over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from meshclaw.settings.times import Span, Times
from meshclaw.triggers.zone import moment, wall

DAY = timedelta(days=1)
MOST_SPANS = 14
"""Quiet times that follow one another without a break; after that many it is not waited any longer."""


def over(at: datetime, times: Times) -> datetime:
    """The first moment from ``at`` on that is not quiet: ``at`` itself where it is not."""
    for _ in range(MOST_SPANS):
        end = _end(at, times.zone, times.quiet)
        if end is None:
            return at
        at = end
    return at


def is_quiet(at: datetime, times: Times) -> bool:
    return over(at, times) > at


def _end(at: datetime, zone: ZoneInfo, quiet: Sequence[Span | None]) -> datetime | None:
    """Of the longest quiet time that holds ``at``."""
    return max((end for start, end in _around(at, zone, quiet) if start <= at < end), default=None)


def _around(
    at: datetime, zone: ZoneInfo, quiet: Sequence[Span | None]
) -> Iterator[tuple[datetime, datetime]]:
    """Those that began today or yesterday."""
    today = wall(at, zone).date()
    for day in (today - DAY, today):
        if (span := quiet[day.weekday()]) is None:
            continue
        start, end = span
        last = day if end > start else day + DAY
        yield (
            moment(datetime.combine(day, start), zone)[0],
            moment(datetime.combine(last, end), zone)[0],
        )
