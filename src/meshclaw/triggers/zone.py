"""A person's wall clock: where a time zone changes its offset, and which moments a time on the wall stands for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

SECOND = timedelta(seconds=1)
_STEP = timedelta(days=7)
"""Offsets that differ within a week are found; what changes and changes back within one is not."""


def wall(at: datetime, zone: ZoneInfo) -> datetime:
    """What a clock on the wall shows, without its zone."""
    return at.astimezone(zone).replace(tzinfo=None)


def offset(at: datetime, zone: ZoneInfo) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()


def next_change(zone: ZoneInfo, after: datetime, until: datetime) -> datetime | None:
    """The first second with another offset than ``after`` has, up to ``until``; in UTC."""
    before = offset(after, zone)
    low = after
    while low < until:
        high = min(low + _STEP, until)
        if offset(high, zone) != before:
            return _first(zone, low, high, before)
        low = high
    return None


def moment(shown: datetime, zone: ZoneInfo) -> tuple[datetime, timedelta]:
    """When a wall first shows that time, in UTC, and zero; where clocks jump over it, the jump's end and its length."""
    at = shown.replace(tzinfo=zone).astimezone(UTC)
    if wall(at, zone) == shown:
        return at, timedelta()
    jump = next_change(zone, at - timedelta(days=2), at + timedelta(days=2)) or at
    return jump, offset(jump, zone) - offset(jump - SECOND, zone)


def _first(zone: ZoneInfo, low: datetime, high: datetime, before: timedelta) -> datetime:
    """By halves, to the second; offsets change on whole ones."""
    low, high = (one.replace(microsecond=0) for one in (low, high + SECOND - timedelta(microseconds=1)))
    while high - low > SECOND:
        middle = low + (high - low) // 2
        middle = middle.replace(microsecond=0)
        low, high = (middle, high) if offset(middle, zone) == before else (low, middle)
    return high
