"""One daemon per state folder, and what others are told about it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from meshclaw.daemon.service import Standing
from meshclaw.errors import Busy

LOCK = "daemon.lock"
STATE = "daemon.json"


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What the daemon keeps in the state folder for ``meshclaw daemon status``."""

    pid: int
    started: str
    """RFC 3339."""
    page: str = ""
    """Address of the local page, without its token; empty where there is none."""
    services: dict[str, Standing] = {}


@contextmanager
def alone(folder: Path) -> Generator[None]:
    """Holds the place while the block lasts; Busy where another one does."""
    with (folder / LOCK).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Busy(f"the daemon runs already, as process {pid(folder)}", fix="Stop it first.") from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        try:
            yield
        finally:
            (folder / STATE).unlink(missing_ok=True)


def pid(folder: Path) -> int | None:
    """The daemon's process, if one holds the lock."""
    try:
        with (folder / LOCK).open("r+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return int(file.read() or 0)
    except FileNotFoundError:
        pass
    return None


def tell(folder: Path, known: Known) -> None:
    partial = folder / f"{STATE}.part"
    partial.write_bytes(msgspec.json.encode(known))
    partial.replace(folder / STATE)


def told(folder: Path) -> Known | None:
    """What the running daemon last told; None where none runs, or it has told nothing yet."""
    if pid(folder) is None:
        return None
    try:
        return msgspec.json.decode((folder / STATE).read_bytes(), type=Known)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None
