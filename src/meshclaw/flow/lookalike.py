"""What a hasty eye takes for the same: domains and names one slip or one twin letter apart."""

from __future__ import annotations

import unicodedata
from functools import cache, lru_cache
from typing import Literal, TypedDict, cast

_SHORTEST = 5
"""Names below this length are one letter apart by chance."""
# What looks alike in ASCII already, longest first.
_ASCII_TWINS = (
    ("rn", "m"),
    ("vv", "w"),
    ("cl", "d"),
    ("0", "o"),
    ("1", "l"),
    ("i", "l"),
    ("5", "s"),
    ("3", "e"),
)


def alike(one: str, other: str) -> bool:
    """Not the same, and easily taken for it."""
    return one != other and (skeleton(one) == skeleton(other) or near(one, other))


def near(one: str, other: str) -> bool:
    """One typing slip apart (insert, drop, replace or swap a letter) in a name that is long enough."""
    if abs(len(one) - len(other)) > 1 or one == other or len(other.partition(".")[0]) < _SHORTEST:
        return False
    start = next(
        (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
    left, right = one[start:], other[start:]
    swapped = left[:2] == right[1::-1] and left[2:] == right[2:]
    return swapped or left[1:] == right[1:] or left[1:] == right or left == right[1:]


@lru_cache(maxsize=4096)
def skeleton(name: str) -> str:
    """What is left of a name for a hasty eye: accents, foreign twins and ASCII twins made one."""
    text = name.lower()
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text)
        text = "".join(c for c in text if not unicodedata.combining(c))
        text = "".join(c if c.isascii() else _twins().get(c, c) for c in text)
    for pair, one in _ASCII_TWINS:
        text = text.replace(pair, one)
    return text


@cache
def _twins() -> dict[str, str]:
    """Characters of other scripts that look like an ASCII letter or digit (Unicode TR 39), by that letter."""
    from confusable_homoglyphs import confusables  # here: 90 ms of CPU, for names beyond ASCII only

    class Twin(TypedDict):
        homoglyphs: list[dict[str, str]]

    found: dict[str, str] = {}
    for plain in "abcdefghijklmnopqrstuvwxyz0123456789":
        twins = cast("list[Twin] | Literal[False]", confusables.is_confusable(plain, greedy=True))  # pyright: ignore[reportUnknownMemberType]
        for twin in twins or []:
            for glyph in twin["homoglyphs"]:
                found.setdefault(glyph["c"], plain)
    return found
