"""What git says each commit of the first-parent line did to each file, one difference after the other.

git is told to begin a line of old content with a space and a line of new content with a tab: so neither can be taken
for the head of a hunk, a file or a commit, and both signs go where white space is taken out.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Iterable, Iterator
from typing import IO

import msgspec

MARK = b"\ndiff --git "
COMMIT = b"\x01"
"""First byte after the mark where a commit begins."""
DIFFERENCES = (
    "diff-tree", "--stdin", "-r", "--root", "-p", "-U0", "-M50%", "-l1000", "--full-index", "--no-prefix", "--no-color",
    "--no-ext-diff", "--no-textconv", "--no-relative", "--submodule=short", "--ignore-submodules=none",
    "--src-prefix=", "--dst-prefix=", "--diff-algorithm=myers", "--indent-heuristic", "--inter-hunk-context=0",
    "--output-indicator-old= ", "--output-indicator-new=\t", f"--format={MARK[1:].decode()}%x01%H",
)  # fmt: skip
PIECE = 1 << 20
REST_S = 0.005
"""Time in which git fills a good part of the pipe."""
SET_PIPE_SIZE = 1031
"""``F_SETPIPE_SZ`` of Linux."""
WHOLE = ("new", "deleted")
SUBMODULE = b"160000"
LINK = b"120000"
ESCAPE = re.compile(rb"\\([0-7]{3}|.)")
PLAIN = {
    b"a": b"\a", b"b": b"\b", b"t": b"\t", b"n": b"\n", b"v": b"\v", b"f": b"\f", b"r": b"\r",
}  # fmt: skip


class Change(msgspec.Struct, gc=False):
    """What one commit did to one file."""

    path: bytes
    source: bytes = b""
    """Path before, of a renamed file."""
    how: str = "changed"
    """``new``, ``deleted``, ``renamed`` or ``changed``."""
    before: bytes = b""
    """Object id, empty where the content stayed."""
    after: bytes = b""
    mode: bytes = b""
    """After; before for a deleted file; empty where only the content changed and git did not say."""
    binary: bool = False
    hunks: list[bytes] = msgspec.field(default_factory=list[bytes])
    """From ``12,3 +12,4 @@`` on; old lines begin with a space, new ones with a tab."""


def pieces(pipe: IO[bytes]) -> Iterator[bytes]:
    """What comes, in large pieces: git writes little by little, and who wakes up for each little does little else."""
    file, rest = pipe.fileno(), REST_S if _widened(pipe) else 0.0
    held: list[bytes] = []
    size = 0
    while data := os.read(file, PIECE):
        held.append(data)
        size += len(data)
        if size >= PIECE:
            yield b"".join(held)
            held, size = [], 0
        elif rest:
            time.sleep(rest)
    yield b"".join(held)


def _widened(pipe: IO[bytes]) -> bool:
    """Whether the pipe holds a whole piece, as not every system can have it."""
    try:
        fcntl.fcntl(pipe, SET_PIPE_SIZE, PIECE)
    except OSError:
        return False
    return True


def parts(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The stream cut at every mark: a commit or a file's difference, as one piece of bytes each."""
    rest, more = b"", [b"\n"]
    for piece in pieces:
        seam = (more[-1] if more else rest)[-len(MARK) :]
        more.append(piece)
        # what is already large is not searched again and again
        if len(rest) > PIECE and MARK not in seam + piece:
            continue
        found = b"".join((rest, *more)).split(MARK)
        rest, more = found.pop(), []
        yield from filter(None, found)
    if last := b"".join((rest, *more)).removesuffix(b"\n"):
        yield last


def change(part: bytes) -> Change:
    top, _, rest = part.partition(b"\n@@ -")
    head = top.split(b"\n")
    names = head[0]
    # without prefixes and unless there is a line of its own for each, both names are the same
    found = Change(unquoted(names[: len(names) >> 1]))
    for line in head[1:]:
        start = line[:6]
        if start == b"index ":
            ids, _, mode = line[6:].partition(b" ")
            found.before, _, found.after = ids.partition(b"..")
            found.mode = mode or found.mode
        elif start in NAMED:
            NAMED[start](found, line)
    if rest:
        # a whole file is one hunk: its lines need not be searched for more
        found.hunks = [rest] if found.how in WHOLE else rest.split(b"\n@@ -")
    return found


def _born(found: Change, line: bytes) -> None:
    found.how, found.mode = "new", line.removeprefix(b"new file mode ")


def _deleted(found: Change, line: bytes) -> None:
    found.how, found.mode = "deleted", line.removeprefix(b"deleted file mode ")


def _moded(found: Change, line: bytes) -> None:
    found.mode = line.removeprefix(b"new mode ")


def _moved(found: Change, line: bytes) -> None:
    if line.startswith(b"rename from "):
        found.how, found.source = "renamed", unquoted(line.removeprefix(b"rename from "))
    else:
        found.path = unquoted(line.removeprefix(b"rename to "))


def _binary(found: Change, line: bytes) -> None:  # noqa: ARG001 - as the others in the table
    found.binary = True


NAMED = {b"new fi": _born, b"delete": _deleted, b"new mo": _moded, b"rename": _moved, b"Binary": _binary}
"""What to do with a line of a file's head, by its first six bytes."""


def unquoted(name: bytes) -> bytes:
    """A path as it is: git puts one with control characters, quotes or backslashes in quotes, in C's manner."""
    if not name.startswith(b'"'):
        return name
    return ESCAPE.sub(_plain, name[1:-1])


def _plain(found: re.Match[bytes]) -> bytes:
    code = found[1]
    return bytes((int(code, 8),)) if len(code) == 3 else PLAIN.get(code, code)
