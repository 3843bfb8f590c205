"""When an agent asks to be run by itself; checked here, kept for whoever keeps time."""

from __future__ import annotations

import re
from datetime import datetime
from itertools import pairwise

import msgspec

SHORTEST_MINUTES = 5
MOST_WORDS = 500
_MINUTES = {"m": 1, "h": 60, "d": 1_440}
_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7))
_NAMES = {
    "month": "jan feb mar apr may jun jul aug sep oct nov dec".split(),
    "weekday": "sun mon tue wed thu fri sat".split(),
}


class Schedule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of ``cron``, ``every`` and ``at``, in the person's own time zone."""

    words: str
    """What it is then asked."""
    cron: str = ""
    """Minute, hour, day, month, weekday: ``30 6 * * mon-fri``."""
    every: str = ""
    """``90m``, ``6h``, ``1d``."""
    at: str = ""
    """Once: ``2026-12-01T09:00``."""


def problem(schedule: Schedule) -> str:
    """What is wrong with it; empty where nothing is."""
    named = [name for name in ("cron", "every", "at") if getattr(schedule, name)]
    if len(named) != 1:
        return f"a schedule has one of cron, every and at; this one has {' and '.join(named) or 'none'}"
    if not 0 < len(schedule.words.strip()) <= MOST_WORDS:
        return f"words has to say in 1 to {MOST_WORDS} characters what is asked then"
    if schedule.every:
        return _every(schedule.every)
    return _cron(schedule.cron) if schedule.cron else _at(schedule.at)


def _every(text: str) -> str:
    found = re.fullmatch(r"([1-9]\d{0,4})([mhd])", text)
    if found is None:
        return f"every: {text!r} is no span of time; write 90m, 6h or 1d"
    if int(found[1]) * _MINUTES[found[2]] < SHORTEST_MINUTES:
        return f"every: {text!r} is more often than every {SHORTEST_MINUTES} minutes"
    return ""


def _at(text: str) -> str:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return f"at: {text!r} is no time; write 2026-12-01T09:00"
    return f"at: {text!r} names a time zone; it is the person's own" if at.tzinfo else ""


def _cron(text: str) -> str:
    fields = text.split()
    if len(fields) != len(_FIELDS):
        return f"cron: {text!r} has {len(fields)} fields, not 5: minute, hour, day, month, weekday"
    for field, (name, low, high) in zip(fields, _FIELDS, strict=True):
        for part in field.split(","):
            if not _holds(part.lower(), name, low, high):
                return f"cron: {part!r} is no {name} ({low} to {high})"
    return _too_often(fields[0])


def _too_often(minutes: str) -> str:
    found = sorted(
        minute for minute in range(60) if any(_matches(part, minute) for part in minutes.split(","))
    )
    gaps = [after - before for before, after in pairwise([*found, found[0] + 60])] if found else []
    if gaps and min(gaps) < SHORTEST_MINUTES:
        return f"cron: it runs more often than every {SHORTEST_MINUTES} minutes"
    return ""


def _matches(part: str, minute: int) -> bool:
    spread, _, step = part.partition("/")
    low, _, high = ("0", "", "59") if spread == "*" else spread.partition("-")
    first, last = int(low), int(high or (59 if step else low))
    return first <= minute <= last and (minute - first) % int(step or 1) == 0


def _holds(part: str, name: str, low: int, high: int) -> bool:
    """``*``, ``5``, ``1-5``, ``*/15`` or ``mon-fri``."""
    spread, slash, step = part.partition("/")
    if slash and not (step.isdecimal() and step.isascii() and 0 < int(step) <= high):
        return False
    if spread == "*":
        return True
    ends = [_number(one, name) for one in spread.split("-")]
    return len(ends) <= 2 and all(low <= end <= high for end in ends) and ends == sorted(ends)


def _number(text: str, name: str) -> int:
    """-1 for what is none."""
    names = _NAMES.get(name, [])
    if text in names:
        return names.index(text) + (name == "month")
    return int(text) if re.fullmatch(r"[0-9]{1,2}", text) else -1
