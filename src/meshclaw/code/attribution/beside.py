"""What stands beside commits and says of their lines who wrote them: the form that notes and traces are read into."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from meshclaw.flow.attribution import Confidence, Evidence, Origin, Source

MOST_RANGES = 1_000_000
"""Of a whole repository."""
LONGEST_LINE = 10_000_000
"""The number of a line; no file that people work on has more."""
LONGEST_NAME = 120


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """Who wrote a range of lines."""

    origin: Origin
    """``unknown`` where a person and a tool both did."""
    tool: str = ""
    model: str = ""
    session: str = ""


NOT_SAID = Mark(origin="unknown")

Range = tuple[int, int, int]
"""First line and last, 1 for the first of the file as the commit left it, and the position of the mark in ``marks``."""


class Beside(msgspec.Struct, kw_only=True):
    evidence: dict[str, list[Evidence]] = msgspec.field(default_factory=dict[str, list[Evidence]])
    """By commit."""
    marks: list[Mark] = msgspec.field(default_factory=lambda: [NOT_SAID])
    """The first says nothing, so that 0 does."""
    lines: dict[str, dict[bytes, list[Range]]] = msgspec.field(
        default_factory=dict[str, dict[bytes, list[Range]]]
    )
    """By commit and path. Where ranges meet the last one holds."""
    caveats: list[str] = msgspec.field(default_factory=list[str])
    _places: dict[Mark, int] = msgspec.field(default_factory=dict[Mark, int])
    _ranges: int = 0

    def say(self, commit: str, path: bytes, ranges: Iterable[tuple[int, int]], mark: Mark) -> bool:
        """Whether there was room for them."""
        place = self._places.get(mark)
        if place is None:
            place = self._places[mark] = len(self.marks)
            self.marks.append(mark)
        said = [(first, last, place) for first, last in ranges]
        self._ranges += len(said)
        if self._ranges > MOST_RANGES:
            return False
        self.lines.setdefault(commit, {}).setdefault(path, []).extend(said)
        return True

    def witness(
        self, commit: str, source: Source, rule: str, confidence: Confidence, marks: Iterable[Mark]
    ) -> None:
        """One piece of evidence for each tool; a person is evidence where no tool is."""
        distinct = dict.fromkeys(marks)
        tools = [mark for mark in distinct if mark.origin == "ai" or mark.tool]
        people = [] if tools else [mark for mark in distinct if mark.origin == "human"]
        self.evidence.setdefault(commit, []).extend(
            Evidence(
                source=source, rule=rule, confidence=confidence, origin="ai" if mark in tools else "human",
                tool=mark.tool, model=mark.model, session=mark.session,
            )
            for mark in [*tools, *people[:1]]
        )  # fmt: skip


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
