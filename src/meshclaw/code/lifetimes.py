"""The lines of a repository from birth to death, in one pass over what git says of its first-parent line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from meshclaw.code import git
from meshclaw.code.classes import classes
from meshclaw.code.contents import lines_at, texts
from meshclaw.code.git import MOST_ABSENT, Repository, Unreadable
from meshclaw.code.history import History
from meshclaw.code.ownership import Marks
from meshclaw.code.standing import Standing, compose
from meshclaw.code.stretches import Wanted, first_parents, read_stretch
from meshclaw.errors import NotFound, UserError

NAMED = 3
"""How many objects a caveat names."""


class Lines(msgspec.Struct, frozen=True, kw_only=True):
    """A repository's lines: what became of all, and whose those are that stand."""

    history: History
    standing: Standing

    def blame(self, path: bytes) -> list[str]:
        """Commit of every line of a file at the head, by its path there."""
        file = self.standing.live.get(path)
        if file is None:
            raise NotFound(f"{path.decode('utf-8', 'replace')}: no such file at the head of the repository")
        commits, batches = self.standing.commits.sha, self.standing.batches.commit
        return [commits[batches[owner]] for owner in file.lines()]


def read(path: Path, *, every: bool = False, marks: Marks | None = None) -> Lines:
    """Read the repository that ``path`` lies in; ``every`` reads files of excluded classes too.

    Raises ``UserError`` for what is no repository or not the whole of one, and ``Damaged`` where a commit or a folder
    of it cannot be read. Contents of files that cannot be read are left out, and the caveats say so.
    """
    wanted = Wanted(every=every, marks=marks or {})
    with git.opened(path, attributes="" if every else classes().attributes) as repository:
        absent: list[str] = []
        standing = _around(repository, absent, lambda: _read(repository, wanted))
        for found, lines in texts(repository, (path for path, file in standing.live.items() if file.dark)):
            standing.reveal(standing.live[found], lambda _commit, _path, lines=lines: lines)
        return Lines(history=_history(repository, standing, absent), standing=standing)


def _read(repository: Repository, wanted: Wanted) -> Standing:
    standing = Standing()
    commits, parents = first_parents(repository)
    stretch = read_stretch(repository, commits, parents, first=0, wanted=wanted)
    compose(standing, stretch, lambda commit, path: lines_at(repository, commit, path))
    return standing


def _around(repository: Repository, absent: list[str], read: Callable[[], Standing]) -> Standing:
    """Read again with stand-ins as long as git names contents that it cannot read; ``absent`` takes their names."""
    while True:
        try:
            return read()
        except Unreadable as error:
            new = {*repository.absent(), *error.objects} - set(absent)
            if not new:
                raise
            absent += sorted(new)
            if len(absent) > MOST_ABSENT:
                raise UserError(
                    f"{repository.path}: more than {MOST_ABSENT} contents are not there, as in a partial clone",
                    fix="Read a clone that was made without --filter.",
                ) from error
            for blob in new:
                repository.stand_in(blob)


def _history(repository: Repository, standing: Standing, absent: list[str]) -> History:
    caveats: list[str] = []
    if absent:
        names = ", ".join(sorted(absent)[:NAMED]) + (", ..." if len(absent) > NAMED else "")
        caveats.append(f"{len(absent)} contents of files cannot be read and count as without lines: {names}")
    return History(
        head=repository.head,
        commits=standing.commits,
        files=standing.files,
        batches=standing.batches,
        deaths=standing.deaths,
        caveats=caveats,
    )
