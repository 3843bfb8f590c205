"""When something is to happen by itself, and what is told where it did not."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Literal

import msgspec

Missed = Literal["once", "skip"]
"""What becomes of due times that passed while nothing ran: the newest is caught up, or none; the rest is told."""
Why = Literal["away", "quiet", "running"]
"""Nothing ran then (asleep, off, stopped); one run at the end of the quiet time stood for several; the run before
was still going."""

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """One of three, in the person's own time zone."""

    cron: str = ""
    """Minute, hour, day, month, weekday: ``30 6 * * mon-fri``."""
    every: str = ""
    """``90m``, ``6h``, ``1d``: of 24 hours, whatever the clocks do."""
    at: str = ""
    """Once: ``2026-12-01T09:00``."""

    @property
    def told(self) -> str:
        return f"every {self.every}" if self.every else f"once at {self.at}" if self.at else self.cron


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """Due times in a row that came to nothing."""

    first: datetime
    last: datetime
    count: int
    why: Why


def span(text: str) -> timedelta | None:
    """``90s``, ``15m``, ``6h``, ``1d``; None for what is none."""
    found = re.fullmatch(r"([1-9]\d{0,4})([smhd])", text)
    return timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else None
