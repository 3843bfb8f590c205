"""What the disk can refuse, in words for a person; and bytes that stay once they are written."""

from __future__ import annotations

import errno
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from meshclaw.errors import Operational, Refused

_FULL = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the disk quota is used up"}
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


@contextmanager
def on_disk(address: str) -> Generator[None, None, None]:
    """Turn an OSError about ``address`` into Operational (full, broken) or Refused (not ours to write)."""
    try:
        yield
    except OSError as error:
        raise _in_words(address, error) from error


def _in_words(address: str, error: OSError) -> Operational:
    if error.errno in _FULL:
        return Operational(
            f"{address}: {_FULL[error.errno]}; nothing was changed",
            fix="Free some space where the mailbox lies and run the same command again.",
        )
    if error.errno in _FORBIDDEN:
        return Refused(
            f"{address}: no right to change {error.filename or 'the mailbox'} ({error.strerror})",
            fix="Run as the mailbox's owner, or give yourself the right to write there.",
        )
    return Operational(
        f"{address}: {error.strerror or error} ({error.filename or 'no file named'})",
        fix="Check the disk that holds the mailbox.",
    )


def write_all(fd: int, data: bytes) -> None:
    """``os.write`` may stop short, on a nearly full disk above all."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def read_file(path: str, limit: int) -> bytes:
    """At most ``limit`` bytes, without making room for more than there are."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)  # once per mail: a file object costs more than the reading
    try:
        wanted = min(limit, os.fstat(fd).st_size)
        data = os.read(fd, wanted)
        while len(data) < wanted and (more := os.read(fd, wanted - len(data))):
            data += more
        return data
    finally:
        os.close(fd)


def sync_directory(path: str | Path) -> None:
    """A rename or a new name is durable only when its directory is."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
