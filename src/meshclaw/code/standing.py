"""What stands at the head: the history so far and the owner of every line, which a further stretch goes on from."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import msgspec

from meshclaw.code.history import Batches, Commits, Deaths, Files


class Runs(msgspec.Struct, kw_only=True):
    """Owners of the lines of many files, in runs: so they are kept on disk, and where there is not much to say."""

    batch: array[int] = msgspec.field(default_factory=lambda: array("I"))
    lines: array[int] = msgspec.field(default_factory=lambda: array("I"))

    def file(self, file: int, batch: int, lines: int) -> File:
        """One more, all of whose lines are of one batch."""
        start = len(self.batch)
        if lines:
            self.batch.append(batch)
            self.lines.append(lines)
        return File(file, None, self, start, len(self.batch))


class File(msgspec.Struct, gc=False):
    """A file that stands. Its owners are a list, or a part of the runs that were read from disk."""

    file: int
    owners: list[int] | None = None
    runs: Runs | None = None
    start: int = 0
    stop: int = 0

    def lines(self) -> list[int]:
        if self.owners is None:
            self.owners = []
            for run in range(self.start, self.stop if self.runs else 0):
                self.owners += [self.runs.batch[run]] * self.runs.lines[run] if self.runs else []
            self.runs = None
        return self.owners


class Standing(msgspec.Struct, kw_only=True):
    commits: Commits = msgspec.field(default_factory=Commits)
    files: Files = msgspec.field(default_factory=Files)
    batches: Batches = msgspec.field(default_factory=Batches)
    deaths: Deaths = msgspec.field(default_factory=Deaths)
    live: dict[bytes, File] = msgspec.field(default_factory=dict[bytes, File])
    """By path."""

    def follow(self, new: Commits) -> int:
        """Commits that follow, of which nothing is known yet. Gives the place of the first of them."""
        commits, size = self.commits, len(new.sha)
        first = len(commits.sha)
        commits.sha += new.sha
        commits.at += new.at
        for column in (commits.added, commits.died, commits.respaced):
            column.frombytes(bytes(size * column.itemsize))
        for column in (commits.forward, commits.backward, commits.before, commits.after):
            column.extend([b""] * size)
        return first

    def add(self, new: Batches, died: Sequence[tuple[int, int, int]]) -> array[int]:
        """Batches and deaths of the commits that follow, in their order; gives the number of every batch there is."""
        all_ = self.batches
        first = len(all_.commit)
        numbers = array("L", range(first))
        order = _order(all_, new)
        numbers.extend(order)  # to have its length
        for number, place in enumerate(order, first):
            numbers[first + place] = number
        for name in ("commit", "file", "lines", "mark", "long"):
            column = getattr(new, name)
            getattr(all_, name).extend(map(column.__getitem__, order))
        all_.root.extend(numbers[new.root[place]] for place in order)
        deaths = self.deaths
        for commit, batch, lines in sorted(
            [(commit, numbers[batch], lines) for commit, batch, lines in died]
        ):
            deaths.commit.append(commit)
            deaths.batch.append(batch)
            deaths.lines.append(lines)
        return numbers


def _order(all_: Batches, new: Batches) -> list[int]:
    """By commit, file, root, mark and length, so that it does not depend on who read what, and when."""
    first = len(all_.commit)
    marked = [
        (commit, file, (), mark, long)
        for commit, file, mark, long in zip(new.commit, new.file, new.mark, new.long, strict=True)
    ]

    def key(place: int) -> tuple[int, int, object, int, int]:
        root = new.root[place]
        if root == first + place:
            return marked[place]
        commit, file, _, mark, long = marked[place]
        if root >= first:
            return commit, file, marked[root - first], mark, long
        return (
            commit,
            file,
            (all_.commit[root], all_.file[root], (), all_.mark[root], all_.long[root]),
            mark,
            long,
        )

    return sorted(range(len(new.commit)), key=key)
