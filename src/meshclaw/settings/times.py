"""The person's time zone and quiet hours: ``times.toml`` of the state folder.

zone = "Europe/Berlin"      # else the system's
[quiet]
usual = "20:00-07:00"       # each night; what would talk to the person waits until it is over
fri = "18:00-09:00"         # from Friday evening to Saturday morning
sat = "00:00-24:00"
sun = ""                    # none
"""

from __future__ import annotations

import os
import re
import tomllib
from datetime import time
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from meshclaw.errors import UserError

FILE = "times.toml"
LOCALTIME = Path("/etc/localtime")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME = r"([01]\d|2[0-3]|24(?=:00)):([0-5]\d)"

Span = tuple[time, time]
"""From the first to the second, of the next day where it is not later; two equal ones are a whole day."""


class Times(msgspec.Struct, frozen=True, kw_only=True):
    zone: ZoneInfo
    quiet: tuple[Span | None, ...] = (None,) * 7
    """By the weekday on which it begins, Monday first."""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    zone: str = ""
    quiet: dict[str, str] | str = ""


def load(folder: Path) -> Times:
    """UserError where the file cannot be understood."""
    path = folder / FILE
    try:
        file = msgspec.convert(tomllib.loads(path.read_text("utf-8")), _File)
    except FileNotFoundError:
        file = _File()
    except (OSError, ValueError, msgspec.ValidationError) as error:
        raise _wrong(path, str(error)) from error
    named = {"usual": file.quiet} if isinstance(file.quiet, str) else file.quiet
    if unknown := sorted(named.keys() - {"usual", *DAYS}):
        raise _wrong(path, f"{unknown[0]!r} is no day; write usual, {', '.join(DAYS)}")
    usual = named.get("usual", "")
    return Times(
        zone=_zone(file.zone, path) if file.zone else system_zone(),
        quiet=tuple(_span(named.get(day, usual), path) for day in DAYS),
    )


def stamp(folder: Path) -> tuple[object, ...]:
    """Differs whenever ``load`` may give something else: a few microseconds."""
    try:
        file = (folder / FILE).stat().st_mtime_ns
    except OSError:
        file = 0
    return file, os.environ.get("TZ", ""), _link()


def system_zone() -> ZoneInfo:
    """What ``TZ`` or ``/etc/localtime`` names; else UTC."""
    name = os.environ.get("TZ", "").removeprefix(":") or _link().partition("zoneinfo/")[2]
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def _link() -> str:
    try:
        return str(LOCALTIME.readlink())
    except OSError:
        return ""


def _zone(name: str, path: Path) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise _wrong(path, f"{name!r} is no time zone; write Europe/Berlin") from error


def _span(text: str, path: Path) -> Span | None:
    if not text:
        return None
    found = re.fullmatch(rf"{_TIME}-{_TIME}", text)
    if found is None:
        raise _wrong(path, f"{text!r} is no span of hours; write 20:00-07:00, and 24:00 for a day's end")
    hours = [int(hour) % 24 for hour in found.group(1, 3)]
    return time(hours[0], int(found[2])), time(hours[1], int(found[4]))


def _wrong(path: Path, what: str) -> UserError:
    return UserError(
        f"{str(path)!r} cannot be understood: {what}", fix="Mend it; what may stand in it: docs/schedules.md"
    )
