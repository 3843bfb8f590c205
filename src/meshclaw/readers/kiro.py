"""Kiro's daily report: one CSV row for a person, a client and a day. Its unit is the credit, never the token.

Persons are not kept: their id is only part of a digest, which tells two rows of one day apart.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from meshclaw.flow.usage import Unread, Usage
from meshclaw.readers.base import START, Found, Place, Source
from meshclaw.readers.records import Fields, Odd, digest, moment, scaled, text, told

DAY_MS = 86_400_000
LONGEST = 1 << 16
"""Characters of a row."""
NEEDED = {"date", "creditsused"}


class Kiro:
    source = Source(
        tool="kiro",
        evidence="invoice",
        grain="day",
        includes="credits used, those over the plan among them; no tokens",
    )

    def read(self, path: Path, place: Place = START) -> Iterator[Found]:  # noqa: ARG002 - a report is written once
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            lines = _lines(file)
            heads = [_plain(head) for head in (next(lines, (1, ""))[1] or "").split(",")]
            if not set(heads) >= NEEDED:
                yield Unread(path=str(path), line=1, why="unknown-field", count=max(1, len(heads)))
                return
            for number, line in lines:
                try:
                    usage = _day(heads, _cells(line))
                except Odd as odd:
                    yield Unread(path=str(path), line=number, why=odd.why)
                    continue
                if usage is not None:
                    yield from told(usage, path, number)


def _lines(file: TextIO) -> Iterator[tuple[int, str | None]]:
    """Each line with its number; None for one that is too long to be a row."""
    number = 0
    while line := file.readline(LONGEST):
        number += 1
        is_whole = len(line) < LONGEST or line.endswith("\n")
        while len(line) == LONGEST and not line.endswith("\n"):
            line = file.readline(LONGEST)
        yield number, line if is_whole else None


def _cells(line: str | None) -> list[str]:
    if line is None:
        raise Odd("too-long")
    try:
        return next(csv.reader([line], strict=True), [""])
    except csv.Error as error:
        raise Odd("malformed") from error


def _plain(head: str) -> str:
    return head.strip().lower().replace("_", "").replace(" ", "")


def _day(heads: list[str], cells: list[str]) -> Usage | None:
    if len(cells) != len(heads):
        if not any(cells):
            return None  # an empty line
        raise Odd("malformed")
    fields: Fields = dict(zip(heads, cells, strict=True))
    credits_milli = scaled(fields["creditsused"], 1000)
    if not credits_milli:
        return None
    day, client = text(fields, "date"), text(fields, "clienttype")
    at = moment(day)
    return Usage(
        tool="kiro", evidence="invoice", key=digest(day, client, fields.get("userid"), fields.get("profileid")),
        at=at, until=at + DAY_MS, model="auto", provider="kiro", credits_milli=credits_milli, agent=client,
    )  # fmt: skip
