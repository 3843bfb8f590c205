"""When something asks to be run by itself, as a person writes it: checked here, kept by the clock."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from itertools import pairwise

from meshclaw.flow.schedule import Missed, Timing, span

SHORTEST_MINUTES = 5
MOST_WORDS = 500
_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7))
_NAMES = {
    "month": "jan feb mar apr may jun jul aug sep oct nov dec".split(),
    "weekday": "sun mon tue wed thu fri sat".split(),
}


class Schedule(Timing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One that an agent asks for; a person enables it, or not."""

    words: str
    """What it is then asked."""
    intent: str = ""
    """Which of the agent's intents it is for; needed where it has several."""
    missed: Missed = "once"
    """What becomes of due times that passed while nothing ran."""


def problem(schedule: Schedule) -> str:
    """What is wrong with it; empty where nothing is."""
    if not 0 < len(schedule.words.strip()) <= MOST_WORDS:
        return f"words has to say in 1 to {MOST_WORDS} characters what is asked then"
    return timing_problem(schedule)


def timing_problem(timing: Timing) -> str:
    named = [name for name in ("cron", "every", "at") if getattr(timing, name)]
    if len(named) != 1:
        return f"a schedule has one of cron, every and at; this one has {' and '.join(named) or 'none'}"
    if timing.every:
        return _every(timing.every)
    return _cron(timing.cron) if timing.cron else _at(timing.at)


def _every(text: str) -> str:
    found = span(text) if not text.endswith("s") else None
    if found is None:
        return f"every: {text!r} is no span of time; write 90m, 6h or 1d"
    if found < timedelta(minutes=SHORTEST_MINUTES):
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
