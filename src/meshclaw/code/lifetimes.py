"""The lines of a repository from birth to death, in one pass over what git says of its first-parent line."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import msgspec

from meshclaw.code import git
from meshclaw.code.classes import classes
from meshclaw.code.contents import lines_at, texts
from meshclaw.code.generated import attributes, generated
from meshclaw.code.git import MOST_ABSENT, Repository, Unreadable
from meshclaw.code.history import History
from meshclaw.code.kept import Kept, load, save
from meshclaw.code.ownership import Marks
from meshclaw.code.standing import Standing, compose
from meshclaw.code.stretches import Wanted, first_parents, read_stretches, said_of, spans
from meshclaw.errors import NotFound, Operational, UserError

VERSION = 1
"""Of what a reading makes of a history; what was kept under another one is read again."""
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


def read(
    path: Path,
    *,
    every: bool = False,
    marks: Marks | None = None,
    keep: Path | None = None,
    processes: int = 1,
) -> Lines:
    """Read the repository that ``path`` lies in; ``every`` reads files of excluded classes too.

    ``keep`` is a folder of ours: what was read is kept there, and the next time new commits alone are read. The result
    is the same, however many ``processes`` read and however often they did.

    Raises ``UserError`` for what is no repository or not the whole of one, and ``Damaged`` where a commit or a folder
    of it cannot be read. Contents of files that cannot be read are left out, and the caveats say so.
    """
    with git.opened(path) as repository:
        named = generated(repository, classes().of)
        if not every:
            repository.attribute(classes().attributes.encode() + attributes(named))
        wanted = Wanted(every=every, generated=frozenset(named), marks=marks or {})
        reading = _Reading(repository, wanted, keep, processes)
        standing = reading.around()
        for found, lines in texts(repository, (path for path, file in standing.live.items() if file.dark)):
            standing.reveal(standing.live[found], lambda _commit, _path, lines=lines: lines)
        return Lines(history=reading.history(standing), standing=standing)


class _Reading:
    def __init__(self, repository: Repository, wanted: Wanted, keep: Path | None, processes: int) -> None:
        self.repository, self.wanted, self.processes = repository, wanted, processes
        self.key = _key(wanted)
        name = sha256(repository.folder).hexdigest()[:32] + ("-every" if wanted.every else "")
        self.place = keep / f"{name}.lines" if keep else None
        self.absent: list[str] = []
        self.rewritten = ""

    def around(self) -> Standing:
        """Read again with stand-ins as long as git names contents that it cannot read."""
        while True:
            try:
                return self.once()
            except Unreadable as error:
                self.stand_in(error)

    def stand_in(self, error: Unreadable) -> None:
        repository = self.repository
        new = {*repository.absent(), *error.objects} - set(self.absent)
        if not new:
            raise error
        self.absent = sorted({*self.absent, *new})
        if len(self.absent) > MOST_ABSENT:
            raise UserError(
                f"{repository.path}: more than {MOST_ABSENT} contents are not there, as in a partial clone",
                fix="Read a clone that was made without --filter.",
            ) from error
        for blob in new:
            repository.stand_in(blob)

    def once(self) -> Standing:
        kept = self.kept()
        standing = kept.standing if kept else Standing()
        commits, parents = first_parents(self.repository, kept.head if kept else "")
        first = len(standing.commits.sha)
        cuts = spans(len(commits.sha), self.processes)
        for stretch in read_stretches(
            self.repository, commits, parents, cuts, first=first, wanted=self.wanted, processes=self.processes
        ):
            compose(standing, stretch, self.lines_at)
        if self.place and cuts:
            save(self.place, self.to_keep(standing))
        return standing

    def to_keep(self, standing: Standing) -> Kept:
        return Kept(
            head=self.repository.head,
            key=self.key,
            marks=_said(standing.commits.sha, self.wanted.marks),
            absent=self.absent,
            standing=standing,
        )

    def lines_at(self, commit: str, path: bytes) -> int:
        return lines_at(self.repository, commit, path)

    def kept(self) -> Kept | None:
        """What was kept of this very history, as far as it goes."""
        kept = load(self.place, self.key) if self.place else None
        if kept is None or kept.marks != _said(kept.standing.commits.sha, self.wanted.marks):
            return None
        self.rewritten = "" if self._on_the_line(kept.head) else kept.head
        if self.rewritten or self._came_back(kept.absent):
            return None
        for blob in set(kept.absent) - set(self.absent):
            self.repository.stand_in(blob)
        self.absent = sorted({*self.absent, *kept.absent})
        return kept

    def _on_the_line(self, old: str) -> bool:
        if old == self.repository.head:
            return True
        try:
            parents = first_parents(self.repository, old)[1]
        except (Unreadable, Operational):  # it is not in the repository any more
            return False
        return parents[:1] == [old]

    def _came_back(self, absent: list[str]) -> bool:
        """Contents that could not be read then, and are there now."""
        asked = "".join(f"{blob}\n" for blob in set(absent) - set(self.absent)).encode()
        return bool(asked) and b"blob" in self.repository.run("cat-file", "--batch-check", given=asked)

    def history(self, standing: Standing) -> History:
        caveats: list[str] = []
        if self.absent:
            names = ", ".join(self.absent[:NAMED]) + (", ..." if len(self.absent) > NAMED else "")
            caveats.append(
                f"{len(self.absent)} contents of files cannot be read and count as without lines: {names}"
            )
        if self.rewritten:
            caveats.append(f"the history was rewritten since {self.rewritten[:12]} and was read anew")
        return History(
            head=self.repository.head,
            commits=standing.commits,
            files=standing.files,
            batches=standing.batches,
            deaths=standing.deaths,
            caveats=caveats,
        )


def _key(wanted: Wanted) -> str:
    """Of everything but the repository and the marks that the result depends on."""
    return sha256(
        repr((VERSION, classes().version, wanted.every, sorted(wanted.generated))).encode()
    ).hexdigest()


def _said(commits: Sequence[str], marks: Marks) -> str:
    """Digest of the marks that these commits have."""
    said = sorted(
        (sha, sorted((path, tuple(ranges)) for path, ranges in files.items()))
        for sha, files in said_of(commits, marks).items()
    )
    return sha256(repr(said).encode()).hexdigest()
