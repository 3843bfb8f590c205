"""What a reader is: a file of another AI tool in, usages out, and what it declares about its own numbers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from meshclaw.flow.usage import Evidence, Unread, Usage

Grain = Literal["call", "turn", "session", "day"]
"""The smallest thing that the source has a number for."""

Confidence = Literal["exact", "derived", "estimated"]
"""Written by the tool as counted; computed from what it wrote (differences of running totals); guessed."""

EARLIEST_MS = 1_577_836_800_000
"""2020-01-01: none of these tools is older."""
AHEAD_MS = 86_400_000
"""A clock may be a day ahead of ours: time zones are written wrong more often than clocks are."""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where a tool keeps its records and what its numbers mean."""

    tool: str
    """As in ``Usage.tool``."""
    evidence: Evidence
    grain: Grain
    includes: str
    """What its own fields include, for people: ``input without cache; reasoning inside output``."""
    confidence: Confidence = "exact"
    is_counted: bool = True
    """False where its sums only check what finer sources of the same tool say, as an invoice does."""
    roots: tuple[str, ...] = ()
    """Folders relative to the home folder: ``.claude``. Empty: only read where a person names the file."""
    variables: tuple[str, ...] = ()
    """Environment variables that name folders, separated by commas, in place of ``roots``."""
    globs: tuple[str, ...] = ()
    """Below a root: ``projects/**/*.jsonl``. ``**/`` is any number of folders, ``*`` stays within a name."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where the next reading of the same file goes on, as long as what lies before it has not changed."""

    offset: int = 0
    """Bytes."""
    line: int = 0
    """Lines before the offset."""
    state: bytes = b""
    """What the reader must remember; its own format."""


START = Place()

Found = Usage | Unread | Place


class Reader(Protocol):
    """Pure: the same bytes give the same usages, in whatever steps they are read.

    One call may be found several times (copies, replays, a reading that begins again): the store keeps the fullest.
    What lies before ``place`` is known already. A reader that can go on yields a ``Place`` as its last word; one that
    yields none is given the whole file again whenever it changed. Hostile bytes give ``Unread``, never an exception;
    ``OSError`` is the caller's.
    """

    @property
    def source(self) -> Source: ...

    def read(self, path: Path, place: Place = START) -> Iterator[Found]: ...


def is_odd_clock(at: int) -> bool:
    """Whether a time in Unix milliseconds cannot be right. The call still counts, under that time; say so as well."""
    return not EARLIEST_MS <= at <= latest_ms()


def latest_ms() -> int:
    """The last time that can be right by now."""
    return int(time.time() * 1000) + AHEAD_MS
