"""Which contents each file had, one after the other: what git says of the first-parent line without looking into them.

So git need not be asked for a difference commit by commit. Everything about one file is asked for at once, where what
one difference took out of a pack serves the next; what came or went whole is not compared with anything; and files can
be shared out among processes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from itertools import pairwise

import msgspec

from meshclaw.code.classes import classes
from meshclaw.code.digests import Contents, Digests
from meshclaw.code.git import Repository
from meshclaw.code.history import Commits
from meshclaw.code.standing import File, Standing
from meshclaw.errors import Damaged

LATEST, EARLIEST = 2**62, -(2**62)
FEWEST = 500
"""Commits that one process lists: to start another one costs about as much."""
LISTED = (
    "diff-tree", "--stdin", "-r", "-z", "--root", "--raw", "--no-abbrev", "-M50%", "-l1000", "--no-relative",
    "--ignore-submodules=none", "--format=%x01%H",
)  # fmt: skip
COMMIT = b"\x01"
SUBMODULE = b"160000"
LINK = b"120000"
MODES = {SUBMODULE: "submodule", LINK: "link"}

Marks = dict[str, dict[bytes, list[tuple[int, int, int]]]]
"""By commit and path: first and last of its new lines, and what the caller says of them."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What the caller asked for."""

    every: bool = False
    """Files of excluded classes too."""
    generated: frozenset[bytes] = frozenset()
    """Paths that are known to be generated, beside those whose class the rules tell."""
    marks: Marks = msgspec.field(default_factory=Marks)

    def kind_of(self, path: bytes) -> str:
        return classes().of(path) or ("generated" if path in self.generated else "")


class Step(msgspec.Struct, frozen=True, gc=False):
    """One commit that changed the content of a file."""

    commit: int
    old: bytes
    new: bytes
    path: bytes
    source: bytes
    """Path before."""
    counts: bool
    """Of no excluded class, where it is then. Of others that are read nobody asks what their lines say."""


class Chain(msgspec.Struct, gc=False):
    """One file for as long as it is there and read."""

    file: int
    path: bytes
    """Where it began."""
    begun: int
    """Commit; -1 where it stood before."""
    first: bytes = b""
    """Content that it began with; empty where it stood before, and for a submodule."""
    base: File | None = None
    """As it stood before."""
    counts: bool = True
    """Of no excluded class, where it began."""
    counting: bool = True
    """The same, where it is now."""
    unread: bool = False
    steps: list[Step] = msgspec.field(default_factory=list[Step])
    ended: int = -1
    """Commit, or -1 where it stands at the end."""
    lines: int = -1
    """Of the content that it began with; -1 for what is no text."""
    apart: list[tuple[int, int]] | None = None
    """Mark, and whether it is long, of each of these lines; ``None`` where nothing is to be said of any."""


def first_parents(repository: Repository, after: str = "") -> tuple[Commits, list[str]]:
    """The line, oldest first, and the parent of each commit; ``after`` leaves out what that commit reaches."""
    span = [repository.head, f"^{after}"] if after else [repository.head]
    told = repository.run("rev-list", "--first-parent", "--reverse", "--timestamp", "--parents", *span)
    commits, parents = Commits(), list[str]()
    for row in told.decode().splitlines():
        at, sha, *some = row.split(" ")
        commits.sha.append(sha)
        commits.at.append(min(max(int(at), EARLIEST), LATEST))
        parents.append(some[0] if some else "")
    return commits, parents


