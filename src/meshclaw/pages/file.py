"""Keeping a page: whole or not at all, for its owner's eyes, and never over a file that is no page of ours."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path

from meshclaw.errors import Operational, UserError

MARK = b'<meta name="generator" content="MeshClaw">'
"""What every page of ours says near its start."""
MARKED_WITHIN = 1_000
"""Bytes."""


def keep(html: str, path: Path, *, force: bool = False) -> None:
    """A page of ours in its place is replaced; another file only with ``force``, and what is no file never."""
    target = path.resolve() if path.is_symlink() else path
    try:
        _allow(target, force=force)
        _replace(target, html.encode("utf-8", "replace"))
    except OSError as error:
        raise Operational(
            f"{str(path)!r} cannot be written: {error.strerror}", fix="Name a file in a folder of yours."
        ) from error


def _allow(path: Path, *, force: bool) -> None:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        raise UserError(f"{str(path)!r} is no file", fix="Name a new file, as in: usage.html")
    with path.open("rb") as file:
        is_ours = MARK in file.read(MARKED_WITHIN)
    if not is_ours and not force:
        raise UserError(
            f"{str(path)!r} exists and is no page of ours",
            fix="Name another file, or say --force to replace it.",
        )


def _replace(path: Path, content: bytes) -> None:
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.")  # for its owner alone
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(beside).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(beside).unlink()
        raise
