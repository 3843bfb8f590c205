"""What of a commit's message its makers said of themselves: lines that may sign it, without what only quotes others.

Tools sign at the end, but a squash carries the ends of all its commits in the middle, as list items or quoted or, with
``git merge --squash``, indented. So every line counts, with three exceptions: a fenced block shows text; in a revert
what is quoted speaks of the commit that is undone; and what follows "Original message" there is a quotation too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile

MARKS = " \t>*+-•·_#|(🤖🤝✨⚡👾💘🐾🦾🚀\ufe0f"
"""Before what a line says: list items, quotes, emphasis, the pictures that tools put there."""
LONGEST = 2000
"""Characters of a line that are looked at."""

REVERT = re.compile(
    r"(?:\W*[\w()/-]+(?:\([^)]*\))?!?:\s*)?(?:revert(?:s|ing)?|reapply|back(?:ed)? out|undo)\b", re.IGNORECASE
)
ORIGINAL = re.compile(
    r"\W*(?:original|reverted) (?:commit|message|commit message|description|pr|change)\b", re.IGNORECASE
)
FENCE = re.compile(r"\s*(```|~~~)")


def is_revert(message: str) -> bool:
    """By its first line: ``Revert "…"``, ``fix: revert …``, ``Reapply …``."""
    return REVERT.match(message.lstrip()) is not None


def signing(message: str) -> Iterator[str]:
    """Each line that may sign, without the marks before it."""
    lines = message.splitlines()
    if "```" in message or "~~~" in message:
        lines = _unfenced(lines)
    if is_revert(message):
        lines = list(takewhile(lambda line: not ORIGINAL.match(line), lines))
        lines = [line for line in lines if not line.startswith((">", "    ", "\t"))]
    for line in lines:
        if said := line[:LONGEST].lstrip(MARKS):
            yield said


def _unfenced(lines: list[str]) -> list[str]:
    """A fence that nobody closes is none."""
    outside: list[str] = []
    inside: list[str] = []
    mark = ""
    for line in lines:
        fence = FENCE.match(line)
        if mark:
            inside.append(line)
            if fence and fence[1] == mark:
                mark, inside = "", []
        elif fence:
            mark, inside = fence[1], [line]
        else:
            outside.append(line)
    return outside + inside
