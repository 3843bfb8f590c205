"""What stands beside commits and says of their lines who wrote them: the form that notes and traces are read into."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from itertools import pairwise
from typing import Literal

import msgspec

from meshclaw.flow.attribution import Attribution, Confidence, Evidence, Source

MOST_RANGES = 1_000_000
"""Of a whole repository."""
LONGEST_LINE = 10_000_000
"""The number of a line; no file that people work on has more."""
LONGEST_NAME = 120


Range = tuple[int, int, int]
"""First line and last, 1 for the first of the file as the commit left it, and the number of the mark."""


class Beside(msgspec.Struct, kw_only=True):
    evidence: dict[str, list[Evidence]] = msgspec.field(default_factory=dict[str, list[Evidence]])
    """By commit."""
    marks: list[Attribution] = msgspec.field(default_factory=lambda: [Attribution(origin="unknown")])
    """Who wrote lines, by number; 0 says nothing."""
    lines: dict[str, dict[bytes, list[Range]]] = msgspec.field(
        default_factory=dict[str, dict[bytes, list[Range]]]
    )
    """By commit and path; once settled in their order, none meeting another."""
    caveats: list[str] = msgspec.field(default_factory=list[str])
    _numbers: dict[Evidence, int] = msgspec.field(default_factory=dict[Evidence, int])
    _ranges: int = 0

    def say(self, commit: str, path: bytes, ranges: Iterable[tuple[int, int]], mark: Attribution) -> bool:
        """Whether there was room for them."""
        number = self._numbers.setdefault(mark.evidence[0], len(self.marks))
        if number == len(self.marks):
            self.marks.append(mark)
        said = [(first, last, number) for first, last in ranges]
        self._ranges += len(said)
        if self._ranges > MOST_RANGES:
            return False
        self.lines.setdefault(commit, {}).setdefault(path, []).extend(said)
        return True

    def settle(self) -> None:
        """Put ranges in order; where some meet the last that was said holds."""
        for paths in self.lines.values():
            for path, ranges in paths.items():
                paths[path] = disjoint(ranges)

    def witness(self, commit: str, marks: Iterable[Attribution]) -> None:
        """What the marks are evidence of for the whole commit: of each tool, of a person where there is no tool."""
        distinct = dict.fromkeys(mark.evidence[0] for mark in marks)
        tools = [piece for piece in distinct if piece.origin == "ai"]
        if distinct:
            self.evidence.setdefault(commit, []).extend(tools or list(distinct)[:1])


def disjoint(ranges: Sequence[Range]) -> list[Range]:
    """The same in order, where ranges meet by the last of them."""
    order = sorted(range(len(ranges)), key=lambda at: ranges[at][0])
    edges = sorted({first for first, _, _ in ranges} | {last + 1 for _, last, _ in ranges})
    found: list[Range] = []
    over: list[tuple[int, int]] = []  # ranges that began, the last said first, each with its last line
    begun = 0
    for at, end in pairwise(edges):
        while begun < len(order) and ranges[order[begun]][0] == at:
            heappush(over, (-order[begun], ranges[order[begun]][1]))
            begun += 1
        while over and over[0][1] < at:
            heappop(over)
        if not over:
            continue
        number = ranges[-over[0][0]][2]
        if found and found[-1][1] == at - 1 and found[-1][2] == number:
            found[-1] = (found[-1][0], end - 1, number)
        else:
            found.append((at, end - 1, number))
    return found


def mark_of(
    source: Source,
    rule: str,
    confidence: Confidence,
    origin: Literal["human", "ai", "unknown"],
    *,
    tool: str = "",
    model: str = "",
    session: str = "",
) -> Attribution:
    """``unknown``: a person and a tool both wrote these lines; so it is still evidence of the tool."""
    piece = Evidence(
        source=source, rule=rule, confidence=confidence, origin="human" if origin == "human" else "ai",
        tool=tool, model=model, session=session,
    )  # fmt: skip
    return Attribution(origin=origin, tool=tool if origin == "ai" else "", evidence=(piece,))


def is_inside(path: bytes) -> bool:
    """Whether a path is one of a file in a repository: relative, without steps up, not git's own."""
    parts = path.split(b"/")
    return bool(path) and b"\0" not in path and not {b"", b".", b"..", b".git"} & set(parts)


def name(said: object) -> str:
    """A name from a record that anybody may have written: printable, short."""
    return (
        "".join(letter for letter in said if letter.isprintable())[:LONGEST_NAME]
        if isinstance(said, str)
        else ""
    )
