"""A calendar part (RFC 5545, 5546) as one invitation."""

from __future__ import annotations

import re

from meshclaw.connectors.mail.message.characters import decode, one_line
from meshclaw.connectors.mail.message.mime import Part
from meshclaw.flow.message import Invitation

MAX_CALENDAR = 64 * 1024

_FOLD = re.compile(r"\r?\n[ \t]")
# Time zones and recurrence rules are code of a kind (FREQ=SECONDLY until 9999): they are never handed on.
_KEPT = re.compile(r"(?im)^(?:METHOD|SUMMARY|DTSTART)[;:][^\r\n]{0,1000}")
_EVENT = re.compile(r"(?is)^BEGIN:VEVENT\s*$(.*?)(?=^(?:BEGIN|END):|\Z)", re.MULTILINE)


def read_invitation(part: Part) -> Invitation | None:
    """The first event of the part; None where nothing in it can be read."""
    text = decode(part.content(MAX_CALENDAR), part.parameters.get("charset", ""))
    text = _FOLD.sub("", text)
    event = _EVENT.search(text)
    if event is None:
        return None
    outer = [line for line in _KEPT.findall(text[: event.start()]) if line[:6].upper() == "METHOD"][:1]
    inner = [line for line in _KEPT.findall(event[1]) if line[:6].upper() != "METHOD"]
    return _parsed(outer, _first_of_each(inner), part.parameters.get("method", ""))


def _first_of_each(lines: list[str]) -> list[str]:
    first: dict[str, str] = {}
    for line in lines:
        first.setdefault(line[:7].upper(), line)
    return list(first.values())


def _parsed(outer: list[str], inner: list[str], method: str) -> Invitation | None:
    from icalendar import Calendar  # here: 150 ms of CPU, and few mails carry a calendar

    lines = ["BEGIN:VCALENDAR", *outer, "BEGIN:VEVENT", *inner, "END:VEVENT", "END:VCALENDAR", ""]
    try:
        calendar = Calendar.from_ical("\r\n".join(lines))
        event = calendar.events[0]
        starts = event.decoded("DTSTART").isoformat() if "DTSTART" in event else ""
        return Invitation(
            method=one_line(str(calendar.get("METHOD", method)), 40).upper(),
            summary=one_line(str(event.get("SUMMARY", "")), 300),
            starts=starts,
        )
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError):
        return None
