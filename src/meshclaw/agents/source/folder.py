"""Files from a folder, never through a link: what is read is what lies there."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from meshclaw.agents.source.files import Files, Gathering
from meshclaw.errors import UserError

_REPOSITORY = ".git"
"""At the top it is the author's history and no part of the agent."""


def read(folder: Path, *, leaving: str = _REPOSITORY) -> Files:
    """Without ``leaving`` at the top. Raises UserError for links, devices, hidden files, and more than may be."""
    if folder.is_symlink() or not folder.is_dir():
        raise UserError(f"{str(folder)!r} is not a folder", fix="Name the folder that holds AGENT.md.")
    gathering = Gathering(str(folder))
    try:
        _walk(folder, "", gathering, leaving)
    except OSError as error:
        raise UserError(f"{str(folder)!r} cannot be read ({error.strerror}: {error.filename!r})") from error
    return gathering.files


def _walk(folder: Path, within: str, gathering: Gathering, leaving: str = "") -> None:
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        path = f"{within}{entry.name}"
        if path == leaving:
            continue
        gathering.check(path)
        if entry.is_symlink():
            raise gathering.refused(path, "it is a link")
        if entry.is_dir(follow_symlinks=False):
            _walk(folder / entry.name, f"{path}/", gathering)
        else:
            gathering.add(path, _content(folder / entry.name, path, gathering))


def _content(file: Path, path: str, gathering: Gathering) -> bytes:
    opened = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe would block
    with open(opened, "rb") as stream:  # noqa: PTH123 - a descriptor
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            raise gathering.refused(path, "it is no plain file")
        return stream.read(gathering.room() + 1)
