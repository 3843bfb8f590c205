"""Text from anywhere made safe and honest to look at: what cannot be seen is written out, and nothing is lost.

But for how lines end, ``exposed`` is injective: two texts never look the same, so its marks cannot be imitated.
What counts as invisible: Unicode's default-ignorable code points (UAX 44) and a few that only look empty.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

_BREAK = re.compile(r"\r\n|\n")
TAB = "⇥"
LEFT, RIGHT = "\u2039", "\u203a"
STACK = 3
"""Combining marks on one letter: more than any script needs can paint over the lines around them."""

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_LOOKS_EMPTY = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_TAGS = range(0xE0000, 0xE0080)
_SELECTORS = (range(0x180B, 0x1810), range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))
_OURS = frozenset(LEFT + RIGHT + TAB)
"""What marks are made of, so a text's own ones are written out."""


def exposed(text: str) -> list[str]:
    """The lines of ``text``, each without anything that a terminal or an eye would swallow or obey."""
    return [_line(line) for line in _BREAK.split(text)]


def hidden(text: str) -> list[str]:
    """What a person would not have seen, in words, each kind with its number; sorted."""
    found: dict[str, int] = {}
    for line in _BREAK.split(text):
        for character in _odd(line):
            if (kind := kind_of(character)) is not None:
                found[kind] = found.get(kind, 0) + 1
    return [f"{kind} ({number})" for kind, number in sorted(found.items())]


def without_hidden(text: str) -> str:
    """``text`` as an eye would take it: for finding in it what a program would find."""
    odd = {c for c in set(text) if c not in "\t\r\n" and kind_of(c) not in (None, "unusual spaces")}
    return text.translate(dict.fromkeys(map(ord, odd))) if odd else text


@lru_cache(maxsize=4096)
def kind_of(character: str) -> str | None:
    """Why a character must be written out; None where it shows itself."""
    code, category = ord(character), unicodedata.category(character)
    kinds = {
        "Unicode tags, which spell hidden text": code in _TAGS,
        "variation selectors": any(code in selectors for selectors in _SELECTORS),
        "bidirectional controls, which reorder text": character in _BIDI,
        "control characters": category == "Cc",
        "invisible characters": category in ("Cf", "Zl", "Zp") or character in _LOOKS_EMPTY,
        "unusual spaces": category == "Zs" and character != " ",
        "characters without a meaning": category in ("Co", "Cn", "Cs"),
    }
    return next((kind for kind, is_it in kinds.items() if is_it), None)


def _odd(line: str) -> Iterator[str]:
    return (c for c in line if not (" " <= c <= "~") and c != "\t")


def _line(line: str) -> str:
    if line.isascii() and line.isprintable():
        return line
    shown: list[str] = []
    stack = STACK  # a line does not begin with a combining mark: it would sit on what stands before it
    for character in line:
        stack = stack + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        shown.append(_one(character, stacked=stack > STACK))
    return "".join(shown)


def _one(character: str, *, stacked: bool) -> str:
    if character == "\t":
        return TAB
    if stacked or character in _OURS or kind_of(character) is not None:
        return written_out(character)
    return character


def written_out(character: str) -> str:
    return f"{LEFT}U+{ord(character):04X}{RIGHT}"


def is_right_to_left(line: str) -> bool:
    """Holds a letter that is written from right to left, which moves others around it on many screens."""
    return not line.isascii() and any(unicodedata.bidirectional(c) in ("R", "AL", "AN") for c in line)


def wrapped(line: str, width: int) -> list[str]:
    """Pieces of at most ``width`` cells on any terminal; joined they are ``line`` again. Never an empty list.

    A character beyond ASCII counts for two cells: terminals disagree, and a line that is broken by the terminal
    would begin at its left edge, where only our own words stand.
    """
    pieces: list[str] = []
    start = used = 0
    for at, character in enumerate(line):
        cells = _cells(character)
        if used + cells > width and at > start:
            at_space = line.rfind(" ", start + width // 2, at) + 1
            stop = at_space or at
            pieces.append(line[start:stop])
            start, used = stop, sum(map(_cells, line[stop:at]))
        used += cells
    return [*pieces, line[start:]]


def _cells(character: str) -> int:
    return 1 if character.isascii() or character in (LEFT, RIGHT) else 2
