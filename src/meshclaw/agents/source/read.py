"""Which kind of source a word names."""

from __future__ import annotations

from pathlib import Path

from meshclaw.agents.source import archive, folder, git
from meshclaw.agents.source.files import Files
from meshclaw.errors import NotFound


def read(source: str) -> Files:
    """A folder, an archive, or a repository by https or on this disk."""
    if git.is_one(source):
        return git.read(source)
    path = Path(source)
    if path.is_dir():
        return folder.read(path)
    if path.is_file() and source.endswith(archive.SUFFIXES):
        return archive.read(path)
    raise NotFound(
        f"{source!r} is no folder, no archive ({', '.join(archive.SUFFIXES)}) and no repository",
        fix="A repository is named https://host/agent.git, or git+file:///path; a folder in it behind a #.",
    )
