"""A slip on a terminal, so that nothing in it can pass for a word of ours.

Our lines begin at the left edge with a letter. Every line of a value from outside begins with a mark: ``│`` for a new
line of the value, ``┊`` where we broke a long one. We break lines ourselves, narrower than any terminal would.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from typing import Literal

import msgspec

from meshclaw.flow.declaration import Declaration
from meshclaw.flow.slip import Slip
from meshclaw.guard.exposed import exposed, is_right_to_left, wrapped
from meshclaw.guard.slip import Section, sections

NEW, GOES_ON = "│ ", "┊ "
SIDE, RIGHT_TO_LEFT = "   ", "rtl"
"""Before the mark. Letters there keep a screen that turns whole lines around from turning these."""
NARROWEST = 24
FIRST, LAST = 30, 10
"""Drawn lines of a long value that are shown without ``--full``."""


class Line(msgspec.Struct, frozen=True):
    kind: Literal["ours", "alarm", "theirs"]
    text: str


def drawn(
    slip: Slip,
    declaration: Declaration,
    *,
    width: int,
    full: bool = False,
    only: frozenset[str] | None = None,
) -> Iterator[Line]:
    """The lines of ``slip``, each at most ``width`` cells; without ``full`` long texts are shortened, counted.

    ``only`` names what is drawn of a slip that is alike to one drawn before.
    """
    width = max(width, NARROWEST)
    if only is None:
        yield from _head(slip, declaration, width)
    for section in sections(slip, declaration):
        if only is None or section.name in only:
            yield from _section(section, width, full=full)


def _head(slip: Slip, declaration: Declaration, width: int) -> Iterator[Line]:
    back = "can be taken back" if declaration.reversible else "cannot be taken back"
    yield from _ours(f"{declaration.words}.", width)
    what = f"Effect: {declaration.effect}, {back}. Verb: {declaration.verb}. Agent: {_plain(slip.agent)}."
    yield from _ours(what, width)
    told = "MeshClaw did not write what stands behind a bar; a dotted bar goes on with the line above it."
    yield from _ours(told, width)
    for reason in slip.asks:
        yield from _ours("Why it asks:", width)
        yield from _theirs(exposed(reason), width)


def _section(section: Section, width: int, *, full: bool) -> Iterator[Line]:
    origin = f"; {section.origin}" if section.origin else ""
    yield from _ours(f"{_plain(section.name)} ({section.role}{origin}):", width)
    lines = list(_theirs(section.lines, width))
    if full or section.whole or len(lines) <= FIRST + LAST + 1:
        yield from lines
    else:
        yield from lines[:FIRST]
        count = sum(map(len, section.lines))
        yield from _ours(
            f"Left out here: {len(lines) - FIRST - LAST} lines of {len(lines)}; the value has {count} characters. "
            "To see all of it add --full to: meshclaw approvals why",
            width,
        )
        yield from lines[-LAST:]
    for note in section.notes:
        yield from _ours(f"{note.words}{':' if note.lines else '.'}", width, alarming=note.alarming)
        yield from _theirs(note.lines, width)


def _ours(text: str, width: int, *, alarming: bool = False) -> Iterator[Line]:
    text = " ".join(exposed(f"Look: {text}" if alarming else text))  # a declaration may come from a manifest
    lines = textwrap.wrap(text, width, break_on_hyphens=False)
    return (Line("alarm" if alarming else "ours", line) for line in lines)


def _plain(name: str) -> str:
    """Names of arguments come from declarations, which a person reviewed; still only what a name is made of."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "_.-@") else "?" for c in name)[:60]


def _theirs(lines: list[str], width: int) -> Iterator[Line]:
    for line in lines:
        side = RIGHT_TO_LEFT if is_right_to_left(line) else SIDE
        for number, piece in enumerate(wrapped(line, width - len(SIDE) - len(NEW))):
            yield Line("theirs", f"{side}{GOES_ON if number else NEW}{piece}")


def show(slip: Slip, declaration: Declaration, *, full: bool = False, to_stderr: bool = False,
    only: frozenset[str] | None = None,
) -> None:  # fmt: skip
    """On the terminal, with colour where it shows any and ``NO_COLOR`` does not forbid it."""
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=to_stderr, highlight=False, markup=False, emoji=False)
    width = console.width if (sys.stderr if to_stderr else sys.stdout).isatty() else 100
    styles = {"ours": "bold", "alarm": "bold red", "theirs": ""}
    for line in drawn(slip, declaration, width=width, full=full, only=only):
        console.print(Text(line.text, style=styles[line.kind]), soft_wrap=True)
