"""The lines of a repository from birth to death, in one pass over what git says of its first-parent line."""

from __future__ import annotations

import gc
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import msgspec

from meshclaw.code import contents, git
from meshclaw.code.chains import Chains, Marks, Wanted, first_parents, listed
from meshclaw.code.classes import classes
from meshclaw.code.digests import Digests
from meshclaw.code.generated import generated
from meshclaw.code.git import MOST_ABSENT, Repository, Unreadable
from meshclaw.code.history import History
from meshclaw.code.kept import Kept, load, save
from meshclaw.code.ownership import Ownership
from meshclaw.code.standing import File, Runs, Standing
from meshclaw.code.stream import differences
from meshclaw.errors import NotFound, Operational, UserError

VERSION = 2
"""Of what a reading makes of a history; what was kept under another one is read again."""
NAMED = 3
"""How many objects a caveat names."""

Say = Callable[[int, int], None]
"""Gets how much of the work is done, and how much there is."""


def silent(_done: int, _all: int) -> None:
    """Nobody asked how far the reading is."""


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
    say: Say = silent,
) -> Lines:
    """Read the repository that ``path`` lies in; ``every`` reads files of excluded classes too.

    ``keep`` is a folder of ours: what was read is kept there, and the next time new commits alone are read. The result
    is the same, however many ``processes`` of git's read and however often they did. ``say`` gets how many changes of
    files were read, and how many there are.

    Raises ``UserError`` for what is no repository or not the whole of one, and ``Damaged`` where a commit or a folder
    of it cannot be read. Contents of files that cannot be read are left out, and the caveats say so.
    """
    with git.opened(path) as repository:
        named = generated(repository, classes().of)
        wanted = Wanted(every=every, generated=frozenset(named), marks=marks or {})
        reading = _Reading(repository, wanted, keep, processes, say)
        with _at_rest():
            standing = reading.around()
        return Lines(history=reading.history(standing), standing=standing)


class _Reading:
    def __init__(
        self, repository: Repository, wanted: Wanted, keep: Path | None, processes: int, say: Say
    ) -> None:
        self.repository, self.wanted, self.processes, self.say = repository, wanted, processes, say
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
        if commits.sha:
            self.follow(standing, standing.follow(commits), parents)
            if self.place:
                save(self.place, self.to_keep(standing))
        return standing

    def follow(self, standing: Standing, first: int, parents: Sequence[str]) -> None:
        """Take the commits from ``first`` on into what stands."""
        repository, commits, digests = self.repository, standing.commits, Digests()
        marks = said_of(commits.sha[first:], self.wanted.marks)
        chains = Chains(standing, first, self.wanted, digests)
        for told in listed(repository, commits.sha[first:], parents, self.processes):
            chains.read(told)
        absent = frozenset(self.absent)
        contents.first(repository, chains.all, commits.sha, absent=absent, marks=marks)
        steps = sum(len(chain.steps) for chain in chains.all)
        with contents.asking(repository, absent) as asking:
            found = Ownership(
                commits, standing.batches.root, marks=marks, digests=digests, lines_of=asking.lines_of
            )
            for chain in chains.all:
                if not chain.steps:
                    found.untouched(chain)
            differences(
                repository, chains.all, processes=self.processes, take=found.take,
                say=lambda done: self.say(done, steps),
            )  # fmt: skip
        digests.write(commits)
        numbers, runs = standing.add(found.batches, found.died), Runs()
        for path, chain in chains.live.items():
            owners = found.owners.get(id(chain))
            if owners is not None:
                standing.live[path] = File(chain.file, list(map(numbers.__getitem__, owners)))
            elif chain.base:
                standing.live[path] = chain.base
            else:
                batch, lines = found.alone.get(id(chain), (0, 0))
                standing.live[path] = runs.file(chain.file, numbers[batch] if lines else 0, lines)

    def to_keep(self, standing: Standing) -> Kept:
        return Kept(
            head=self.repository.head,
            key=self.key,
            marks=_said(standing.commits.sha, self.wanted.marks),
            absent=self.absent,
            standing=standing,
        )

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


def said_of(commits: Sequence[str], marks: Marks) -> Marks:
    return {sha: marks[sha] for sha in commits if sha in marks} if marks else {}


def _said(commits: Sequence[str], marks: Marks) -> str:
    """Digest of the marks that these commits have."""
    said = sorted(
        (sha, sorted((path, tuple(ranges)) for path, ranges in files.items()))
        for sha, files in said_of(commits, marks).items()
    )
    return sha256(repr(said).encode()).hexdigest()


@contextmanager
def _at_rest() -> Generator[None]:
    """Without the garbage collector: what is made meanwhile has no cycles, and there is much of it."""
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()
