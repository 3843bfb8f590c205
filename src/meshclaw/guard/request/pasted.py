"""Whose words stand in a request: what is pasted or quoted in it was written by somebody else, and asks for nothing.

Four readings of the same text. ``own`` is without pasted blocks; ``asking`` also without what is said or quoted
(quoted words are marked, so that they name things and never deeds); ``targets`` holds what may name whom or what is
meant: short quotes do, long ones, sayings, and what the person left out ("but not to Bob") do not.
"""

from __future__ import annotations

import re
from functools import cached_property

from meshclaw.guard import text
from meshclaw.guard.request.lexicon import BUT_DO, LEFT_OUT

MARK = "\x01"
"""Before every quoted word in ``asking``."""
_LONGEST_NAME = 8
"""Words; a longer quotation is a text and no name."""
_LONGEST_THING = 4
"""Words; in a longer quotation, "the meeting" may be anything but what is to be cancelled."""

_FENCE = re.compile(r"(?:```|~~~).*?(?:```|~~~|\Z)", re.DOTALL)
# Where a mail program, or a person who copies, begins somebody else's text; it goes on to the end.
_RULE = re.compile(
    r"\s*[-_=]{2,}\s*(?:original|forwarded|begin|start)\b|\s*begin forwarded message", re.IGNORECASE
)
_HEADER = re.compile(r"(?:from|to|cc|subject|date|sent|reply-to):", re.IGNORECASE)
_GREETING = re.compile(r"\s*(?:hi|hello|dear|hey)\b.{0,60},\s*", re.IGNORECASE)
_LOOKS = re.compile(
    r"\b(?:wrote|writes|says|said|reads|states)\s*:\s*\Z"
    r"|\b(?:summari[sz]e|translate|explain|proofread|rephrase|review|analy[sz]e|check|read)\b",
    re.IGNORECASE,
)
_CITED = re.compile(r"\s*[>|]")
# "The mail says: ..." up to an empty line; "write this message: ..." up to the end of its line.
_SAID = re.compile(
    r"(?P<head>\b(?:says?|said|reads|wrote|writes|states|claims|goes)[ \t]*:)(?:(?!\n[ \t]*\n).)*"
    r"|(?P<noun>\b(?:message|text|question|comment|subject|body|description|title|reply|announcement|saying|caption"
    r"|sentence|translate)\b[^:\n.!?]{0,60}:)(?=\s)[^\n]*",
    re.IGNORECASE | re.DOTALL,
)
_QUOTED = re.compile(r"\"([^\"]+)\"|(?<!\w)'([^'\n]+)'(?!\w)")
_LEFT = re.compile(
    rf"\b(?:but not|and not|not to|not for|not with|{'|'.join(sorted(LEFT_OUT))}|do not|don't|dont|never)\b"
    rf"(?! (?:{'|'.join(sorted(BUT_DO))})\b)"
    r"(?:[^,.;!?\n]|[.,](?=\S))*",
    re.IGNORECASE,
)


class Parts:
    def __init__(self, raw: str) -> None:
        self.raw = raw
        self.own = _without_blocks(text.legible(raw).replace(MARK, " ")).translate(text.QUOTES)
        without_said = _SAID.sub(lambda found: found["head"] or found["noun"], self.own)
        self.asking = _QUOTED.sub(_marked, without_said)
        named = _QUOTED.sub(lambda found: found[0] if _is_name(_inner(found)) else " ", without_said)
        self.targets = _LEFT.sub(" ", named)
        self.left_out = " ".join(found[0].partition(" ")[2] for found in _LEFT.finditer(named))

    @cached_property
    def quotations(self) -> frozenset[str]:
        """Everything in quotation marks, however long."""
        return frozenset(_inner(found) for found in _QUOTED.finditer(self.own))

    @cached_property
    def quoted(self) -> list[str]:
        """Short quotations as they were written."""
        return [inner for found in _QUOTED.finditer(self.targets) if _is_name(inner := _inner(found))]

    @cached_property
    def unquoted(self) -> str:
        return _QUOTED.sub(' " ', self.targets)


def _without_blocks(raw: str) -> str:
    kept: list[str] = []
    begun = False
    lines = _FENCE.sub("\n", raw).split("\n")
    for number, line in enumerate(lines):
        headers = _HEADER.match(line) and _HEADER.match("".join(lines[number + 1 : number + 2]))
        greeting = begun and _GREETING.fullmatch(line)
        if _RULE.match(line) or headers or greeting:
            break
        if not _CITED.match(line):
            kept.append(line)
            begun = begun or bool(line.strip())
        if line.rstrip().endswith(":") and _LOOKS.search(line):
            break
    return "\n".join(kept)


def _inner(found: re.Match[str]) -> str:
    return found[1] or found[2]


def _is_name(quoted: str) -> bool:
    return len(quoted.split()) <= _LONGEST_NAME and not re.search(r"[.!?]\s|\n", quoted)


def _marked(found: re.Match[str]) -> str:
    words = _inner(found).split()
    return " ".join(f" {MARK}{word}" for word in words) + " " if len(words) <= _LONGEST_THING else ' " '
