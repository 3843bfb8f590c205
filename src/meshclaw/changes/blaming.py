"""Whose each line of a file is: the commit that wrote it, and who made that, as far as its records say."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from meshclaw.changes.reading import attributed, transcripts
from meshclaw.changes.report import day
from meshclaw.changes.sample import UNKNOWN
from meshclaw.code import git, lifetimes
from meshclaw.flow.attribution import Origin
from meshclaw.settings.home import home


class Line(msgspec.Struct, frozen=True, kw_only=True):
    line: int
    """1 for the first."""
    commit: str
    """Of the first-parent line: a merge for all that it brought in."""
    day: str
    """UTC, by the committer's clock."""
    origin: Origin
    tool: str


class Blamed(msgspec.Struct, frozen=True, kw_only=True):
    head: str
    file: str
    lines: list[Line]


def blame(path: Path, file: str) -> Blamed:
    """``file``: from the top of the repository. Raises ``MeshClawError`` for what cannot be read or is not there."""
    found = lifetimes.read(path, every=True, keep=home() / "code" / "lines")
    owners = found.blame(os.fsencode(file))
    with git.opened(path) as repository:
        who = attributed(repository, transcripts(repository))[2].by_commit
    days = {sha: day(at) for sha, at in zip(found.history.commits.sha, found.history.commits.at, strict=True)}
    lines = [
        Line(line=number, commit=sha, day=days[sha], origin=one.origin, tool=one.tool)
        for number, sha in enumerate(owners, 1)
        for one in (who.get(sha, UNKNOWN),)
    ]
    return Blamed(head=found.history.head, file=file, lines=lines)