def listed(
    repository: Repository, commits: Sequence[str], parents: Sequence[str], processes: int
) -> Iterator[bytes]:
    """What each commit did to which file, from several processes at a time where there are many commits."""
    pieces = max(1, min(processes, len(commits) // FEWEST))
    cuts = [len(commits) * piece // pieces for piece in range(pieces + 1)]
    rows = [f"{sha} {parent}\n".encode() for sha, parent in zip(commits, parents, strict=True)]
    with tempfile.TemporaryFile() as said:
        running = [
            repository.begin(*LISTED, given=b"".join(rows[start:stop]), said=said)
            for start, stop in pairwise(cuts)
        ]
        for process, told in running:
            with process, told:
                process.wait()
                if process.returncode:
                    said.seek(0)
                    raise repository.failed("diff-tree", said.read())
                told.seek(0)
                yield told.read()


class Chains:
    """All chains that the new commits make or go on with. ``standing`` has their commits already, from ``first`` on."""

    def __init__(self, standing: Standing, first: int, wanted: Wanted, digests: Digests) -> None:
        self.all: list[Chain] = []
        self.live: dict[bytes, Chain] = {}
        self._standing, self._wanted, self._digests = standing, wanted, digests
        self._commit = first - 1
        self._contents = Contents()

    def read(self, told: bytes) -> None:
        """A whole answer of git's. May be called again for the commits that follow."""
        fields = iter(told.split(b"\0"))
        for field in fields:
            if field.startswith(COMMIT):
                self._open(field[1:].decode())
            elif field:
                self._change(field, fields)
        self._close()

    def _open(self, sha: str) -> None:
        self._close()
        commits, at = self._standing.commits.sha, self._commit + 1
        while at < len(commits) and commits[at] != sha:
            at += 1
        if at == len(commits):
            raise Damaged(f"git speaks of the commit {sha!r} and was not asked for it")
        self._commit = at

    def _close(self) -> None:
        if self._contents.before:
            commits, at = self._standing.commits, self._commit
            commits.before[at], commits.after[at] = self._contents.taken()

    def _change(self, field: bytes, fields: Iterator[bytes]) -> None:
        mode, other, old, new, how = field.lstrip(b"\n:").split(b" ")
        path = next(fields)
        letter = how[:1]
        if letter == b"M":
            self._went_on(self._at(path), mode, old, new, source=path, path=path)
        elif letter == b"A":
            self._begin(path, other, new, old)
        elif letter == b"D":
            self._end(path, old, new)
        elif letter == b"T":  # a link, a file or a submodule in place of one another
            zero = b"0" * len(old)
            self._end(path, old, zero)
            self._begin(path, other, new, zero)
        elif letter == b"R":
            self._move(path, next(fields), mode, old, new)
        else:
            raise Damaged(f"commit {self._sha()}: git describes a change of {path!r} in an unknown way")

    def _at(self, path: bytes) -> Chain:
        chain = self.live.get(path)
        if chain is None:
            base = self._standing.live.get(path)
            if base is None:
                raise Damaged(f"commit {self._sha()} changes {path!r}, which is not there")
            kind = self._wanted.kind_of(path)
            chain = Chain(
                base.file,
                path,
                -1,
                base=base,
                counting=not kind,
                unread=bool(kind) and not self._wanted.every,
            )
            self.all.append(chain)
            del self._standing.live[path]
            self.live[path] = chain
        return chain

    def _went_on(
        self, chain: Chain, mode: bytes, old: bytes, new: bytes, *, source: bytes, path: bytes
    ) -> None:
        if chain.counting:
            self._contents.add(source, path, old, new)
        if old != new and not chain.unread and mode != SUBMODULE:
            chain.steps.append(Step(self._commit, old, new, path, source, chain.counting))
        elif source != path and chain.counting:
            self._digests.add(self._commit, source, path, b"", b"")

    def _begin(self, path: bytes, mode: bytes, new: bytes, zero: bytes) -> Chain:
        files = self._standing.files
        kind = self._wanted.kind_of(path)
        unread = bool(kind) and not self._wanted.every
        chain = Chain(
            len(files.path), path, self._commit, counts=not kind, counting=not kind, unread=unread,
            first=b"" if unread or mode == SUBMODULE else new,
        )  # fmt: skip
        files.path.append(path)
        files.born.append(self._commit)
        files.kind.append(kind or MODES.get(mode, "source"))
        self.all.append(chain)
        self.live[path] = chain
        if chain.counts:
            self._contents.born(path, new)
            self._digests.add(self._commit, path, path, zero, new)
        return chain

    def _end(self, path: bytes, old: bytes, zero: bytes) -> None:
        chain = self._at(path)
        chain.ended = self._commit
        del self.live[path]
        if chain.counting:
            self._contents.ended(path, old)
            self._digests.add(self._commit, path, path, old, zero)

    def _move(self, source: bytes, path: bytes, mode: bytes, old: bytes, new: bytes) -> None:
        """The same file, unless it goes in or out of what is read: then it ends, or begins, here."""
        chain = self._at(source)
        del self.live[source]
        kind = self._wanted.kind_of(path)
        if chain.unread == (bool(kind) and not self._wanted.every):
            chain.counting = not kind
            self.live[path] = chain
            self._went_on(chain, mode, old, new, source=source, path=path)
            return
        chain.ended = self._commit
        self._begin(path, mode, new, old)

    def _sha(self) -> str:
        return self._standing.commits.sha[self._commit] if self._commit >= 0 else "?"
