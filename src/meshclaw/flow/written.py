"""Lines that a session of an AI tool wrote, by keyed digest: they can be told again in a commit, and not be read.

What makes two lines the same is the published recipe for contribution metrics: without white space at the ends, runs
of it one space, quotation marks of any kind one kind, in lower case; lines of three characters or fewer say nothing,
and lines of more than a thousand are not written by hand. Without a key anybody could try likely lines.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

import msgspec

SHORTEST = 4
"""Characters, after normalisation."""
LONGEST = 1000
"""Characters, as the line stands."""
QUOTES = str.maketrans(
    dict.fromkeys((0x22, 0x60, 0xAB, 0xB4, 0xBB, *range(0x2018, 0x2020), 0x2039, 0x203A), "'")
)
"""Straight, back and angle quotes, accents, and the curly ones of all languages."""


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What one session wrote into files on one day."""

    tool: str
    session: str
    model: str = ""
    repo: str = ""
    """Working folder or repository as the source names it."""
    at: int
    """Unix milliseconds of the last of it."""
    lines: frozenset[bytes]
    """Digests, 8 bytes each."""


def normalised(line: str) -> str:
    """Empty for a line that does not count."""
    if len(line) > LONGEST:
        return ""
    same = " ".join(line.translate(QUOTES).lower().split())
    return same if len(same) >= SHORTEST else ""


def digests(lines: Iterable[str], key: bytes) -> frozenset[bytes]:
    """Of the lines that count, each once. ``key``: at most 64 bytes, the same for what is to be compared."""
    counting = {same for line in lines if (same := normalised(line))}
    return frozenset(
        blake2b(same.encode("utf-8", "replace"), digest_size=8, key=key).digest() for same in counting
    )
