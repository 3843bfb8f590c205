"""The first-parent line, and a stretch of it read from git."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise

import msgspec

from meshclaw.code import stream
from meshclaw.code.classes import classes
from meshclaw.code.contents import lines_at
from meshclaw.code.git import Repository
from meshclaw.code.history import Commits
from meshclaw.code.ownership import Marks, Reader, Stretch
from meshclaw.errors import Damaged

LATEST, EARLIEST = 2**62, -(2**62)
FEWEST = 500
"""Commits of a stretch: another process costs about as much as reading a few hundred."""
PER_PROCESS = 4


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What the caller asked for."""

    every: bool = False
    """Files of excluded classes too."""
    generated: frozenset[bytes] = frozenset()
    """Paths that are known to be generated, beside those whose class the rules tell."""
    marks: Marks = msgspec.field(default_factory=dict[str, dict[bytes, list[tuple[int, int, int]]]])

    def kind_of(self, path: bytes) -> str:
        return classes().of(path) or ("generated" if path in self.generated else "")


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


def read_stretch(
    repository: Repository, commits: Commits, parents: Sequence[str], first: int, wanted: Wanted
) -> Stretch:
    """Raises ``Damaged`` where git or we cannot go on."""
    reader = Reader(
        commits,
        first,
        kind_of=wanted.kind_of,
        lines_of=lambda commit, path: lines_at(repository, commit, path),
        every=wanted.every,
        marks=wanted.marks,
    )
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as said, _at_rest():
        given.writelines(
            f"{sha} {parent}\n".encode() for sha, parent in zip(commits.sha, parents, strict=True)
        )
        given.seek(0)
        with repository.start(*stream.DIFFERENCES, given=given, said=said) as process:
            try:
                found = (
                    reader.read(stream.parts(stream.pieces(process.stdout)))
                    if process.stdout
                    else reader.stretch
                )
            except Damaged:
                # what git could not write to its end may make no sense: git's own words come first
                if process.wait() <= 0:
                    raise
                found = reader.stretch
        if process.returncode:
            said.seek(0)
            raise repository.failed("diff-tree", said.read())
    return found


def said_of(commits: Sequence[str], marks: Marks) -> Marks:
    return {sha: marks[sha] for sha in commits if sha in marks} if marks else {}


def spans(size: int, processes: int) -> list[tuple[int, int]]:
    """Where to cut so many commits. Late commits cost more than early ones, so there are more spans than processes."""
    pieces = min(processes * PER_PROCESS, size // FEWEST) if processes > 1 else 1
    cuts = [size * piece // max(pieces, 1) for piece in range(max(pieces, 1) + 1)]
    return list(pairwise(cuts)) if size else []


def read_stretches(
    repository: Repository,
    commits: Commits,
    parents: Sequence[str],
    cuts: Sequence[tuple[int, int]],
    *,
    first: int,
    wanted: Wanted,
    processes: int = 1,
) -> Iterator[Stretch]:
    """In order; several at a time where there are several ``processes``."""
    asked = [
        (
            repository,
            Commits(sha=commits.sha[start:stop], at=commits.at[start:stop]),
            parents[start:stop],
            first + start,
            msgspec.structs.replace(wanted, marks=said_of(commits.sha[start:stop], wanted.marks)),
        )
        for start, stop in cuts
    ]
    if processes == 1 or len(asked) <= 1:
        yield from (read_stretch(*one) for one in asked)
        return
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    with ProcessPoolExecutor(min(processes, len(asked)), mp_context=get_context("spawn")) as pool:
        reading = [pool.submit(read_stretch, *one) for one in asked]
        try:
            while reading:
                yield reading.pop(0).result()
        finally:
            for one in reading:
                one.cancel()


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
