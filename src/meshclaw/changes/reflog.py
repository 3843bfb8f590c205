"""Which commits were made in a clone itself: git's own diary of its head, one for each work tree.

The files are read as they lie there; nothing of the repository is executed. git forgets after 30 to 90 days.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from stat import S_ISREG
from typing import Final

import msgspec

MOST_BYTES: Final = 32 << 20
"""Of one diary; of a longer one the end."""
ENTRY = re.compile(rb"^([0-9a-f]{40,64}) ([0-9a-f]{40,64}) .*> (\d{1,12}) [+-]\d{4}\t(.*)$")
"""Before, after, who, when, and what was done."""
MADE = re.compile(rb"^(?:commit|cherry-pick|revert)\b[^:]*: (.*)$")
MOVED = re.compile(rb"^checkout: moving from .* to (.*)$")


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """A commit, as it was made here; it may have been amended or rebased since."""

    sha: str
    at: int
    """Unix seconds."""
    subject: str = ""
    branch: str = ""
    folder: str = ""
    """Of the work tree."""
    tool: str = ""
    """That signed it. Empty, as the two above, where it is not known."""


def work_trees(common: bytes) -> list[tuple[str, Path]]:
    """``common``: the folder that all work trees share. Each work tree's folder and its diary.

    A folder counts that leads back: else a repository could name anybody's.
    """
    shared = Path(os.fsdecode(common))
    found = [(str(shared.parent), shared / "logs" / "HEAD")] if shared.name == ".git" else []
    for one in sorted((shared / "worktrees").glob("*/gitdir")):
        back = Path(os.fsdecode(_content(one).strip()))
        named = os.fsdecode(_content(back).strip()).removeprefix("gitdir: ")
        if named and os.path.realpath(back.parent / named) == os.path.realpath(one.parent):
            found.append((str(back.parent), one.parent / "logs" / "HEAD"))
    return found


def _content(path: Path) -> bytes:
    """The end of a regular file; nothing of what is none, cannot be read, or is not there."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError):
        return b""
    try:
        status = os.fstat(file)
        return (
            os.pread(file, MOST_BYTES, max(0, status.st_size - MOST_BYTES))
            if S_ISREG(status.st_mode)
            else b""
        )
    finally:
        os.close(file)


def made_here(common: bytes) -> list[Made]:
    return [made for folder, diary in work_trees(common) for made in _read(folder, diary)]


def _read(folder: str, diary: Path) -> Iterator[Made]:
    branch = ""
    for line in _content(diary).split(b"\n"):
        entry = ENTRY.match(line)
        if entry is None:
            continue
        _, sha, at, what = entry.groups()
        if moved := MOVED.match(what):
            branch = moved[1].decode("utf-8", "replace")
        elif made := MADE.match(what):
            yield Made(
                sha=sha.decode(), at=int(at), subject=made[1].decode("utf-8", "replace"), branch=branch, folder=folder
            )  # fmt: skip
