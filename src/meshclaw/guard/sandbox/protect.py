"""Protected paths inside the work folder: sealed where they exist, set aside afterwards where a command planted them.

Every step of a path is opened on its own and no link is followed: the folder's content is the command's word.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import stat
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from meshclaw.errors import Busy, Refused


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """Protected paths of one work folder, relative to it, shortest first."""

    held: tuple[str, ...]
    """Folders that exist and hold protected paths."""
    sealed: tuple[str, ...]
    absent: tuple[str, ...]


@contextmanager
def only_one(work: Path) -> Generator[int]:
    """The work folder, open; raises Busy where another sandbox works in it: two could trick each other's checks."""
    folder = os.open(work, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield folder
    except BlockingIOError as error:
        raise Busy(
            f"another sandbox works in {str(work)!r}",
            fix="Wait until it has ended, or use another work folder.",
        ) from error
    finally:
        os.close(folder)


def survey(folder: int, protected: Sequence[str]) -> Survey:
    """What of ``protected`` lies below ``folder``. Raises Refused where a link stands in such a path."""
    held: set[str] = set()
    sealed: set[str] = set()
    absent: set[str] = set()
    for path in protected:
        found = open_beneath(folder, path)
        if found is None:
            absent.add(path)
            continue
        is_folder = stat.S_ISDIR(os.fstat(found).st_mode)
        os.close(found)
        holds_others = is_folder and any(other.startswith(f"{path}/") for other in protected)
        (held if holds_others else sealed).add(path)
        held |= {path[: match.start()] for match in re.finditer("/", path)}
    return Survey(held=_ordered(held - sealed), sealed=_ordered(sealed), absent=_ordered(absent))


def open_beneath(folder: int, path: str) -> int | None:
    """An ``O_PATH`` descriptor, or None where nothing is there. Raises Refused where a step is a link."""
    at = os.dup(folder)
    for step in path.split("/"):
        try:
            at, before = os.open(step, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at), at
        except (FileNotFoundError, NotADirectoryError):
            os.close(at)
            return None
        os.close(before)
        if stat.S_ISLNK(os.fstat(at).st_mode):
            os.close(at)
            raise Refused(
                f"{step!r} in the protected path {path!r} is a link, which cannot be held in place",
                fix="Put the file or folder itself there, or take the path off the protected ones.",
            )
    return at


def set_aside(folder: int, absent: Sequence[str]) -> tuple[str, ...]:
    """Rename whatever now stands at a path that was free before; what was renamed. Call it when all has ended."""
    return tuple(moved for path in absent if (moved := _set_aside(folder, path.split("/"))))


def _set_aside(folder: int, steps: Sequence[str]) -> str:
    """A link half-way leads to the protected path as well as a folder does, so the link is what goes."""
    at = os.dup(folder)
    try:
        for number, step in enumerate(steps, start=1):
            kind = _mode(at, step)
            if not kind or (number < len(steps) and not stat.S_ISDIR(kind) and not stat.S_ISLNK(kind)):
                return ""
            if number == len(steps) or stat.S_ISLNK(kind):
                aside = f"{step}.set-aside-{secrets.token_hex(4)}"
                os.rename(step, aside, src_dir_fd=at, dst_dir_fd=at)
                return "/".join(steps[:number])
            below = os.open(step, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
            at, before = below, at
            os.close(before)
    finally:
        os.close(at)
    return ""


def _mode(folder: int, step: str) -> int:
    try:
        return os.stat(step, dir_fd=folder, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return 0


def _ordered(paths: set[str]) -> tuple[str, ...]:
    return tuple(sorted(paths, key=lambda path: (path.count("/"), path)))
