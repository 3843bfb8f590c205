"""Where the marks of a plot stand: round steps on its axes, and days put together until they fit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from typing import Literal

import msgspec

MOST_BINS = 62
"""Columns that can still be told apart on a page."""
MOST_LABELS = 5
"""Dates on an axis that fit on a phone."""
Unit = Literal["day", "week", "month", "year"]


def ticks(most: float, steps: int = 4) -> list[float]:
    """From 0 up to the first round number that is not below ``most``, in about ``steps`` steps of 1, 2 or 5 x 10^n."""
    if most <= 0:
        return [0.0]
    power = 10.0 ** math.floor(math.log10(most / steps))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor * steps >= most * (1 - 1e-9))
    return [step * at for at in range(math.ceil(most / step - 1e-9) + 1)]


class Bin(msgspec.Struct, frozen=True, kw_only=True):
    """Days that one column stands for, both inclusive."""

    first: date
    last: date
    unit: Unit

    @property
    def ordinals(self) -> range:
        """Its days, as ``date.toordinal`` counts them."""
        return range(self.first.toordinal(), self.last.toordinal() + 1)

    @property
    def name(self) -> str:
        match self.unit:
            case "day":
                return f"{self.first:%a} {self.first.day} {self.first:%B %Y}"
            case "week":
                return f"week of {self.first.day} {self.first:%B %Y}"
            case "month":
                return f"{self.first:%B %Y}"
            case "year":
                return str(self.first.year)

    @property
    def label(self) -> str:
        """Short, for an axis that says the year beneath."""
        match self.unit:
            case "day" | "week":
                return f"{self.first.day} {self.first:%b}"
            case "month":
                return f"{self.first:%b}"
            case "year":
                return str(self.first.year)


_STARTS: dict[Unit, Callable[[date], date]] = {
    "day": lambda of: of,
    "week": lambda of: of - timedelta(days=min(of.weekday(), of.toordinal() - 1)),
    "month": lambda of: of.replace(day=1),
    "year": lambda of: of.replace(month=1, day=1),
}
_LONGEST: dict[Unit, int] = {"day": 1, "week": 7, "month": 31, "year": 366}


def bins(days: Iterable[date]) -> list[Bin]:
    """Every bin from the first day to the last, also empty ones, in the finest unit of which few enough are needed."""
    known = sorted(days)
    if not known:
        return []
    first, last = known[0], known[-1]
    unit = _unit(first, last)
    start = _STARTS[unit]
    made: list[Bin] = []
    at = start(first)
    while at <= last:
        after = start(at + timedelta(days=_LONGEST[unit]))
        made.append(Bin(first=at, last=after - timedelta(days=1), unit=unit))
        at = after
    return made


def _unit(first: date, last: date) -> Unit:
    for unit, start in _STARTS.items():
        if (start(last) - start(first)).days < MOST_BINS * _LONGEST[unit]:
            return unit
    return "year"


def labelled(count: int) -> list[int]:
    """Which of ``count`` bins get a label."""
    return list(range(0, count, max(1, -(-count // MOST_LABELS))))
